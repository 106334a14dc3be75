"""A session and who answers: what is heard in which order, and how both end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.fakes import LoudnessActivity, SpellingEngine
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.events import (
    AppendAudio,
    AssistantCommand,
    AssistantEvent,
    CommitTurn,
    CreateResponse,
    EndAudio,
    Event,
    IdleTimeout,
    ResponseEnded,
    ResponseStarted,
    ServerVad,
    SessionEnded,
    SessionEvent,
    SessionSettings,
    TranscriptFinal,
    TurnAudio,
)
from voxtral_service.session.dialogue import Dialogue
from voxtral_service.session.session import Session

TENTH = encode_s16le(np.full(1600, 0.2, np.float32))


class Echo:
    """Answers every transcript; what it was told, in order, is `told`."""

    def __init__(self) -> None:
        self.told: list[SessionEvent | AssistantCommand] = []
        self.busy = False
        self.fails = False
        self._events: asyncio.Queue[AssistantEvent | None] = asyncio.Queue()

    async def hear(self, event: SessionEvent) -> None:
        if self.fails:
            raise RuntimeError("a bug")
        self.told.append(event)
        if isinstance(event, TranscriptFinal):
            await self._events.put(ResponseStarted(event.turn, event.turn))

    async def send(self, command: AssistantCommand) -> None:
        self.told.append(command)

    async def quiet(self) -> None:
        await self._events.put(ResponseEnded(1, "completed", 0.0))

    async def close(self) -> None:
        await self._events.put(None)

    async def __aiter__(self) -> AsyncIterator[AssistantEvent]:
        while (event := await self._events.get()) is not None:
            yield event


async def events_of(dialogue: Dialogue) -> list[Event]:
    return [event async for event in dialogue]


async def test_answers_come_behind_what_they_answer_and_before_the_end() -> None:
    echo = Echo()
    session = Session(SpellingEngine(), SessionSettings(turn_detection=None), LoudnessActivity, tells_audio=True)
    dialogue = Dialogue(session, echo)
    listening = asyncio.create_task(events_of(dialogue))
    await dialogue.send(AppendAudio(TENTH))
    await dialogue.send(CommitTurn())
    await dialogue.send(CreateResponse("x"))
    await dialogue.send(EndAudio())
    told = await listening
    await dialogue.close()
    kinds = [type(event).__name__ for event in told]
    assert kinds[-2:] == ["ResponseEnded", "SessionEnded"]
    assert kinds.index("TranscriptFinal") < kinds.index("ResponseStarted")
    names = [type(told).__name__ for told in echo.told]
    # A command takes its place behind the commit that was sent before it, though the transcript is still to come.
    assert names.index("TurnEnded") < names.index("CreateResponse") < names.index("TranscriptFinal")
    (sound,) = [event for event in echo.told if isinstance(event, TurnAudio)]
    assert np.frombuffer(sound.samples, "<f4") == pytest.approx(np.full(1600, 0.2), abs=1e-4)


async def test_nobody_is_called_idle_while_the_answer_is_heard() -> None:
    session = Session(
        SpellingEngine(), SessionSettings(turn_detection=ServerVad(idle_timeout_ms=1000)), LoudnessActivity
    )
    echo = Echo()
    echo.busy = True
    dialogue = Dialogue(session, echo)
    listening = asyncio.create_task(events_of(dialogue))
    await dialogue.send(AppendAudio(bytes(48_000)))
    await dialogue.send(EndAudio())
    assert not [event for event in await listening if isinstance(event, IdleTimeout)]
    await dialogue.close()


async def test_without_anybody_a_dialogue_is_its_session() -> None:
    dialogue = Dialogue(Session(SpellingEngine(), SessionSettings(turn_detection=None), LoudnessActivity))
    listening = asyncio.create_task(events_of(dialogue))
    await dialogue.send(CreateResponse())
    await dialogue.send(AppendAudio(TENTH))
    await dialogue.send(EndAudio())
    assert isinstance((await listening)[-1], SessionEnded)
    await dialogue.close()


async def test_a_defect_of_the_responder_is_raised_where_events_are_read() -> None:
    echo = Echo()
    echo.fails = True
    dialogue = Dialogue(Session(SpellingEngine(), SessionSettings(turn_detection=None), LoudnessActivity), echo)
    listening = asyncio.create_task(events_of(dialogue))
    await dialogue.send(AppendAudio(TENTH))
    with pytest.raises(RuntimeError, match="a bug"):
        await listening
    await dialogue.close()
