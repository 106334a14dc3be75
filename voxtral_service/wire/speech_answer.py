"""What `/v1/audio/speech` and `/v1/audio/voices` say."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

from voxtral_service.errors import VoxtralError
from voxtral_service.wire import http
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.voices import LocalVoice

DELTA, DONE = "speech.audio.delta", "speech.audio.done"


def whole(audio: bytes) -> http.Answer:
    """Mistral's answer without a stream."""
    return http.json_answer({"audio_data": base64.b64encode(audio).decode("ascii")})


def delta(audio: bytes, *, mistral: bool) -> str:
    """A server-sent event with the next bytes of the file."""
    data = base64.b64encode(audio).decode("ascii")
    if mistral:
        return http.sse({"type": DELTA, "audio_data": data}, DELTA)
    return http.sse({"type": DELTA, "audio": data})


def done(*, mistral: bool) -> str:
    """The last server-sent event. No tokens are counted: nothing here reads or writes any."""
    if mistral:
        return http.sse({"type": DONE, "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}, DONE)
    return http.sse({"type": DONE, "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}})


def broken(error: VoxtralError, *, mistral: bool) -> str:
    """Say in the middle of a stream that nothing more will come, and why."""
    return http.sse(http.openai_error(error), "error" if mistral else None)


def voice(local: LocalVoice, created: int) -> JsonObject:
    """One voice, as Mistral's clients read it; `created` in seconds of Unix time."""
    return {
        "id": local.name,
        "name": local.name,
        "type": "preset",
        "created_at": datetime.fromtimestamp(created, UTC).isoformat(),
        "user_id": None,
        "languages": [local.language] if local.language else [],
        "gender": local.gender or None,
        "description": local.description or None,
    }


def voice_list(voices: Sequence[LocalVoice], created: int, *, limit: int, offset: int) -> JsonObject:
    """A page of voices, from `offset` on: Mistral's form, and OpenAI's lists beside it."""
    items = [voice(local, created) for local in voices[offset : offset + limit]]
    return {
        "object": "list",
        "data": items,
        "items": items,
        "total": len(voices),
        "page": offset // limit + 1,
        "page_size": limit,
        "total_pages": -(-len(voices) // limit),
    }
