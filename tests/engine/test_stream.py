"""A stream's life: opened, refused, fed, ended, failed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import Histogram
from torch import Tensor

from tests import tiny
from tests.engine.conftest import RecordingRunner
from voxtral_service import metrics
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.model_runner import SILENT_POSITIONS
from voxtral_service.engine.stream import MAX_BACKLOG_FRAMES, SETTLED, BlankRut
from voxtral_service.engine.vocabulary import Boost
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.errors import EngineError, InvalidAudio, InvalidOption, Overloaded
from voxtral_service.voxtral.config import LEFT_PAD_TOKENS

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]


@pytest.mark.parametrize("delay_ms", [0, 40, 81, 2480, -80])
async def test_an_impossible_delay_is_refused(make_engine: MakeEngine, delay_ms: int) -> None:
    engine, _ = make_engine()
    with pytest.raises(InvalidOption, match="multiple of 80 ms") as caught:
        engine.open(StreamOptions(delay_ms=delay_ms))
    assert caught.value.field == "delay_ms"


async def test_a_full_engine_refuses_at_once_and_takes_the_next_when_a_place_is_free(
    make_engine: MakeEngine,
) -> None:
    engine, _ = make_engine(slots=2)
    first = engine.open(StreamOptions())
    engine.open(StreamOptions())
    with pytest.raises(Overloaded, match="all 2 places"):
        engine.open(StreamOptions())
    first.cancel()
    first.cancel()
    engine.open(StreamOptions())
    with pytest.raises(Overloaded):
        engine.open(StreamOptions())


async def test_a_finished_stream_frees_its_place(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=1)
    for _ in range(3):
        await transcribe(engine, [tiny.sound(0.5)], StreamOptions())


async def test_the_lag_of_live_frames_is_measured_and_places_are_counted(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=2)
    streams, lags = metrics.STREAMS, metrics.LAG_ENGINE
    open_before, sum_before, before = streams._value.get(), lags._sum.get(), observations(lags)
    start = time.monotonic()
    stream = engine.open(StreamOptions())
    await stream.push(tiny.sound(1.0))
    assert streams._value.get() == open_before + 1
    stream.finish()
    async for _ in stream:
        pass
    assert streams._value.get() == open_before
    # Padding was made here, so its lag would say nothing; one frame of the sound waits for what follows it.
    assert observations(lags) - before in (12, 13)
    assert 0 < lags._sum.get() - sum_before < 13 * (time.monotonic() - start)
    await transcribe(engine, [tiny.sound(1.0)], StreamOptions(bulk=True))
    assert observations(lags) - before in (12, 13)


def observations(histogram: Histogram) -> float:
    return float(sum(bucket.get() for bucket in histogram._buckets))


async def test_no_audio_gives_no_text(make_engine: MakeEngine) -> None:
    engine, runner = make_engine()
    transcript = await transcribe(engine, [], StreamOptions())
    assert (transcript.text, transcript.duration) == ("", 0.0)
    assert runner.written == []


async def test_duration_and_times_are_those_of_the_audio(make_engine: MakeEngine) -> None:
    engine, _ = make_engine("wide")
    transcript = await transcribe(engine, [tiny.sound(5.3, 2)], StreamOptions())
    assert transcript.duration == pytest.approx(5.3)
    assert transcript.words
    assert "".join(w.text for w in transcript.words) == "".join(transcript.text.split())
    ends = [word.end for word in transcript.words]
    assert ends == sorted(ends)
    assert all(0 <= word.start <= word.end for word in transcript.words)


async def test_finish_twice_is_harmless_and_push_after_it_is_an_error(make_engine: MakeEngine) -> None:
    engine, _ = make_engine()
    stream = engine.open(StreamOptions())
    await stream.push(tiny.sound(1))
    stream.finish()
    stream.finish()
    with pytest.raises(ValueError, match="push after finish"):
        await stream.push(tiny.sound(1))
    assert [h.final async for h in stream][-1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
async def test_samples_that_are_no_numbers_are_refused_and_the_stream_goes_on(
    make_engine: MakeEngine, bad: float
) -> None:
    engine, _ = make_engine()
    stream = engine.open(StreamOptions())
    await stream.push(tiny.sound(2))
    with pytest.raises(InvalidAudio, match="infinite or not a number"):
        await stream.push(np.array([0, bad], np.float32))
    stream.finish()
    text = "".join([h.delta async for h in stream])
    assert text == (await transcribe(engine, [tiny.sound(2)], StreamOptions())).text


async def test_closing_the_engine_fails_open_streams(folders: dict[str, Path]) -> None:
    engine = VoxtralRealtimeEngine(RecordingRunner(folders["small"], 2))
    stream = engine.open(StreamOptions())
    await stream.push(tiny.sound(0.2))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed while the stream was open"):
        _ = [h async for h in stream]
    with pytest.raises(EngineError, match="closed"):
        engine.open(StreamOptions())


class FailingRunner(RecordingRunner):
    """Fails whenever a given slot takes part in a step."""

    fails_on = 0

    def decode(
        self,
        slots: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        pad_penalties: NDArray[np.float32] | None = None,
        boosts: Sequence[tuple[int, Boost]] = (),
    ) -> NDArray[np.int64]:
        if self.fails_on in slots:
            raise RuntimeError("out of memory")
        return super().decode(slots, audio, tokens, pad_penalties, boosts)


async def test_a_failing_step_fails_its_streams_and_no_later_one(
    folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    runner = FailingRunner(folders["small"], 2)
    engine = VoxtralRealtimeEngine(runner)
    with pytest.raises(EngineError, match="out of memory"):
        await transcribe(engine, [tiny.sound(1)], StreamOptions())
    assert "step of 1 streams failed" in caplog.text
    runner.fails_on = -1
    await transcribe(engine, [tiny.sound(1)], StreamOptions())
    engine.close()


class StoppableRunner(RecordingRunner):
    """Does nothing until it is let go."""

    def __init__(self, folder: Path, slots: int) -> None:
        super().__init__(folder, slots)
        self.go = threading.Event()

    def join(self, slot: int, delay: int) -> None:
        self.go.wait()
        super().join(slot, delay)


async def test_push_waits_while_the_engine_is_far_behind_and_nothing_is_lost(
    folders: dict[str, Path],
) -> None:
    runner = StoppableRunner(folders["small"], 2)
    engine = VoxtralRealtimeEngine(runner)
    stream = engine.open(StreamOptions())
    samples = tiny.sound(MAX_BACKLOG_FRAMES * 0.08 + 5, 1)
    blocks = [samples[i : i + 16_000] for i in range(0, len(samples), 16_000)]

    pushed = 0

    async def feed() -> None:
        nonlocal pushed
        for block in blocks:
            await stream.push(block)
            pushed += 1
        stream.finish()

    feeder = asyncio.create_task(feed())
    for _ in range(1000):
        await asyncio.sleep(0)
    assert 0 < pushed < len(blocks)
    runner.go.set()
    text = "".join([h.delta async for h in stream])
    await feeder
    runner.go.set()
    assert text == (await transcribe(engine, [samples], StreamOptions())).text
    engine.close()


async def test_a_stream_whose_reader_does_not_read_pauses_and_resumes(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxtral_service.engine.stream.MAX_UNREAD_CHARACTERS", 5)
    engine, _ = make_engine()
    samples = tiny.sound(20, 1)
    expected = await transcribe(engine, [samples], StreamOptions())
    stream = engine.open(StreamOptions())
    await stream.push(samples)
    stream.finish()
    while len((await anext(aiter(stream))).delta) == 0:
        pass
    for _ in range(50):
        await asyncio.sleep(0.002)
    heard = stream.audio_seconds
    assert heard < 20
    rest = "".join([h.delta async for h in stream])
    assert rest
    assert expected.text.endswith(rest)


def test_the_penalty_of_a_rut_grows_to_its_bound() -> None:
    rut = BlankRut()
    assert [rut.penalty(run) for run in (0, 200, 201, 210, 214, 5000)] == [0, 0, 0.5, 5, 7, 7]


class BlankRunner(RecordingRunner):
    """A model in a rut: padding leads by five whatever it hears."""

    def decode(
        self,
        slots: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        pad_penalties: NDArray[np.float32] | None = None,
        boosts: Sequence[tuple[int, Boost]] = (),
    ) -> NDArray[np.int64]:
        penalties = pad_penalties if pad_penalties is not None else np.zeros(len(slots), np.float32)
        return np.where(penalties > 5, 300, self.tokenizer.pad).astype(np.int64)


async def test_a_rut_over_sound_is_broken_and_counted_and_silence_is_left_alone(
    folders: dict[str, Path],
) -> None:
    engine = VoxtralRealtimeEngine(BlankRunner(folders["small"], 1))
    loud = await transcribe(engine, [tiny.sound(30)], StreamOptions())
    assert loud.text
    assert engine.rescued_tokens >= 1
    quiet = await transcribe(engine, [np.zeros(16_000 * 30, np.float32)], StreamOptions())
    assert quiet.text == ""
    engine.close()


class LateRunner(RecordingRunner):
    """Writes one token at one position, and padding elsewhere."""

    at = 0

    def decode(
        self,
        slots: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        pad_penalties: NDArray[np.float32] | None = None,
        boosts: Sequence[tuple[int, Boost]] = (),
    ) -> NDArray[np.int64]:
        super().decode(slots, audio, tokens, pad_penalties, boosts)
        return np.where(self._decoded[slots] == self.at, 300, self.tokenizer.pad).astype(np.int64)


@pytest.mark.parametrize(
    ("late", "live", "bulk"), [(-9, 5, 10), (0, 5, 10), (1, 6, 10), (4, 9, 10), (5, 10, 10), (6, 5, 10)]
)
async def test_a_live_stream_is_over_when_nothing_more_is_to_come(
    folders: dict[str, Path], late: int, live: int, bulk: int
) -> None:
    """Counted from where the last word is due, a word that is written `late` and the positions until the end."""
    runner = LateRunner(folders["small"], 1)
    engine = VoxtralRealtimeEngine(runner)
    frames, delay = 13, 2
    due = LEFT_PAD_TOKENS + frames + delay
    runner.at = due + late
    for options, more in ((StreamOptions(160), live), (StreamOptions(160, bulk=True), bulk)):
        text = (await transcribe(engine, [tiny.sound(frames * 0.08)], options)).text
        assert text or late > SETTLED
        assert len(runner.written[-1]) == due + more - SILENT_POSITIONS
    engine.close()


async def test_an_end_token_ends_nothing_while_audio_continues(make_engine: MakeEngine) -> None:
    engine, runner = make_engine("deep")
    await transcribe(engine, [tiny.sound(9, 1)], StreamOptions(delay_ms=80))
    written = runner.written[-1]
    first = written.index(runner.tokenizer.eos)
    assert len(written) - first > 20


async def test_memory_of_a_slot_is_told(make_engine: MakeEngine) -> None:
    _, runner = make_engine("small")
    encoder = 2 * 2 * 4 * 68 * 8 * 4
    decoder = 2 * 2 * 2 * 48 * 8 * 4
    assert runner.bytes_per_slot() == encoder + decoder
