"""How conversations are written out for the model: its tokens, its chat template, how its calls are read back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from documents import QUOTED
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from wants import TOOLS

SPECIAL = [
    "<pad>",
    "<s>",
    "</s>",
    "<tools>",
    "<user>",
    "<assistant>",
    "<tool>",
    "<call>",
    "<argument>",
    "<value>",
    "</call>",
]
PAD, BEGIN, END = 0, 1, 2
WINDOW = 1024
RESULT_CHARACTERS = 900
"""Of a tool's result, that the model reads."""

# Every word has its space in front, whether it is said, stands in a call or in an answer: to copy it is to copy its tokens.
# Digits stand alone. System messages are left out: this model follows no instructions. Tools that it was not trained on too.
TEMPLATE = """{{ '<s>' }}
{%- set known = [__KNOWN__] %}
{%- if tools %}{{ '<tools>' }}
{%- for tool in tools %}{% set function = tool.function if tool.function is defined else tool %}
{%- if function.name in known %}{{ ' ' + function.name }}{% endif %}{% endfor %}{% endif %}
{%- for message in messages %}
{%- set text = (message.content or '') | replace('<', '(') | replace("__QUOTED__", '') | trim %}
{%- if message.role == 'user' %}{{ '<user> ' + text }}
{%- elif message.role == 'tool' %}{{ '<tool> ' + text[:__LENGTH__] }}
{%- elif message.role == 'assistant' %}{{ '<assistant>' + (' ' + text if text else '') }}
{%- for call in message.tool_calls or [] %}{% set function = call.function if call.function is defined else call %}
{{- '<call>' + function.name }}
{%- for name, value in function.arguments.items() %}{{ '<argument>' + name + '<value> ' + (value | string | replace('<', '(')) }}{% endfor %}
{{- '</call>' }}{% endfor %}{{ '</s>' }}
{%- endif %}{% endfor %}
{%- if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"""
TEMPLATE = (
    TEMPLATE.replace("__KNOWN__", ", ".join(f"'{name}'" for name in TOOLS))
    .replace("__LENGTH__", str(RESULT_CHARACTERS))
    .replace("__QUOTED__", QUOTED)
)

RESPONSE_TEMPLATE: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<assistant>",
    "fields": {
        "tool_calls": {
            "open_pattern": r"<call>(?P<name>\w+)",
            "close": "</call>",
            "repeats": True,
            "content": "xml-inline",
            "content_args": {"tag_pattern": r"<argument>(?P<key>\w+)<value>\s*(?P<value>[^<]*)"},
            "transform": {"type": "function", "function": {"name": "{name}", "arguments": "{content}"}},
        },
        "content": {"close": "</s>", "content": "text"},
    },
}
"""For the parser of transformers 5 (`tokenizer.parse_response`)."""


def render(tools: Iterable[str], messages: Iterable[dict[str, Any]]) -> list[tuple[str, bool]]:
    """A conversation as pieces of text, and whether the model is to learn to write each; what TEMPLATE makes of it."""
    names = " ".join(tools)
    pieces = [("<s>" + (f"<tools> {names}" if names else ""), False)]
    for message in messages:
        text = " " + message["content"].replace("<", "(").replace(QUOTED, "").strip()
        if message["role"] == "user":
            pieces.append((f"<user>{text}", False))
        elif message["role"] == "tool":
            pieces.append((f"<tool> {text.strip()[:RESULT_CHARACTERS]}", False))
        else:
            calls = "".join(
                f"<call>{name}"
                + "".join(f"<argument>{key}<value> {value}" for key, value in arguments.items())
                + "</call>"
                for name, arguments in message.get("calls", [])
            )
            pieces += [
                ("<assistant>", False),
                (f"{text.rstrip()}{calls}</s>" if text.strip() else f"{calls}</s>", True),
            ]
    return pieces


def learn_tokens(texts: Iterable[str], size: int) -> Tokenizer:
    """A byte-level BPE of so many tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\p{N}| ?[\p{L}_']+| ?[^\s\p{L}\p{N}_']|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """The tokenizer's files as `AutoTokenizer` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "model_max_length": WINDOW,
        "clean_up_tokenization_spaces": False,
        "response_template": RESPONSE_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
