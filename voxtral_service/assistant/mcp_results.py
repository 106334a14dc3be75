"""What tool servers send, cut down to what a model can be given."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxtral_service.chat import Tool
from voxtral_service.tool_servers import ToolFilter

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult
    from mcp_types import Tool as McpTool

logger = logging.getLogger(__name__)

MAX_TOOLS = 64
"""Of one server."""
MAX_PAGES = 16
MAX_NAME = 64
"""OpenAI's bound on the names of functions; others have it too."""
MAX_DESCRIPTION = 1_000
MAX_SCHEMA = 8_000
"""Characters of a tool's parameters as JSON."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool as its server names it; `read_only` is what the server says of it."""

    tool: Tool
    read_only: bool


async def listed(client: Client, label: str, allowed: ToolFilter) -> tuple[Listed, ...]:
    """The tools of a server that may be called and can be told to a model, the first 64."""
    tools: dict[str, Listed] = {}
    cursor = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        for offered in page.tools:
            tool = _listed(offered, label)
            if tool is not None and allowed.covers(tool.tool.name, read_only=tool.read_only):
                tools.setdefault(tool.tool.name, tool)
        cursor = page.next_cursor
        if cursor is None or len(tools) >= MAX_TOOLS:
            break
    if len(tools) > MAX_TOOLS or cursor is not None:
        logger.warning("the tool server %s has more than %d tools; the others are left out", label, MAX_TOOLS)
    return tuple(tools.values())[:MAX_TOOLS]


def _listed(offered: McpTool, label: str) -> Listed | None:
    schema = offered.input_schema
    if schema.get("type") != "object" or len(json.dumps(schema)) > MAX_SCHEMA or not 0 < len(offered.name) <= 128:
        logger.warning("the tool server %s has a tool that no model can be told of: %.80r", label, offered.name)
        return None
    hints = offered.annotations
    read_only = bool(hints is not None and hints.read_only_hint)
    return Listed(Tool(offered.name, (offered.description or "")[:MAX_DESCRIPTION], schema), read_only)


def model_name(label: str, name: str) -> str:
    """What a model calls a tool: different for every server, and of the characters that all models take."""
    full = re.sub(r"[^A-Za-z0-9_-]", "_", f"{label}__{name}")
    if full == f"{label}__{name}" and len(full) <= MAX_NAME:
        return full
    digest = hashlib.sha256(f"{label}\0{name}".encode()).hexdigest()[:8]
    return f"{full[: MAX_NAME - 9]}_{digest}"


def text_of(result: CallToolResult) -> str:
    """A result as text; what is no text is named."""
    parts: Sequence[Any] = result.content
    text = "\n".join(_part(part) for part in parts)
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    return text or "(nothing)"


def _part(part: Any) -> str:
    match part.type:
        case "text":
            return str(part.text)
        case "resource" if getattr(part.resource, "text", None) is not None:
            return str(part.resource.text)
        case "resource_link":
            return f"[{part.name}: {part.uri}]"
        case kind:
            return f"[{kind}, which cannot be read here]"
