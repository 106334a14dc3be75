"""What the OpenAI dialect says when something went wrong."""

from __future__ import annotations

from voxtral_service.errors import CallerError, Overloaded, VoxtralError
from voxtral_service.wire.frames import JsonObject

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"


class Rejected(CallerError):
    """A client's message changes nothing and is answered with an `error` event.

    Several clients end their session on any error event, so this is for mistakes that a client can and must act on.
    """

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message, field=param)
        self.code = code


def body(error: VoxtralError, event_id: str | None = None) -> JsonObject:
    """The `error` object of an error event; `event_id` is the one the client gave to its message."""
    return {
        "type": INVALID_REQUEST if isinstance(error, CallerError) else SERVER_ERROR,
        "code": "rate_limit_exceeded" if isinstance(error, Overloaded) else error.code,
        "message": str(error),
        "param": error.field if isinstance(error, CallerError) else None,
        "event_id": event_id,
    }
