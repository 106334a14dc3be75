"""Server-sent events as the HTML standard defines their stream, as far as chat endpoints use them.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from voxtral_service.errors import UpstreamError

MAX_EVENT = 2**20
"""Characters; the longest event of a chat endpoint is one with whole arguments of a call."""


class EventStream:
    """Bytes in, the data of events out; cut anywhere, also inside a character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._line = ""
        self._data: list[str] = []
        self._size = 0
        self._after_return = False

    def push(self, chunk: bytes) -> Iterator[str]:
        """The data of the events that these bytes complete. Raises UpstreamError for one beyond all measure."""
        text = self._decoder.decode(chunk)
        if self._after_return and text:
            text = text.removeprefix("\n")
            self._after_return = False
        self._after_return = self._after_return or text.endswith("\r")
        *lines, self._line = (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            if not line:
                if self._data:
                    yield "\n".join(self._data)
                self._data, self._size = [], 0
            elif line == "data" or line.startswith("data:"):
                self._data.append(line[5:].removeprefix(" "))
                self._size += len(line)
        if self._size + len(self._line) > MAX_EVENT:
            raise UpstreamError(f"an event of more than {MAX_EVENT} characters came", trouble="broken")
