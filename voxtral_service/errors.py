"""One tree of errors, drawn by whose fault it is::

    VoxtralError
    ├── CallerError            the request cannot be served as it is; sending it again changes nothing
    │   ├── InvalidAudio       the bytes are no audio, or not in the format they were said to be in
    │   ├── InvalidOption      a setting is out of range or unknown
    │   ├── ModelNotFound      the named model is not on this machine
    │   ├── TooLarge           more was sent than is taken at once
    │   ├── NotFound           there is no such thing, or it is another caller's: JobNotFound, MemoryNotFound,
    │   │                      ProjectNotFound, DocumentNotFound, ConversationNotFound
    │   ├── JobNotFinished     a job has no result yet, or never will
    │   ├── MemoryOff          who asks has not switched memory on
    │   ├── StoreFull          the caller keeps as much as may be kept
    │   ├── UnreadableDocument the file holds no text that can be read within limits
    │   ├── IdempotencyKeyReused   a key that stood for another request
    │   ├── Unauthorized       no API key, or none that is known
    │   └── ForeignOrigin      a web page of another site tried to use the server from its visitor's browser
    ├── EngineError            this side failed
    │   ├── CheckpointError    a model's files are incomplete or contradict each other
    │   ├── NoLanguageModel    nothing is plugged in that could answer
    │   └── StorageError       the database cannot be reached, read or written
    ├── Overloaded             no room now; may be sent again later
    │   └── LimitReached       the caller has all that its key allows
    └── UpstreamError          something this service called (model hub, language model, webhook) failed

Every error says what was wrong and what to do about it in one line; `code` is stable and meant for programs, `field`
names the part of the request at fault when there is one.
"""

from __future__ import annotations

from typing import Literal


class VoxtralError(Exception):
    """The root: anything this package raises on purpose."""

    code = "error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class CallerError(VoxtralError):
    """The request cannot be served as it is."""

    code = "invalid_request"


class InvalidAudio(CallerError):
    """The bytes are no audio, or not in the format they were said to be in."""

    code = "invalid_audio"


class InvalidOption(CallerError):
    """A setting is out of range or unknown."""

    code = "invalid_option"


class ModelNotFound(CallerError):
    """The named model is not on this machine."""

    code = "model_not_found"


class TooLarge(CallerError):
    """More was sent than is taken at once."""

    code = "payload_too_large"


class NotFound(CallerError):
    """There is no such thing, or it is another caller's."""

    code = "not_found"


class JobNotFound(NotFound):
    """There is no such job, or it is another caller's."""

    code = "job_not_found"


class MemoryNotFound(NotFound):
    """There is no such memory, or it is another caller's."""

    code = "memory_not_found"


class ProjectNotFound(NotFound):
    """There is no such project, or it is another caller's."""

    code = "project_not_found"


class DocumentNotFound(NotFound):
    """There is no such document in the project."""

    code = "document_not_found"


class ConversationNotFound(NotFound):
    """There is no such conversation in the project."""

    code = "conversation_not_found"


class MemoryOff(CallerError):
    """Who asks has not switched memory on."""

    code = "memory_off"


class StoreFull(CallerError):
    """The caller keeps as much as may be kept; something must go first."""

    code = "store_full"


class UnreadableDocument(CallerError):
    """A file holds no text that can be read within limits."""

    code = "unreadable_document"


class JobNotFinished(CallerError):
    """A job has no result yet, or never will."""

    code = "job_not_finished"


class IdempotencyKeyReused(CallerError):
    """An idempotency key that stood for another request."""

    code = "idempotency_key_reused"


class Unauthorized(CallerError):
    """No API key, or none that is known."""

    code = "invalid_api_key"


class ForeignOrigin(CallerError):
    """A web page of another site tried to use the server from its visitor's browser."""

    code = "forbidden_origin"


class EngineError(VoxtralError):
    """The service itself failed."""

    code = "engine_error"


class CheckpointError(EngineError):
    """A model's files are incomplete or contradict each other."""

    code = "invalid_checkpoint"


class NoLanguageModel(EngineError):
    """Nothing is plugged in that could answer."""

    code = "language_model_not_configured"


class StorageError(EngineError):
    """The database cannot be reached, read or written."""

    code = "storage_error"


class Overloaded(VoxtralError):
    """No room now; may be sent again later.

    `retry_after` is the number of seconds after which room is likely, when that can be told.
    """

    code = "overloaded"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LimitReached(Overloaded):
    """The caller has all that its key allows; others may still be served."""

    code = "rate_limit_exceeded"


Trouble = Literal["unreachable", "slow", "busy", "refused", "broken"]


class UpstreamError(VoxtralError):
    """Something this service called failed.

    `trouble` tells how: it cannot be reached, does not answer in time, has too much to do, turns this service down
    (a key, a model's name), or sends what nobody can use.
    """

    code = "upstream_error"

    def __init__(self, message: str, *, field: str | None = None, trouble: Trouble = "broken") -> None:
        super().__init__(message, field=field)
        self.trouble = trouble
