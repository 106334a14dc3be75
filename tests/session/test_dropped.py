"""Sessions dropped at random points leave nothing behind; `benchmarks/soak.py` does it for longer."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import tiny
from tests.fakes import LoudnessActivity
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.audio.write import write_wav
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.stream import RealtimeStream
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    ClearAudio,
    Command,
    CommitTurn,
    Configure,
    EndAudio,
    ServerVad,
    SessionSettings,
)
from voxtral_service.session.session import Session
from voxtral_service.session.transcript import TurnTranscript
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.tokenizer import Tokenizer

SESSIONS = 200
AT_ONCE = 5
SLOTS = 4
OF_A_SESSION = (Session, TurnTranscript, RealtimeStream)
FORMATS = [AudioFormat(sample_rate=rate) for rate in (8_000, 16_000, 24_000, 48_000)] + [AudioFormat("container")]
FILES = Path("/proc/self/fd")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[VoxtralRealtimeEngine]:
    folder = tiny.write_model(tmp_path, tiny.SHAPES["small"])
    model = checkpoint.load(folder, dtype=torch.float32)
    engine = VoxtralRealtimeEngine(ModelRunner(model, Tokenizer.from_folder(folder), SLOTS))
    yield engine
    engine.close()


def command(rng: random.Random, sound: bytes) -> Command:
    kind = rng.random()
    if kind < 0.7:
        at = rng.randrange(len(sound) // 4) * 2
        return AppendAudio(sound[at : at + rng.randrange(20_000)])
    if kind < 0.8:
        rules = rng.choice([None, ServerVad()])
        return Configure(SessionSettings(audio_format=rng.choice(FORMATS), turn_detection=rules))
    return CommitTurn() if kind < 0.93 else ClearAudio()


async def open_and_drop(engine: VoxtralRealtimeEngine, rng: random.Random, sound: bytes) -> None:
    session = Session(engine, SessionSettings(audio_format=rng.choice(FORMATS)), LoudnessActivity)

    async def listen() -> None:
        async for _ in session:
            pass

    async def speak() -> None:
        for _ in range(rng.randrange(8)):
            await session.send(command(rng, sound))
            await asyncio.sleep(rng.choice([0, 0, 0.001]))
        await session.send(EndAudio())

    tasks = [asyncio.create_task(listen()), asyncio.create_task(speak())]
    # Some are heard to their end; the others are dropped in the middle of whatever they do.
    await asyncio.wait(tasks, timeout=rng.choice([0, 0.002, 0.01, 10]))
    session.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until_gone() -> None:
    """Wait for what ends by itself after a session: threads that decode containers, and tasks that were cancelled."""
    async with asyncio.timeout(30):
        while len(asyncio.all_tasks()) > 1 or any(t.name == "container-intake" for t in threading.enumerate()):
            await asyncio.sleep(0.005)


def held() -> tuple[Counter[str], int, int]:
    """Objects that belong to sessions, threads, open files."""
    gc.collect()
    objects = Counter(type(thing).__name__ for thing in gc.get_objects() if type(thing) in OF_A_SESSION)
    return objects, threading.active_count(), len(os.listdir(FILES)) if FILES.exists() else 0  # noqa: PTH208


@pytest.mark.timeout(300)  # seconds of work, minutes on a machine that does much else
async def test_sessions_dropped_at_random_points_leave_nothing_behind(engine: VoxtralRealtimeEngine) -> None:
    rng = random.Random(0)
    file = io.BytesIO()
    write_wav(file, tiny.sound(5, 1))
    sounds = [encode_s16le(tiny.sound(5, 2)), file.getvalue()]

    async def some(count: int) -> None:
        for _ in range(count):
            await open_and_drop(engine, rng, rng.choice(sounds))

    # The first ones start what stays: the threads of the loop's pool.
    await some(20)
    await until_gone()
    before = held()
    await asyncio.gather(*(some(SESSIONS // AT_ONCE) for _ in range(AT_ONCE)))
    await until_gone()
    objects, threads, files = held()
    deadline = time.monotonic() + 20
    while objects and time.monotonic() < deadline:  # the engine's thread holds its last stream until its next turn
        await asyncio.sleep(0.05)
        objects, threads, files = held()
    assert not objects
    assert not engine._scheduler.streams
    assert engine._scheduler.free == SLOTS
    # The loop's pool may have grown to as many threads as sessions ended at once, and no further.
    assert threads <= before[1] + AT_ONCE
    assert files <= before[2]
