"""Recordings that are heard together share the engine's streams, however few of them are read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import tiny
from tests.detectors import LoudnessDetector
from tests.fakes import SpellingEngine
from voxtral_service.audio.write import write_wav
from voxtral_service.cli.batch import Batch, Engines, Job
from voxtral_service.cli.inputs import Input
from voxtral_service.cli.recording import Recording
from voxtral_service.engine.base import StreamOptions


@pytest.fixture(autouse=True)
def loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxtral_service.audio.vad.SileroModel.detector", lambda _: LoudnessDetector())


@pytest.fixture
def jobs(tmp_path: Path) -> Sequence[Job]:
    """Seven recordings of one segment each."""
    paths = [tmp_path / f"{number}.wav" for number in range(7)]
    for number, path in enumerate(paths):
        write_wav(path, tiny.sound(0.5, number))
    return [Job(Recording(Input(path.name, path, path)), StreamOptions(bulk=True)) for path in paths]


@pytest.mark.parametrize("workers", [1, 3, None])
async def test_short_recordings_fill_all_streams(jobs: Sequence[Job], workers: int | None) -> None:
    engine = SpellingEngine(places=4, hold=asyncio.Event())
    assert engine.hold
    ended: list[Job] = []
    batch = Batch(Engines(engine), jobs, 4, workers=workers, ended=ended.append)
    async with batch, asyncio.timeout(60):
        while engine.open_streams < 4:
            await asyncio.sleep(0.01)
        assert 4 <= sum(job.running for job in jobs) <= 4 + (workers or 4)  # those behind them wait to be begun
        assert not ended
        engine.hold.set()
        await batch.wait()
    assert engine.most_open == 4
    assert len(ended) == len(jobs)
    assert all(job.transcript.text and not job.error for job in jobs)


async def test_a_recording_that_fails_gives_way_to_the_next(jobs: Sequence[Job]) -> None:
    engine = SpellingEngine(places=2)
    for job in jobs[:3]:
        assert job.recording.input.path
        job.recording.input.path.write_bytes(b"")
    batch = Batch(Engines(engine), jobs, 2, workers=1, ended=lambda _: None)
    async with batch, asyncio.timeout(60):
        await batch.wait()
    assert [bool(job.error) for job in jobs] == [True] * 3 + [False] * 4


async def test_leaving_ends_what_is_begun(jobs: Sequence[Job]) -> None:
    engine = SpellingEngine(places=4, hold=asyncio.Event())
    async with Batch(Engines(engine), jobs, 4, workers=1, ended=lambda _: None), asyncio.timeout(60):
        while engine.open_streams < 4:
            await asyncio.sleep(0.01)
    assert not engine.open_streams
    assert len(asyncio.all_tasks()) == 1
