"""The Wyoming listener: one TCP connection, one dialect, one session. Home Assistant speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from voxtral_service import metrics
from voxtral_service.errors import VoxtralError
from voxtral_service.server.keys import ANONYMOUS
from voxtral_service.server.state import ServerState
from voxtral_service.session.session import Session
from voxtral_service.wire.wyoming import Wyoming
from voxtral_service.wire.wyoming_info import AsrModel, AsrProgram, Attribution

logger = logging.getLogger(__name__)

READ_SIZE = 64 * 1024
SEND_TIMEOUT = 20.0
PROJECT = Attribution("voxtral-service", "")


def program(state: ServerState) -> AsrProgram:
    """How the server describes itself."""
    model = AsrModel(state.model.name, PROJECT, state.model.languages)
    return AsrProgram("voxtral-service", PROJECT, (model,))


async def listen(state: ServerState, host: str, port: int) -> asyncio.Server:
    """Start to accept connections. Wyoming has neither keys nor encryption, so it belongs on a trusted network only."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _serve(state, reader, writer)
        except (ConnectionError, TimeoutError) as error:
            logger.debug("a Wyoming connection was lost: %s", error)
        finally:
            writer.close()

    return await asyncio.start_server(accept, host, port)


async def _serve(state: ServerState, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    dialect = Wyoming(state.connection(), program(state))
    async with contextlib.AsyncExitStack() as stack:
        session: Session | None = None
        while not dialect.closing and (data := await reader.read(READ_SIZE)):
            understood = dialect.decode(data)
            for note in understood.notes:
                logger.info("%s", note)
            await _send(writer, list(understood.replies))
            try:
                if understood.commands and session is None:
                    # A client that only asks what the server can do takes no seat.
                    session = await stack.enter_async_context(_session(state, dialect, writer))
                for command in understood.commands:
                    await session.send(command)  # type: ignore[union-attr]
            except VoxtralError as error:
                await _send(writer, dialect.refuse(error))


@contextlib.asynccontextmanager
async def _session(state: ServerState, dialect: Wyoming, writer: asyncio.StreamWriter) -> AsyncIterator[Session]:
    """A session with a seat, whose events are written as they come. Raises Overloaded when there is no seat."""
    with state.seats.seat(ANONYMOUS), metrics.SESSIONS.labels("wyoming").track_inprogress():
        metrics.SESSIONS_TOTAL.labels("wyoming").inc()
        session = Session(state.engine, dialect.settings, state.activity)
        listener = asyncio.create_task(_write(session, dialect, writer))
        try:
            yield session
        finally:
            session.close()
            listener.cancel()
            metrics.AUDIO_SECONDS.inc(session.audio_seconds)


async def _write(session: Session, dialect: Wyoming, writer: asyncio.StreamWriter) -> None:
    async for event in session:
        await _send(writer, dialect.encode(event))
        if dialect.closing:
            writer.close()
            return


async def _send(writer: asyncio.StreamWriter, frames: list[bytes]) -> None:
    if frames:
        writer.write(b"".join(frames))
        await asyncio.wait_for(writer.drain(), SEND_TIMEOUT)
