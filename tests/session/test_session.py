"""A session hears everything once, in turns."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LoudnessActivity, SpellingEngine
from voxtral_service import metrics
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.audio.write import write_wav
from voxtral_service.errors import InvalidOption
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    AudioRejected,
    ClearAudio,
    Command,
    CommitTurn,
    Configure,
    EndAudio,
    IdleTimeout,
    ServerVad,
    SessionEnded,
    SessionEvent,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEagerEnd,
    TurnEnded,
    TurnResumed,
    TurnStarted,
)
from voxtral_service.session.session import Session

MANUAL = SessionSettings(turn_detection=None)


def level(percent: int, seconds: float) -> Samples:
    """Sound whose text is its level: `SpellingEngine` says one word for each tenth of a second."""
    return np.full(round(seconds * 16_000), percent / 100, np.float32)


def audio(*parts: Samples, block: int = 320) -> list[Command]:
    data = encode_s16le(np.concatenate(parts))
    return [AppendAudio(data[i : i + 2 * block]) for i in range(0, len(data), 2 * block)]


async def converse(
    commands: Sequence[Command], session_settings: SessionSettings, engine: SpellingEngine | None = None
) -> list[SessionEvent]:
    session = Session(engine or SpellingEngine(), session_settings, LoudnessActivity)
    events: list[SessionEvent] = []

    async def listen() -> None:
        async for event in session:
            events.append(event)

    listener = asyncio.create_task(listen())
    for command in commands:
        await session.send(command)
        for _ in range(3):  # as a socket would let the engine and the listener have their turns
            await asyncio.sleep(0)
    await listener
    return events


def finals(events: list[SessionEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, TranscriptFinal)]


async def test_turns_by_silence() -> None:
    commands = audio(level(0, 1), level(50, 0.8), level(0, 1), level(30, 0.8), level(0, 1))
    events = await converse([*commands, EndAudio()], SessionSettings())
    kinds = [type(event) for event in events if not isinstance(event, TranscriptDelta)]
    turn = [TurnStarted, TurnEagerEnd, TurnEnded, TranscriptFinal]
    assert kinds == [*turn, *turn, SessionEnded]
    first, second = (event for event in events if isinstance(event, TranscriptFinal))
    # 300 ms of padding before the speech, half a second of silence behind it. The tenths of a second that make words
    # count from the start of the turn, so one more than the speech is long may hold some of it.
    assert [w for w in first.text.split() if w != "0"] in (["50"] * 8, ["50"] * 9)
    assert [w for w in second.text.split() if w != "0"] in (["30"] * 8, ["30"] * 9)
    assert first.start == pytest.approx(0.7, abs=0.04)
    assert first.end == pytest.approx(2.3, abs=0.04)
    assert "".join(e.text for e in events if isinstance(e, TranscriptDelta) and e.turn == 1) == first.text
    loud = [word for word in first.words if word.text == "50"]
    assert loud[0].start == pytest.approx(1.0, abs=0.11)
    assert isinstance(events[-1], SessionEnded)
    assert events[-1].audio_seconds == pytest.approx(4.6)


async def test_a_turn_that_resumes_is_one_turn() -> None:
    commands = audio(level(50, 0.5), level(0, 0.4), level(50, 0.5), level(0, 1))
    events = await converse([*commands, EndAudio()], SessionSettings())
    assert [type(e) for e in events if isinstance(e, TurnEagerEnd | TurnResumed | TurnEnded)] == [
        TurnEagerEnd,
        TurnResumed,
        TurnEagerEnd,
        TurnEnded,
    ]
    assert len(finals(events)) == 1


async def test_what_is_said_can_be_held_against_when_it_was_heard() -> None:
    before = sum(bucket.get() for bucket in metrics.LAG_ACTIVITY._buckets)
    session = Session(SpellingEngine(), SessionSettings(), LoudnessActivity)
    start = time.monotonic()
    for command in audio(level(0, 0.5), level(50, 0.8)):
        await session.send(command)
    await session.send(EndAudio())
    deltas = [event async for event in session if isinstance(event, TranscriptDelta)]
    # The fake engine does not say how much it had heard.
    assert deltas
    assert [delta.heard for delta in deltas] == [pytest.approx(0.2, abs=0.04)] * len(deltas)
    arrivals = [session.arrival(position) for position in (0.2, 0.7, 1.25)]
    first, second, third = (arrival or 0.0 for arrival in arrivals)
    assert start <= first < second < third <= time.monotonic()
    assert session.arrival(5.0) is None
    # Every 32 ms of audio, but for the last piece.
    assert sum(bucket.get() for bucket in metrics.LAG_ACTIVITY._buckets) - before == 40


async def test_silence_makes_no_turn() -> None:
    events = await converse([*audio(level(0, 5)), EndAudio()], SessionSettings())
    assert [type(event) for event in events] == [SessionEnded]


async def test_without_turn_detection_turns_are_the_callers() -> None:
    commands: list[Command] = []
    for percent in (10, 20, 30):
        commands += [*audio(level(percent, 0.33), block=777), CommitTurn()]
    events = await converse([*commands, CommitTurn(), *audio(level(40, 0.2)), EndAudio()], MANUAL)
    assert finals(events) == ["10 10 10 10", "20 20 20 20", "30 30 30 30", "40 40"]
    reasons = [event.reason for event in events if isinstance(event, TurnEnded)]
    assert reasons == ["committed"] * 3 + ["ended"]


async def test_a_session_takes_one_place_at_most_and_keeps_the_order_of_turns() -> None:
    engine = SpellingEngine(places=1)
    commands = [command for i in range(1, 30) for command in (*audio(level(i, 0.1)), CommitTurn())]
    events = await converse([*commands, EndAudio()], MANUAL, engine)
    assert finals(events) == [str(i) for i in range(1, 30)]
    assert (engine.most_open, engine.open_streams) == (1, 0)


async def test_a_cleared_turn_says_nothing_more_and_frees_its_place() -> None:
    engine = SpellingEngine(places=1)
    commands = [*audio(level(10, 0.5)), ClearAudio(), ClearAudio(), *audio(level(20, 0.2)), EndAudio()]
    events = await converse(commands, MANUAL, engine)
    assert finals(events) == ["20 20"]
    assert [e.reason for e in events if isinstance(e, TurnEnded)] == ["cleared", "ended"]
    assert engine.open_streams == 0


async def test_a_turn_cleared_before_it_had_a_chance_to_start_holds_nothing_up() -> None:
    engine = SpellingEngine(places=1)
    session = Session(engine, MANUAL, LoudnessActivity)
    for command in [
        *audio(level(10, 0.1), block=1600),
        ClearAudio(),
        CommitTurn(),
        *audio(level(20, 0.1)),
        CommitTurn(),
    ]:
        await asyncio.wait_for(session.send(command), 5)
    await session.send(EndAudio())
    assert finals([event async for event in session]) == ["20"]


async def test_an_engine_that_refuses_fails_the_turn_and_not_the_session() -> None:
    engine = SpellingEngine(places=0)
    session_events = await converse([*audio(level(10, 0.5)), CommitTurn(), EndAudio()], MANUAL, engine)
    failed = [event for event in session_events if isinstance(event, TranscriptFailed)]
    assert [(f.turn, f.code) for f in failed] == [(1, "overloaded")]
    assert isinstance(session_events[-1], SessionEnded)


async def test_settings_change_while_audio_flows() -> None:
    engine = SpellingEngine()
    eight = SessionSettings(
        audio_format=AudioFormat(sample_rate=8000), turn_detection=None, delay_ms=960, language="de"
    )
    slow = encode_s16le(np.full(4000, 0.3, np.float32))
    commands: list[Command] = [
        *audio(level(10, 0.3)),
        Configure(eight),
        CommitTurn(),
        AppendAudio(slow[:1001]),
        AppendAudio(slow[1001:]),
        EndAudio(),
    ]
    events = await converse(commands, MANUAL, engine)
    first, second = finals(events)
    assert first == "10 10 10"
    assert set(second.split()) <= {str(i) for i in range(27, 36)}
    assert len(second.split()) == 5
    assert [(o.delay_ms, o.language) for o in engine.opened] == [(None, None), (960, "de")]


async def test_turn_detection_can_be_switched_on_and_off() -> None:
    commands = [
        *audio(level(10, 0.3)),
        Configure(SessionSettings()),
        *audio(level(0, 0.5), level(20, 0.5), level(0, 0.7)),
        Configure(MANUAL),
        *audio(level(0, 0.2)),
        EndAudio(),
    ]
    events = await converse(commands, MANUAL)
    first, second, third = finals(events)
    assert first == "10 10 10"
    assert second.split().count("20") in (5, 6)
    assert set(third.split()) == {"0"}


async def test_a_commit_under_turn_detection_ends_the_turn_at_the_last_sample() -> None:
    commands = [*audio(level(0, 0.5), level(20, 0.55), block=100), CommitTurn(), *audio(level(0, 1)), EndAudio()]
    events = await converse(commands, SessionSettings())
    (final,) = (event for event in events if isinstance(event, TranscriptFinal))
    assert final.end == pytest.approx(1.05, abs=0.001)


async def test_bytes_that_are_no_audio_are_rejected_and_the_session_goes_on() -> None:
    floats = SessionSettings(audio_format=AudioFormat("pcm_f32le"), turn_detection=None)
    good = level(20, 0.1).tobytes()
    bad = np.array([np.nan] * 4, np.float32).tobytes()
    events = await converse([AppendAudio(good), AppendAudio(bad), AppendAudio(good), EndAudio()], floats)
    assert [e.code for e in events if isinstance(e, AudioRejected)] == ["invalid_audio"]
    assert finals(events) == ["20 20"]


def test_settings_that_cannot_be_are_refused() -> None:
    async def make() -> None:
        with pytest.raises(InvalidOption):
            Session(SpellingEngine(), SessionSettings(audio_format=AudioFormat("pcm_s16be")), LoudnessActivity)

    asyncio.run(make())


async def test_idleness_is_told() -> None:
    rules = SessionSettings(turn_detection=ServerVad(idle_timeout_ms=1000))
    events = await converse([*audio(level(0, 2.5)), EndAudio()], rules)
    idle = [(e.start, e.end) for e in events if isinstance(e, IdleTimeout)]
    assert len(idle) == 2
    assert idle[1][0] == pytest.approx(1.0, abs=0.04)


async def test_commands_after_the_end_do_nothing_and_a_lost_session_frees_its_place() -> None:
    engine = SpellingEngine()
    session = Session(engine, MANUAL, LoudnessActivity)
    for command in audio(level(10, 0.3)):
        await session.send(command)
    await asyncio.sleep(0)
    session.close()
    session.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert engine.open_streams == 0
    await session.send(AppendAudio(b"1234"))
    await session.send(EndAudio())


async def test_containers_are_heard_and_leave_no_thread_behind() -> None:
    container = SessionSettings(audio_format=AudioFormat("container"), turn_detection=None)
    file = io.BytesIO()
    write_wav(file, level(30, 1))
    commands: list[Command] = [AppendAudio(file.getvalue()[i : i + 3000]) for i in range(0, 33_000, 3000)]
    (text,) = finals(await converse([*commands, EndAudio()], container))
    assert text.split() == ["30"] * 10
    session = Session(SpellingEngine(), container, LoudnessActivity)
    await session.send(commands[0])
    session.close()
    for thread in threading.enumerate():
        if thread.name == "container-intake":
            thread.join(5)
            assert not thread.is_alive()


async def test_a_change_to_containers_that_is_never_finished_leaves_no_thread_behind() -> None:
    container = SessionSettings(audio_format=AudioFormat("container"), turn_detection=None)
    session = Session(SpellingEngine(), container, LoudnessActivity)
    other = SessionSettings(audio_format=AudioFormat("container", 8_000), turn_detection=None)
    changing = asyncio.create_task(session.send(Configure(other)))
    await asyncio.sleep(0)
    session.close()
    changing.cancel()
    await asyncio.gather(changing, return_exceptions=True)
    for thread in threading.enumerate():
        if thread.name == "container-intake":
            await asyncio.to_thread(thread.join, 5)
            assert not thread.is_alive()


async def test_a_lost_session_leaves_no_task_behind_even_when_nobody_listens() -> None:
    engine = SpellingEngine(places=1)
    before = asyncio.all_tasks()
    session = Session(engine, MANUAL, LoudnessActivity)
    for command in [*audio(level(10, 60)), CommitTurn(), *audio(level(20, 0.1))]:
        sending = asyncio.create_task(session.send(command))
        for _ in range(3):
            await asyncio.sleep(0)
        if not sending.done():
            break  # the session waits for its listener, as it should
    session.close()
    sending.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert engine.open_streams == 0


@given(
    script=st.lists(
        st.one_of(
            st.tuples(st.integers(1, 99), st.floats(0.01, 0.6)),
            st.sampled_from([CommitTurn(), ClearAudio(), Configure(MANUAL), Configure(SessionSettings())]),
        ),
        max_size=12,
    ),
    block=st.integers(80, 5000),
)
@settings(deadline=None, max_examples=60)
def test_any_commands_give_turns_with_one_ending_each_and_free_every_place(
    script: list[tuple[int, float] | Command], block: int
) -> None:
    commands: list[Command] = []
    for step in script:
        commands += audio(level(*step), block=block) if isinstance(step, tuple) else [step]
    engine = SpellingEngine(places=1)
    events = asyncio.run(converse([*commands, EndAudio()], MANUAL, engine))
    started = [e.turn for e in events if isinstance(e, TurnStarted)]
    ended = [e.turn for e in events if isinstance(e, TurnEnded)]
    said = [e.turn for e in events if isinstance(e, TranscriptFinal)]
    cleared = [e.turn for e in events if isinstance(e, TurnEnded) and e.reason == "cleared"]
    assert started == ended == list(range(1, len(started) + 1))
    assert sorted(said + cleared) == started
    assert engine.open_streams == 0
    for turn in said:
        deltas = "".join(e.text for e in events if isinstance(e, TranscriptDelta) and e.turn == turn)
        assert deltas == next(e.text for e in events if isinstance(e, TranscriptFinal) and e.turn == turn)
