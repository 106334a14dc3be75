"""The Wyoming listener: one TCP connection, one dialect, one session. Home Assistant speaks it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from voxtral_service.errors import VoxtralError
from voxtral_service.server.keys import ANONYMOUS
from voxtral_service.server.record import SessionRecord, recorded, refused
from voxtral_service.server.state import ServerState
from voxtral_service.server.tcp_speech import Speaker
from voxtral_service.session.session import Session
from voxtral_service.wire.wyoming import Wyoming
from voxtral_service.wire.wyoming_info import AsrModel, AsrProgram, Attribution, TtsProgram, TtsVoice

logger = logging.getLogger(__name__)

READ_SIZE = 64 * 1024
SEND_TIMEOUT = 20.0
PROJECT = Attribution("voxtral-service", "")


def program(state: ServerState) -> AsrProgram:
    """How the server describes itself."""
    model = AsrModel(state.model.name, PROJECT, state.model.languages)
    return AsrProgram("voxtral-service", PROJECT, (model,))


async def voices(state: ServerState) -> TtsProgram | None:
    """What speaks here, None where nothing does."""
    found = await state.voices()
    # A voice that speaks any language is offered for those that are understood.
    listed = tuple(
        TtsVoice(voice.name, PROJECT, (voice.language,) if voice.language else state.model.languages, voice.description)
        for voice in found
    )
    return TtsProgram("voxtral-service", PROJECT, listed) if listed else None


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
    dialect = Wyoming(state.connection(), program(state), await voices(state))
    client = writer.get_extra_info("peername")[0]

    async def send(frames: list[bytes]) -> None:
        await _send(writer, frames)

    async def refuse(error: VoxtralError) -> None:
        refused(error, route="wyoming", client=client)
        await send(dialect.refuse(error))
        writer.close()

    speaker: Speaker | None = None
    async with contextlib.AsyncExitStack() as stack:
        session: Session | None = None
        while not dialect.closing and (data := await reader.read(READ_SIZE)):
            understood = dialect.decode(data)
            for note in understood.notes:
                logger.info("%s", note)
            await _send(writer, list(understood.replies))
            for wanted in understood.speech:
                if speaker is None:
                    speaker = Speaker(state, send, refuse)
                    await stack.enter_async_context(speaker.running())
                await speaker.take(wanted)
            try:
                if understood.commands and session is None:
                    # A client that only asks what the server can do takes no seat.
                    session = await stack.enter_async_context(_session(state, dialect, writer))
                for command in understood.commands:
                    await session.send(command)  # type: ignore[union-attr]
            except VoxtralError as error:
                if session is None:
                    refused(error, route="wyoming", client=client)
                await _send(writer, dialect.refuse(error))


@contextlib.asynccontextmanager
async def _session(state: ServerState, dialect: Wyoming, writer: asyncio.StreamWriter) -> AsyncIterator[Session]:
    """A session with a seat, whose events are written as they come. Raises Overloaded when there is no seat."""
    with state.seats.seat(ANONYMOUS), recorded("wyoming", ANONYMOUS.name) as record:
        session = Session(state.engine, dialect.settings, state.activity)
        listener = asyncio.create_task(_write(session, dialect, writer, record))
        try:
            yield session
            if dialect.closing:
                record.reason = "finished"
        finally:
            session.close()
            listener.cancel()
            record.audio_seconds = session.audio_seconds


async def _write(session: Session, dialect: Wyoming, writer: asyncio.StreamWriter, record: SessionRecord) -> None:
    async for event in session:
        await _send(writer, dialect.encode(event))
        record.told(event, heard_at=None, now=time.monotonic())
        if dialect.closing:
            writer.close()
            return


async def _send(writer: asyncio.StreamWriter, frames: list[bytes]) -> None:
    if frames:
        writer.write(b"".join(frames))
        await asyncio.wait_for(writer.drain(), SEND_TIMEOUT)
