"""`/v1/audio/speech` requests of OpenAI's and Mistral's clients: one JSON object, told apart by its fields."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voxtral_service.wire import frames
from voxtral_service.wire.form import BadField
from voxtral_service.wire.frames import JsonObject

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
FLOAT_PCM = "pcm_f32le"
"""What `pcm` means at Mistral; at OpenAI it is 16-bit integers."""
MIN_SPEED, MAX_SPEED = 0.25, 4.0
LONGEST = 16_384
"""Characters; OpenAI takes 4,096. Some 18 minutes of sound."""
OPENAI_ONLY = ("voice", "speed", "stream_format", "instructions")
"""Fields that only OpenAI's clients send; `voice` is required there, `voice_id` is what Mistral calls it."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What is to be spoken and how it is to be sent.

    `model` and `voice` are empty for the server's own. `format` is one of FORMATS or FLOAT_PCM. `events` asks for
    server-sent events, `mistral` for Mistral's answers.
    """

    text: str
    model: str = ""
    voice: str = ""
    format: str = "mp3"
    speed: float = 1.0
    events: bool = False
    mistral: bool = False


def decode(body: bytes) -> SpeechRequest:
    """Understand a request. Fields that nobody knows are ignored, and `instructions` with those of Mistral's that shape
    the delivery: local voices have one way to speak.

    Raises BadField, which names the field.
    """
    data = frames.read(body)
    if data is None:
        raise BadField("the body is no JSON object; send one with model, input and voice")
    mistral = not any(data.get(name) is not None for name in OPENAI_ONLY)
    if data.get("ref_audio") is not None:
        raise BadField("voices are not cloned here; leave ref_audio out and choose a voice_id", field="ref_audio")
    return SpeechRequest(
        text=_input(data),
        model=_text(data, "model"),
        voice=_text(data, "voice_id") if mistral else _voice(data.get("voice")),
        format=_format(data, mistral=mistral),
        speed=_speed(data),
        events=_flag(data, "stream") if mistral else _stream_format(data) == "sse",
        mistral=mistral,
    )


def _input(data: JsonObject) -> str:
    text = data.get("input")
    if not isinstance(text, str) or not text.strip():
        raise BadField("there is nothing to say; send text as input", field="input")
    if len(text) > LONGEST:
        raise BadField(f"input has {len(text)} characters; send at most {LONGEST} at once", field="input")
    return text


def _voice(value: object) -> str:
    """A name, or OpenAI's object for a voice of one's own."""
    name = value.get("id") if isinstance(value, dict) else value
    if not isinstance(name, str | None):
        raise BadField('voice must be a name or {"id": name}', field="voice")
    return name or ""


def _format(data: JsonObject, *, mistral: bool) -> str:
    name = _text(data, "response_format") or FORMATS[0]
    if name not in FORMATS:
        raise BadField(f"response_format must be one of {', '.join(FORMATS)}", field="response_format")
    return FLOAT_PCM if mistral and name == "pcm" else name


def _speed(data: JsonObject) -> float:
    value = data.get("speed")
    if value is None:
        return 1.0
    if not frames.is_number(value) or not MIN_SPEED <= value <= MAX_SPEED or not math.isfinite(value):
        raise BadField(f"speed must be a number from {MIN_SPEED:g} to {MAX_SPEED:g}", field="speed")
    return float(value)


def _stream_format(data: JsonObject) -> str:
    name = _text(data, "stream_format") or "audio"
    if name not in ("audio", "sse"):
        raise BadField("stream_format must be audio or sse", field="stream_format")
    return name


def _flag(data: JsonObject, name: str) -> bool:
    value = data.get(name)
    if not isinstance(value, bool | None):
        raise BadField(f"{name} must be true or false", field=name)
    return bool(value)


def _text(data: JsonObject, name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str | None):
        raise BadField(f"{name} must be a string", field=name)
    return value or ""
