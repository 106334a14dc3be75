"""A second pass says better what the first one said, under the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.detectors import LoudnessDetector
from tests.engine.reciter import Reciter, spoken
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.refine import refine, transcribe_twice
from voxtral_service.events import SegmentDelta, TranscriptSegment

BULK = StreamOptions(bulk=True)
WORDS = [(f"word{i}", 0.3) for i in range(80)]


def pair() -> tuple[Reciter, Reciter]:
    """A fast engine that mishears every word, and one that does not."""
    better = spoken(WORDS, {10: 0.6, 20: 9.0, 45: 0.5}, longest=5.0)
    fast = replace(better, script=[replace(w, text=w.text.replace("o", "e")) for w in better.script], longest=6.0)
    fast.streams, better.streams = [], []
    return fast, better


def blocks(engine: Reciter) -> Iterator[Samples]:
    for at in range(0, len(engine.sound), SAMPLE_RATE):
        yield engine.sound[at : at + SAMPLE_RATE]


async def test_each_segment_comes_again_and_better() -> None:
    fast, better = pair()
    twice = transcribe_twice(fast, better, lambda: blocks(better), BULK, lanes=2, detector=LoudnessDetector)
    said = [event async for event in twice]
    made = [event for event in said if isinstance(event, TranscriptSegment)]
    first = {segment.id: segment for segment in made[: [segment.id for segment in made[1:]].index(0) + 1]}
    second = {segment.id: segment for segment in made[len(first) :]}
    assert len(first) > 4
    assert set(second) == {number for number, segment in first.items() if segment.text}
    assert len(second) < len(first)
    for number, segment in second.items():
        old = first[number]
        assert (segment.start, segment.end) == pytest.approx((old.start, old.end), abs=0.001)
        assert segment.end - segment.start <= 5.0
    assert " ".join(segment.text for segment in first.values() if segment.text).split() == [
        text.replace("o", "e") for text, _ in WORDS
    ]
    texts = " ".join(segment.text for segment in second.values()).split()
    whole = [word for word in texts if "~" not in word]
    assert whole == [text for text, _ in WORDS if text in whole]
    assert len(whole) > len(WORDS) - len(second)  # only where nobody paused may a word be on the edge
    assert not any(isinstance(event, SegmentDelta) for event in said[said.index(made[len(first) - 1]) + 1 :])
    assert not fast.taken
    assert not better.taken


async def test_nothing_to_refine_opens_no_stream() -> None:
    _, better = pair()
    silence = [TranscriptSegment(0, 0.0, 5.0, "")]
    assert [segment async for segment in refine(better, blocks(better), silence, BULK, lanes=1)] == []
    assert [segment async for segment in refine(better, [], [], BULK, lanes=1)] == []
    assert not better.streams


async def test_part_of_a_recording_is_refined_where_it_lies() -> None:
    _, better = pair()
    part = [TranscriptSegment(7, 3.6, 6.6, "?")]
    source = [better.sound[round(3.6 * SAMPLE_RATE) :]]
    [segment] = [segment async for segment in refine(better, source, part, BULK, lanes=1)]
    assert (segment.id, segment.start, segment.end) == (7, 3.6, 6.6)
    assert segment.text.split() == [f"word{i}" for i in range(10, 20)]
    assert segment.words[0].start == pytest.approx(3.6, abs=0.01)
