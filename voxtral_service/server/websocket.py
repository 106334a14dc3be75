"""One websocket, one dialect, one session."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from voxtral_service.engine.base import Engine
from voxtral_service.errors import VoxtralError
from voxtral_service.events import AssistantEvent, TranscriptDelta
from voxtral_service.server.record import SessionRecord
from voxtral_service.server.seats import AudioAllowance
from voxtral_service.session.dialogue import Dialogue, Responder
from voxtral_service.session.session import Activity, Session
from voxtral_service.wire.base import Decoded, Dialect

logger = logging.getLogger(__name__)

SEND_TIMEOUT = 20.0
"""Seconds a reader may take for one frame before the connection is given up."""
NORMAL, GOING_AWAY, TOO_SLOW, INTERNAL = 1000, 1001, 1008, 1011


class Stalled(Exception):
    """The other side does not read."""


class SocketSession:
    """Pumps frames between a websocket and a session until either ends."""

    def __init__(
        self,
        websocket: WebSocket,
        dialect: Dialect,
        engine: Engine,
        activity: Callable[[], Activity],
        *,
        allowance: AudioAllowance,
        record: SessionRecord,
        responder: Responder | None = None,
        hears: bool = False,
        send_timeout: float = SEND_TIMEOUT,
    ) -> None:
        """`hears`: the responder wants the sound of turns."""
        self._websocket = websocket
        self._dialect = dialect
        session = Session(engine, dialect.settings, activity, tells_audio=hears)
        self._dialogue = Dialogue(session, responder)
        self._allowance = allowance
        self._record = record
        self._send_timeout = send_timeout
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Serve an accepted connection to its end."""
        tasks = {
            asyncio.create_task(self._read(), name="socket-read"),
            asyncio.create_task(self._write(), name="socket-write"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._finish(next(iter(done)))
        finally:
            self._record.audio_seconds = self._dialogue.audio_seconds
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._dialogue.close()

    async def stop(self) -> None:
        """Close the connection because the server stops."""
        self._record.reason = "shutdown"
        await self._close(GOING_AWAY, "the server is shutting down")

    async def _finish(self, first: asyncio.Task[None]) -> None:
        match first.exception():
            case None:
                self._record.reason = "finished"
                await self._close(NORMAL, "")
            case WebSocketDisconnect():
                pass
            case Stalled():
                self._record.reason = "stalled"
                await self._close(TOO_SLOW, "the connection was not read from for too long")
            case error:
                self._record.reason = "failed"
                logger.error("a session failed", exc_info=error)
                await self._close(INTERNAL, "the session failed inside the server")

    async def _read(self) -> None:
        await self._carry_out(self._dialect.opening())
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", NORMAL))
            text: str | None = message.get("text")
            before = self._dialogue.audio_seconds
            await self._carry_out(self._dialect.decode(message["bytes"] if text is None else text))
            heard = self._dialogue.audio_seconds - before
            # A caller above its allowance is not refused but read more slowly.
            await asyncio.sleep(self._allowance.delay(heard, now=time.monotonic()))

    async def _carry_out(self, decoded: Decoded) -> None:
        for note in decoded.notes:
            logger.info("%s", note)
        await self._send(list(decoded.replies))
        for command in decoded.commands:
            try:
                await self._dialogue.send(command)
            except VoxtralError as error:
                await self._send(self._dialect.refuse(error))

    async def _write(self) -> None:
        async for event in self._dialogue:
            await self._send(self._dialect.encode(event))
            if isinstance(event, AssistantEvent):
                continue
            said = event.heard if isinstance(event, TranscriptDelta) else None
            heard_at = None if said is None else self._dialogue.arrival(said)
            self._record.told(event, heard_at=heard_at, now=time.monotonic())

    async def _send(self, frames: list[str]) -> None:
        async with self._sending:
            for frame in frames:
                try:
                    await asyncio.wait_for(self._websocket.send_text(frame), self._send_timeout)
                except TimeoutError:
                    raise Stalled from None

    async def _close(self, code: int, reason: str) -> None:
        try:
            await asyncio.wait_for(self._websocket.close(code, reason), self._send_timeout)
        except (RuntimeError, TimeoutError, WebSocketDisconnect) as error:
            logger.debug("closing a connection that was already gone: %s", error)
