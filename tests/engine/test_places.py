"""Live streams go first: what files may take, and how they give it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests import tiny
from tests.engine.conftest import RecordingRunner
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.scheduler import BACKLOG_FRAMES, CHUNK_FRAMES, CROWD, Scheduler
from voxtral_service.engine.vacancy import Vacancy
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.errors import EngineError, Overloaded

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]
LIVE, BULK = StreamOptions(), StreamOptions(bulk=True)


async def test_files_leave_the_reserve_to_live_streams(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=3, reserve=1)
    files = [engine.open(BULK), engine.open(BULK)]
    with pytest.raises(Overloaded, match="1 are kept for live streams"):
        engine.open(BULK)
    live = engine.open(LIVE)
    for stream in (*files, live):
        stream.cancel()


async def test_a_live_stream_takes_the_place_of_the_youngest_file(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=2)
    old, young = engine.open(BULK), engine.open(BULK)
    samples = tiny.sound(2)
    await old.push(samples)
    await young.push(samples)
    live = await transcribe(engine, [samples], LIVE)
    with pytest.raises(Overloaded, match="took this file's place"):
        [_ async for _ in young]
    old.finish()
    assert "".join([h.delta async for h in old]) == live.text == (await transcribe(engine, [samples], LIVE)).text
    lives = [engine.open(LIVE), engine.open(LIVE)]
    with pytest.raises(Overloaded):
        engine.open(LIVE)  # live streams do not take each other's
    for stream in lives:
        stream.cancel()


async def test_a_file_waits_until_a_place_is_free(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=2, reserve=1)
    await engine.wait_for_place()
    live = [engine.open(LIVE), engine.open(LIVE)]
    waiting = [asyncio.create_task(engine.wait_for_place()) for _ in range(2)]
    live[0].cancel()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)  # one place is free, and kept
    live[1].cancel()
    await asyncio.gather(*waiting)
    engine.open(BULK).cancel()


async def test_who_waits_is_told_when_the_engine_closes(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=1)
    stream = engine.open(LIVE)
    waiting = asyncio.create_task(engine.wait_for_place())
    await asyncio.sleep(0)
    with ThreadPoolExecutor(1) as other:
        await asyncio.wrap_future(other.submit(engine.close))
    await waiting
    with pytest.raises(EngineError):
        engine.open(BULK)
    stream.cancel()


def test_a_loop_that_has_ended_is_no_trouble() -> None:
    vacancy = Vacancy()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await vacancy.wait(lambda: False)

    asyncio.run(leave())
    vacancy.tell()


@pytest.mark.parametrize("reserve", [-1, 2])
def test_files_must_have_a_place(make_engine: MakeEngine, reserve: int) -> None:
    with pytest.raises(ValueError, match="reserve"):
        make_engine(slots=2, reserve=reserve)


class Waiting:
    """A stream as the scheduler sees it."""

    def __init__(self, slot: int, *, bulk: bool, frames: int) -> None:
        self.slot, self.bulk, self.frames = slot, bulk, frames
        self.joined, self.has_vectors = True, False


def test_in_a_crowd_late_frames_are_encoded_together() -> None:
    scheduler = Scheduler(CROWD)
    streams: list[Any] = [Waiting(scheduler.take_slot() or 0, bulk=False, frames=BACKLOG_FRAMES) for _ in range(CROWD)]
    for stream in streams[1:]:
        scheduler.add(stream)
    assert scheduler.next_work().chunks == [(streams[1], BACKLOG_FRAMES)]
    scheduler.add(streams[0])
    work = scheduler.next_work()
    assert not work.chunks
    assert len(work.steps) == CROWD
    streams[0].frames = CHUNK_FRAMES
    assert scheduler.next_work().chunks == [(streams[0], CHUNK_FRAMES)]


def test_a_live_frame_waits_for_one_bounded_step_of_a_file() -> None:
    scheduler = Scheduler(3)
    files = [Waiting(scheduler.take_slot() or 0, bulk=True, frames=1000) for _ in range(2)]
    live = Waiting(scheduler.take_slot() or 0, bulk=False, frames=0)
    everyone: list[Any] = [*files, live]
    for stream in everyone:
        scheduler.add(stream)
    alone = scheduler.next_work()
    assert [count for _, count in alone.chunks] == [CHUNK_FRAMES]  # all that a live frame can find itself behind
    live.frames = 1
    work = scheduler.next_work()
    assert not work.chunks  # no file's audio is encoded in a turn in which live audio is
    assert work.steps == work.decodes == everyone[2:]
