r"""Wyoming's framing: a line of JSON that may announce more JSON and a payload, which follow it.

{"type": ..., "data": {...}?, "data_length": n?, "payload_length": m?}\n
n bytes of JSON, merged over `data`
m bytes of payload
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from voxtral_service.errors import CallerError, InvalidOption
from voxtral_service.wire import frames
from voxtral_service.wire.frames import JsonObject

MOST_HEADER_BYTES = 2**16
MOST_DATA_BYTES = 2**18
MOST_PAYLOAD_BYTES = 2**22
"""Four megabytes: two minutes of 16-bit audio at 16 kHz, where a chunk usually holds a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Event:
    """One message, of either side."""

    type: str
    data: JsonObject = field(default_factory=dict)
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class _Header:
    type: str
    data: JsonObject
    data_length: int
    payload_length: int


class EventReader:
    """Bytes cut anywhere in, events out; holds no more than one event and what came with its end."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer known to hold no line end
        self._header: _Header | None = None

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that `data` completes. Raises CallerError where the bytes make no sense; it is useless then."""
        self._buffer += data
        while event := self._next():
            yield event

    def _next(self) -> Event | None:
        header = self._header = self._header or self._read_header()
        if header is None or len(self._buffer) < header.data_length + header.payload_length:
            return None
        self._header = None
        data, payload = self._take(header.data_length), self._take(header.payload_length)
        return Event(header.type, header.data | _object(data), payload)

    def _read_header(self) -> _Header | None:
        end = self._buffer.find(b"\n", self._searched, MOST_HEADER_BYTES)
        if end >= 0:
            self._searched = 0
            return _header(self._take(end + 1))
        self._searched = len(self._buffer)
        if self._searched >= MOST_HEADER_BYTES:
            raise CallerError(f"no line end within {MOST_HEADER_BYTES} bytes; an event starts with a line of JSON")
        return None

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def write(event: Event) -> bytes:
    """One event, framed as Wyoming's own library does."""
    data = frames.write(event.data).encode() if event.data else b""
    header: JsonObject = {"type": event.type}
    if data:
        header["data_length"] = len(data)
    if event.payload:
        header["payload_length"] = len(event.payload)
    return frames.write(header).encode() + b"\n" + data + event.payload


def whole(fields: JsonObject, name: str, allowed: range) -> int:
    """The whole number of that name. Raises InvalidOption when it is none, or not an allowed one."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise InvalidOption(f"{name} must be a whole number from {allowed[0]} to {allowed[-1]}", field=name)
    return value


def _header(line: bytes) -> _Header:
    fields = frames.read(line)
    kind = frames.text(fields.get("type")) if fields else None
    if fields is None or kind is None:
        raise CallerError("an event starts with a line that holds a JSON object with a type")
    data = fields.get("data")
    if not isinstance(data, dict | None):
        raise CallerError("data must be a JSON object", field="data")
    return _Header(
        type=kind,
        data=data or {},
        data_length=_length(fields, "data_length", MOST_DATA_BYTES),
        payload_length=_length(fields, "payload_length", MOST_PAYLOAD_BYTES),
    )


def _length(fields: JsonObject, name: str, most: int) -> int:
    return 0 if fields.get(name) is None else whole(fields, name, range(most + 1))


def _object(data: bytes) -> JsonObject:
    fields = frames.read(data) if data else {}
    if fields is None:
        raise CallerError("the data after the header must be a JSON object", field="data")
    return fields
