"""Answers that are written while their client may go away or stop reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from voxtral_service import metrics
from voxtral_service.errors import VoxtralError
from voxtral_service.server.state import new_id
from voxtral_service.wire.http import Answer

T = TypeVar("T")
START_AFTER = 2.0
"""Seconds for which a stream's status waits for its first event, which may be an error."""
EVENTS = "text/event-stream; charset=utf-8"
SEND_TIMEOUT = 60.0
"""Seconds a reader may take for one piece of an answer before it is given up."""


class Sender:
    """An answer on its way to the client."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.ended = False

    async def whole(self, answer: Answer) -> None:
        """All of an answer."""
        body = answer.body.encode("utf-8", "replace")
        await self._start(answer.status, answer.media_type, {**answer.headers, "Content-Length": str(len(body))})
        await self._last(body)

    async def begin(self, media_type: str = EVENTS) -> None:
        """The head of a stream of events, or of a file that is made as it is sent."""
        await self._start(200, media_type, {"Cache-Control": "no-cache"})

    async def piece(self, data: str | bytes) -> None:
        """Some events, or bytes of the file, or none."""
        if data:
            body = data.encode("utf-8", "replace") if isinstance(data, str) else data
            await self._out({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        """The end of a stream."""
        await self._last(b"")

    async def _last(self, body: bytes) -> None:
        self.ended = True  # the server takes the client for gone from here on
        await self._out({"type": "http.response.body", "body": body})

    async def _start(self, status: int, media_type: str, headers: dict[str, str]) -> None:
        self.begun = True
        pairs = {"Content-Type": media_type, "X-Request-Id": new_id("req_"), **headers}.items()
        raw = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in pairs]
        await self._out({"type": "http.response.start", "status": status, "headers": raw})

    async def _out(self, message: dict[str, Any]) -> None:
        try:
            # Not wait_for, which before Python 3.12 may forget that it was cancelled: an answer without an end.
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._send(message)
        except TimeoutError as error:
            metrics.STALLED.inc()
            raise ClientDisconnect from error


async def send_events(
    sender: Sender,
    events: AsyncGenerator[T],
    say: Callable[[T], str],
    broken: Callable[[VoxtralError], str],
    head: str = "",
) -> bool:
    """Send events as they come, behind `head`, and say whether all of them did; the stream is left open then.

    A failure before the first event is raised, for an answer with a status; after it, it is told and ends the stream.
    """
    first = asyncio.ensure_future(anext(events, None))
    try:
        await asyncio.wait([first], timeout=START_AFTER)
        if first.done():
            first.result()
        await sender.begin()
        await sender.piece(head)
        event = await first
        while event is not None:
            await sender.piece(say(event))
            event = await anext(events, None)
    except VoxtralError as error:
        if not sender.begun:
            raise
        await sender.piece(broken(error))
        await sender.end()
        return False
    finally:
        if not first.done():
            first.cancel()
            await asyncio.wait([first])
    return True


async def while_connected(receive: Receive, sender: Sender, work: Coroutine[Any, Any, T]) -> T:
    """Do the work unless the client goes away before all is said; raises ClientDisconnect then.

    The work has ended in any case.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and not sender.ended:
            raise ClientDisconnect
        return await task
    finally:
        for left in (task, gone):
            left.cancel()
        await asyncio.wait([task, gone])


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
