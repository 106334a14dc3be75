"""How chat models write calls of tools, for the streaming parser of transformers 5.

A checkpoint may bring its own `response_template`; for the others the chat template tells the family. What each family
writes is described in its model cards: Mistral (v3 and v11 tokenizers), Hermes and Qwen, Llama 3.1.
"""

from __future__ import annotations

import re
from typing import Any

_THINKING = {"reasoning_content": {"open": "<think>", "close": "</think>", "content": "text"}}
_CALL = {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}}
_EACH = {"type": "function", "function": {"name": "{name}", "arguments": "{arguments}"}}


def _template(**tool_calls: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {**_THINKING, "content": {"content": "text", "content_args": {"strip": False}}}
    if tool_calls:
        fields["tool_calls"] = {"repeats": True, "content": "json", **tool_calls}
    # Only what the model writes is parsed, and what the chat template has begun of it: see `begun`.
    return {"defaults": {"role": "assistant"}, "start_anchor": "\0", "fields": fields}


NO_CALLS = _template()
MISTRAL = _template(
    open_pattern=r"\s*\[TOOL_CALLS\]\s*(?P<name>[\w.-]+)(?:\[CALL_ID\]\w*)?\[ARGS\]",
    close_pattern=r"(?=\[TOOL_CALLS\])",
    transform=_CALL,
)
"""`[TOOL_CALLS]name[ARGS]{...}`, from the v11 tokenizer on."""
MISTRAL_LIST = _template(open="[TOOL_CALLS]", transform=_EACH, transform_each=True)
"""`[TOOL_CALLS] [{"name": ..., "arguments": {...}}]`."""
HERMES = _template(
    open_pattern=r"\s*<tool_call>", close="</tool_call>", transform={"type": "function", "function": "{content}"}
)
"""`<tool_call>{"name": ..., "arguments": {...}}</tool_call>`."""
QWEN_XML = _template(
    open_pattern=r"\s*<tool_call>\s*<function=(?P<name>[^>\n]+)>",
    close_pattern=r"</function>\s*</tool_call>",
    content="xml-inline",
    content_args={"tag_pattern": r"<parameter=(?P<key>[^>\n]+)>\s*(?P<value>.*?)\s*</parameter>"},
    transform=_CALL,
)
"""`<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`, of Qwen 3.5 and Qwen Coder."""
LLAMA = _template(
    open_pattern=r"\s*(?:<\|python_tag\|>)?\s*(?=\{\s*\"(?:type\"\s*:\s*\"function\"\s*,\s*\")?name\")",
    close_pattern=r"(?<=\})\s*;\s*",
    transform={"type": "function", "function": {"name": "{content.name}", "arguments": "{content.parameters}"}},
)
"""`{"name": ..., "parameters": {...}}`, of which there may be several, parted by semicolons."""

# The first whose marks are all in a chat template.
_FAMILIES: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("[TOOL_CALLS]", "[ARGS]"), MISTRAL),
    (("[TOOL_CALLS]",), MISTRAL_LIST),
    (("<tool_call>", "<function="), QWEN_XML),
    (("<tool_call>",), HERMES),
    (("ipython", '"parameters"'), LLAMA),
)


def response_template(own: dict[str, Any] | None, chat_template: str) -> dict[str, Any]:
    """How to read what a model writes: its `own` template, or that of the family its chat template is of."""
    if own is not None:
        return own
    families = (template for marks, template in _FAMILIES if all(mark in chat_template for mark in marks))
    return next(families, NO_CALLS)


def opening(template: dict[str, Any]) -> str:
    """What every call begins with, which makes the model call when it stands there already; "" if there is no such."""
    field = template["fields"].get("tool_calls", {})
    if isinstance(field.get("open"), str):
        return str(field["open"])
    literal = re.match(r"(?:\\s\*)?((?:[^\\()\[\]{}.*+?^$|]|\\[^a-zA-Z0-9])+)", field.get("open_pattern", ""))
    return re.sub(r"\\(.)", r"\1", literal[1]) if literal else ""
