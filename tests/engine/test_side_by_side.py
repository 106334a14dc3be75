"""A recording in segments side by side says what its segments say, in order, on its own clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests import tiny
from tests.engine.conftest import RecordingRunner
from voxtral_service.audio import Samples
from voxtral_service.audio.segments import segments
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.side_by_side import hypotheses_side_by_side
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.errors import InvalidAudio, Overloaded

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]


def recording() -> Samples:
    """70 s with a pause every 7."""
    pause = np.zeros(8000, np.float32)
    return np.concatenate([part for i in range(10) for part in (tiny.sound(6.5, i), pause)])


async def test_segments_side_by_side_equal_segments_one_by_one(make_engine: MakeEngine) -> None:
    engine, runner = make_engine("wide", slots=3)
    samples = recording()
    text, words = [], []
    for segment in segments([samples]):
        alone = await transcribe(engine, [segment.samples], StreamOptions(bulk=True))
        text.append(alone.text)
        words += [(w.text, w.end + segment.start / 16_000) for w in alone.words]
    assert len(text) == 4
    runner.batches.clear()
    blocks = [samples[i : i + 16_000] for i in range(0, len(samples), 16_000)]
    said = [h async for h in hypotheses_side_by_side(engine, blocks, StreamOptions(bulk=True), lanes=3)]
    assert "".join(h.delta for h in said) == " ".join(t for t in text if t)
    got = [word for h in said for word in h.words]
    assert [word.text for word in got] == [word for word, _ in words]
    assert [word.end for word in got] == pytest.approx([end for _, end in words], abs=0.002)
    assert [h.final for h in said] == [False] * (len(said) - 1) + [True]
    assert said[-1].audio_seconds == pytest.approx(70)
    assert max(runner.batches) == 3


async def test_no_audio_gives_one_final_hypothesis(make_engine: MakeEngine) -> None:
    engine, _ = make_engine()
    said = [h async for h in hypotheses_side_by_side(engine, [], StreamOptions(), lanes=2)]
    assert [(h.delta, h.final) for h in said] == [("", True)]


async def test_a_source_that_fails_fails_the_recording_and_frees_its_places(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=1)

    def broken() -> Iterator[Samples]:
        yield recording()
        raise InvalidAudio("damaged")

    with pytest.raises(InvalidAudio, match="damaged"):
        _ = [h async for h in hypotheses_side_by_side(engine, broken(), StreamOptions(), lanes=1)]
    await transcribe(engine, [tiny.sound(0.3)], StreamOptions())


async def test_a_reader_that_leaves_frees_all_places(make_engine: MakeEngine) -> None:
    engine, _ = make_engine(slots=2)
    source = hypotheses_side_by_side(engine, [recording()], StreamOptions(), lanes=2)
    await anext(source)
    with pytest.raises(Overloaded):
        [engine.open(StreamOptions()) for _ in range(2)]
    await source.aclose()
    for stream in [engine.open(StreamOptions()) for _ in range(2)]:
        stream.cancel()
