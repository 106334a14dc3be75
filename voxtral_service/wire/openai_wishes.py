"""What a client's session, or one `response.create`, says about answers, in house terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from voxtral_service.chat import Tool
from voxtral_service.events import AudioFormat, ResponseSettings
from voxtral_service.wire import frames
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_merge import (
    At,
    Rule,
    Unusable,
    either,
    fields,
    integer,
    list_of,
    nullable,
    number,
    of,
    one_of,
)
from voxtral_service.wire.voices import LocalVoice, known_voice

FLAT_FORMATS: Mapping[str, JsonObject] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
"""The beta's names, understood everywhere because a client that uses one means exactly this."""
_TELEPHONE = {"audio/pcmu": "pcm_mulaw", "audio/pcma": "pcm_alaw"}
MOST_METADATA = 16


def modalities(_: Any, new: Any, __: At) -> list[str]:
    """Sound, whose words come with it, or text alone."""
    if not isinstance(new, list) or not new or not all(kind in ("audio", "text") for kind in new):
        raise Unusable('["audio"] or ["text"]')
    return ["audio"] if "audio" in new else ["text"]


def voice(_: Any, new: Any, __: At) -> str:
    """A name, which readers want as a string whatever was sent."""
    name = new.get("id") if isinstance(new, dict) else new
    if not isinstance(name, str) or not name:
        raise Unusable("a voice's name")
    return name


def answering(audio_format: Rule) -> Mapping[str, Rule]:
    """The rules for what a session and a response share."""
    output = fields({"format": audio_format, "voice": voice, "speed": number(0.25, 1.5)})
    return {
        "output_modalities": modalities,
        "instructions": of(str),
        "tools": list_of(dict),
        "tool_choice": either(of(str), of(dict)),
        "max_output_tokens": either(one_of("inf"), integer(1, 4_096)),
        "parallel_tool_calls": of(bool),
        "reasoning": nullable(of(dict)),
        "prompt": nullable(of(dict)),
        "audio": fields({"output": output}),
    }


def settings(values: JsonObject, voices: tuple[LocalVoice, ...], *, detector: JsonObject | None) -> ResponseSettings:
    """`values` are those of a session or response; `detector` is the turn detection in effect."""
    output = values["audio"]["output"]
    choice = values["tool_choice"]
    named = (frames.text(choice.get("name")) or "") if isinstance(choice, dict) else ""
    detector = detector or {"create_response": False, "interrupt_response": False}
    limit = values["max_output_tokens"]
    return ResponseSettings(
        instructions=values["instructions"],
        spoken=values["output_modalities"] == ["audio"],
        audio_format=house_format(output["format"]),
        voice=known_voice(output["voice"], voices),
        speed=output["speed"],
        tools=tuple(functions(values["tools"])),
        tool_choice=choice if choice in ("none", "required") else "auto",
        tool_name=named,
        max_tokens=None if limit == "inf" else limit,
        answers=detector.get("create_response", True),
        interrupts=detector.get("interrupt_response", True),
        assent=detector.get("type") == "semantic_vad",
    )


def functions(tools: Iterable[JsonObject]) -> Iterable[Tool]:
    """The client's own tools among all of them; one without a name cannot be called."""
    named = set()
    for tool in tools:
        name = frames.text(tool.get("name"))
        if tool.get("type", "function") == "function" and name and name not in named:
            named.add(name)
            parameters = tool.get("parameters")
            schema = parameters if isinstance(parameters, dict) else {"type": "object", "properties": {}}
            yield Tool(name, frames.text(tool.get("description")) or "", schema)


def metadata(value: object) -> JsonObject | None:
    """A client's own notes to a response, which come back with it."""
    if not isinstance(value, dict):
        return None
    pairs = [(name, text) for name, text in value.items() if isinstance(text, str)]
    return dict(pairs[:MOST_METADATA])


def house_format(given: JsonObject) -> AudioFormat:
    """A format in house terms."""
    if given["type"] == "audio/pcm":
        return AudioFormat("pcm_s16le", given["rate"])
    return AudioFormat(_TELEPHONE[given["type"]], 8_000)
