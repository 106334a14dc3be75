"""What the HTTP dialects share: what may be asked about a recording, what comes of it, and how it is said."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, Self

from voxtral_service.errors import (
    CallerError,
    EngineError,
    ForeignOrigin,
    IdempotencyKeyReused,
    JobNotFinished,
    LimitReached,
    MemoryOff,
    ModelNotFound,
    NotFound,
    Overloaded,
    StoreFull,
    TooLarge,
    Unauthorized,
    UpstreamError,
    VoxtralError,
)
from voxtral_service.events import FileEvent, ServerVad, TranscriptSegment
from voxtral_service.running_text import joined
from voxtral_service.wire.form import Form

STATUS: tuple[tuple[type[VoxtralError], int], ...] = (
    (Unauthorized, 401),
    (ForeignOrigin, 403),
    (ModelNotFound, 404),
    (NotFound, 404),
    (JobNotFinished, 409),
    (MemoryOff, 409),
    (StoreFull, 409),
    (IdempotencyKeyReused, 422),  # draft-ietf-httpapi-idempotency-key-header, 2.7
    (TooLarge, 413),
    (CallerError, 400),
    (LimitReached, 429),
    (Overloaded, 503),
    (UpstreamError, 502),
    (EngineError, 500),
)
"""The first that fits counts."""


@dataclass(frozen=True, slots=True)
class FileRequest:
    """What a caller wants to know about one recording.

    `model` is empty for the server's own. `language` is None if it is to be told from the sound, perhaps with
    `languages` as the likely ones. `vocabulary` are words that are likely, `prompt` is text that came before. `format`
    is one of json, text, srt, vtt and verbose_json. `chunking` says how pauses are found, None as the server likes.
    """

    model: str = ""
    format: str = "json"
    language: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str = ""
    vocabulary: tuple[str, ...] = ()
    temperature: float = 0.0
    translate: bool = False
    words: bool = False
    segments: bool = False
    logprobs: bool = False
    stream: bool = False
    chunking: ServerVad | None = None
    file_url: str | None = None


@dataclass(frozen=True)
class FileResult:
    """All that was heard in a recording of `duration` seconds; `language` is a BCP 47 tag if anybody knows."""

    model: str
    segments: tuple[TranscriptSegment, ...]
    duration: float
    language: str | None

    @cached_property
    def text(self) -> str:
        """The whole text."""
        return joined(self.segments)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    media_type: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class FileDialect(Protocol):
    """One client's way to ask about a recording, for one request. It remembers what it has said in a stream."""

    request: FileRequest

    @classmethod
    def decode(cls, form: Form, *, translate: bool) -> Self:
        """Understand a request; raises CallerError, which `refuse` is to tell."""
        ...

    @classmethod
    def refuse(cls, error: VoxtralError) -> Answer:
        """Say that nothing will come, and why."""
        ...

    def whole(self, result: FileResult) -> Answer:
        """Everything at once."""
        ...

    def event(self, event: FileEvent) -> str:
        """Server-sent events, often none, for what was heard now."""
        ...

    def done(self, result: FileResult) -> str:
        """The last server-sent event."""
        ...

    def broken(self, error: VoxtralError) -> str:
        """Say in the middle of a stream that nothing more will come, and why."""
        ...


def status(error: VoxtralError) -> int:
    """The status of an HTTP response that tells of an error."""
    return next((code for kind, code in STATUS if isinstance(error, kind)), 500)


def headers(error: VoxtralError) -> dict[str, str]:
    """The headers that belong to an error."""
    if isinstance(error, Overloaded):
        return {"Retry-After": str(math.ceil(error.retry_after or 1))}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110, 11.6.1
    return {}


def openai_error(error: VoxtralError) -> dict[str, Any]:
    """An error as OpenAI writes it; Mistral's clients show it as it is."""
    code = status(error)
    kind = "server_error" if code >= 500 else "invalid_request_error"
    if code == 429:
        kind = "rate_limit_exceeded"
    return {"error": {"message": str(error), "type": kind, "param": error.field, "code": error.code}}


def json_answer(body: dict[str, Any], code: int = 200, extra: Mapping[str, str] | None = None) -> Answer:
    """A response of JSON."""
    return Answer(code, "application/json", json.dumps(body, ensure_ascii=False), extra or {})


def sse(body: dict[str, Any], event: str | None = None) -> str:
    """A server-sent event, with its name on a line of its own if it is to have one."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(body, ensure_ascii=False)}\n\n"
