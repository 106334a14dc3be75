"""Sound becomes a session's events, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.engine.base import Engine
from voxtral_service.events import AppendAudio, EndAudio, SessionEvent, SessionSettings
from voxtral_service.session.session import Activity, Session


class Sound(Protocol):
    """Blocks of samples as they are spoken: a microphone, or a recording played in real time."""

    def __next__(self) -> Samples:
        """The next block, waited for in a worker thread."""
        ...

    def stop(self) -> None:
        """End the blocks, from any thread."""
        ...


async def blocks(sound: Sound) -> AsyncIterator[Samples]:
    """The blocks of a sound, each waited for outside of the loop's thread."""
    while (block := await asyncio.to_thread(_next, sound)) is not None:
        yield block


async def hear(
    engine: Engine, activity: Callable[[], Activity], settings: SessionSettings, sound: Sound
) -> AsyncGenerator[SessionEvent]:
    """What a session over an engine makes of a sound, to its last word."""
    session = Session(engine, settings, activity)
    feeder = asyncio.create_task(_feed(session, sound))
    try:
        async for event in session:
            yield event
        await feeder
    finally:
        session.close()
        sound.stop()
        feeder.cancel()


async def _feed(session: Session, sound: Sound) -> None:
    try:
        async for block in blocks(sound):
            await session.send(AppendAudio(encode_s16le(block)))
    finally:
        await session.send(EndAudio())  # a recording that breaks off ends the session too, after its last word


def _next(sound: Sound) -> Samples | None:
    # A StopIteration cannot cross from a thread into a coroutine.
    try:
        return next(sound)
    except StopIteration:
        return None
