"""The beta of the OpenAI dialect: the same conversation under older names, with a flat session object.

Messages of a beta client are renamed before they are understood, events before they are sent; nothing else differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_wishes import FLAT_FORMATS

_SESSION_KEYS: Mapping[str, tuple[str, ...]] = {
    "model": ("model",),
    "modalities": ("output_modalities",),
    "instructions": ("instructions",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "tracing": ("tracing",),
    "include": ("include",),
    "max_response_output_tokens": ("max_output_tokens",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
}
_TELLING = {key for key, path in _SESSION_KEYS.items() if path != (key,)}
"""Keys that only a beta client sends."""
_EVENTS: Mapping[str, str | None] = {
    "conversation.item.added": "conversation.item.created",
    "conversation.item.done": None,
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
_PARTS = {"output_text": "text", "output_audio": "audio"}
_FORMAT_NAMES = {shape["type"]: name for name, shape in FLAT_FORMATS.items()}


def is_flat(session: object) -> bool:
    """Whether this is a beta client's session: today's always tell their type."""
    return isinstance(session, dict) and "type" not in session and not _TELLING.isdisjoint(session)


def from_beta(message: JsonObject) -> JsonObject:
    """A client's message under its present name. Messages without an older form are left as they are."""
    session, kind = message.get("session"), message.get("type")
    if kind == "transcription_session.update":
        return {**message, "type": "session.update", "session": _nested(session, type="transcription")}
    if kind == "session.update" and is_flat(session):
        return {**message, "session": _nested(session)}
    if kind == "response.create" and isinstance(message.get("response"), dict):
        return {**message, "response": _nested(message["response"])}
    return message


def to_beta(event: JsonObject) -> Iterator[JsonObject]:
    """An event as a beta client knows it; some are left out."""
    name = _EVENTS.get(event["type"], event["type"])
    if name is None:
        return
    renamed = {**event, "type": name}
    if "session" in event:
        session = event["session"]
        renamed["session"] = _flat(session)
        if session["type"] == "transcription" and name == "session.updated":
            renamed["type"] = "transcription_session.updated"
    if "item" in event:
        renamed["item"] = _item(event["item"])
    if "response" in event:
        renamed["response"] = _response(event["response"])
    yield renamed


def _nested(session: object, **made: Any) -> object:
    if not isinstance(session, dict):
        return session
    for key, value in session.items():
        *folders, name = _SESSION_KEYS.get(key, (key,))
        place = made
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = _modalities(value) if key == "modalities" else value
    return made


def _modalities(value: object) -> object:
    """The beta lists text beside audio; now there is one kind of output."""
    return ["audio"] if isinstance(value, list) and "audio" in value else value


def _flat(session: JsonObject) -> JsonObject:
    made: JsonObject = {"id": session["id"], "object": session["object"]}
    for key, path in _SESSION_KEYS.items():
        value: Any = session
        for name in path:
            value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
        if value is not _MISSING:
            made[key] = _FLATTENED[key](value) if key in _FLATTENED else value
    return made


_MISSING = object()
_FLATTENED: Mapping[str, Any] = {
    "modalities": lambda value: ["audio", "text"] if value == ["audio"] else value,
    "input_audio_format": lambda value: _FORMAT_NAMES[value["type"]],
    "output_audio_format": lambda value: _FORMAT_NAMES[value["type"]],
}


def _response(response: JsonObject) -> JsonObject:
    made = {key: value for key, value in response.items() if key not in ("audio", "output_modalities")}
    sound = response["audio"]["output"]
    return {
        **made,
        "output": [_item(item) for item in response["output"]],
        "modalities": _FLATTENED["modalities"](response["output_modalities"]),
        "voice": sound["voice"],
        "output_audio_format": _FORMAT_NAMES[sound["format"]["type"]],
    }


def _item(item: JsonObject) -> JsonObject:
    if item.get("role") != "assistant":
        return item
    return {**item, "content": [{**part, "type": _PARTS.get(part["type"], part["type"])} for part in item["content"]]}
