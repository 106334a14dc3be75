"""How many streams keep the bound, from times of steps that are given, and whether those there are do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from tests import tiny
from tests.engine.conftest import RecordingRunner
from voxtral_service.engine.base import Measured, StreamOptions
from voxtral_service.engine.capacity import IN_SERVICE, ROUNDS, LagWatch, StepTime, derive, measure, turns_of_a_final
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]
DELAY = 6


def steps(fixed: float, each: float, most: int = 256) -> tuple[StepTime, ...]:
    """A step that takes so many milliseconds, and so many more for each stream."""
    sizes = [n for n in (1, 2, 4, 8, 16, 32, 64, 128, 256) if n <= most]
    return tuple(StepTime(n, (fixed + n * each) / 1000) for n in sizes)


def test_streams_fill_the_turns_that_the_bound_allows() -> None:
    capacity = derive(steps(5, 0.4), 0.5, DELAY)
    turn = 0.5 / turns_of_a_final(DELAY)
    rows = (1000 * turn / IN_SERVICE - 5) / 0.4
    # Of 50 frames of speech 11 more follow as padding.
    assert capacity.streams == pytest.approx(rows * 0.08 / (turn * (1 + 11 * 0.08 / 4)), abs=2)
    assert 50 < capacity.streams < 70


def test_more_time_and_shorter_steps_hold_more_streams() -> None:
    bounds = [derive(steps(5, 0.4), bound, DELAY).streams for bound in (0.2, 0.5, 1.0)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[-1]
    assert derive(steps(5, 0.4), 0.5, DELAY).streams < derive(steps(2, 0.2), 0.5, DELAY).streams
    assert derive(steps(5, 0.4), 0.5, 30).streams < derive(steps(5, 0.4), 0.5, DELAY).streams


def test_a_machine_may_be_too_slow_for_one_stream_and_never_holds_more_than_was_measured() -> None:
    assert derive(steps(60, 1), 0.5, DELAY).streams == 0
    assert derive(steps(0.1, 0.001, most=32), 0.5, DELAY).streams == 32


def test_steps_are_measured_to_the_last_slot_and_leave_nothing_behind(make_engine: MakeEngine) -> None:
    engine, runner = make_engine(slots=3)
    ticks = count()
    assert measure(runner, lambda: next(ticks) / 1024) == tuple(StepTime(n, 1 / 1024) for n in (1, 2, 3))
    assert runner.batches == [1] * (1 + ROUNDS) + [2] * (1 + ROUNDS) + [3] * (1 + ROUNDS)
    assert isinstance(engine, Measured)
    assert engine.measure(0.5).steps[-1].streams == 3
    sound = tiny.sound(1.0)

    async def text(engine: VoxtralRealtimeEngine) -> str:
        stream = engine.open(StreamOptions())
        await stream.push(sound)
        stream.finish()
        return "".join([hypothesis.delta async for hypothesis in stream])

    after = asyncio.run(text(engine))
    assert after
    assert after == asyncio.run(text(make_engine(slots=3)[0]))


def test_measuring_takes_no_longer_than_seconds(make_engine: MakeEngine) -> None:
    _, runner = make_engine(slots=4)
    ticks = count()
    assert [step.streams for step in measure(runner, lambda: float(next(ticks)))] == [1]


def test_lag_follows_the_turns_and_is_forgotten() -> None:
    watch = LagWatch(0.5, DELAY)
    assert watch.lag(0.0) == 0.0
    for at in np.arange(0, 3, 0.02):
        watch.note(0.025, 0.03, float(at))
    turns = turns_of_a_final(DELAY)
    assert watch.lag(3.0) == pytest.approx(0.03 + turns * 0.025)
    assert watch.stops_files(3.0)
    assert not watch.is_near(3.0)
    for at in np.arange(3, 6, 0.03):
        watch.note(0.035, 0.06, float(at))
    assert watch.is_near(6.0)
    assert watch.lag(7.1) == 0.0
    watch.note(0.001, 0.001, 8.0)
    assert watch.lag(8.0) == pytest.approx(0.001 + turns * 0.001)


async def test_files_stop_while_live_streams_are_late(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=2)
    late = LagWatch(0.5, DELAY)
    late.stops_files = lambda now: not allowed  # type: ignore[method-assign]
    allowed = False
    engine._watch = late
    file, live = engine.open(StreamOptions(bulk=True)), engine.open(StreamOptions())
    for stream in (file, live):
        await stream.push(tiny.sound(1.0))
        stream.finish()
    assert [hypothesis async for hypothesis in live][-1].final
    assert file.audio_seconds == 0.0
    allowed = True
    assert [hypothesis async for hypothesis in file][-1].final
