"""A recording in segments side by side says all that is said in it, once, in order, on its own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tiny
from tests.detectors import LoudnessDetector
from tests.engine.conftest import RecordingRunner
from tests.engine.reciter import HALF, Reciter, spoken
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.segments import segments
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.line import AHEAD
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.errors import InvalidAudio, Overloaded
from voxtral_service.events import FileEvent, SegmentDelta, TranscriptSegment

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]
BULK = StreamOptions(bulk=True)
DURATIONS = st.sampled_from([0.15, 0.3, 0.3, 0.45, 0.9])
FEW = st.lists(st.tuples(st.sampled_from(["the", "and", "one", "cat", "dog's"]), DURATIONS), min_size=1, max_size=60)
"""Words that return all the time, so that only their times tell them apart."""


async def events(engine: Reciter, *, lanes: int = 2, at: list[int] | None = None, done: int = 0) -> list[FileEvent]:
    edges = [0, *sorted(i % (len(engine.sound) + 1) for i in at or []), len(engine.sound)]
    blocks = [engine.sound[a:b] for a, b in pairwise(edges)]
    file = transcribe_file(engine, blocks, BULK, lanes=lanes, first=done, detector=LoudnessDetector)
    return [event async for event in file]


def finals(said: list[FileEvent]) -> list[TranscriptSegment]:
    return [event for event in said if isinstance(event, TranscriptSegment)]


def check_form(said: list[FileEvent], seconds: float) -> None:
    """What holds for the events of any recording."""
    made = finals(said)
    assert [segment.id for segment in made] == list(range(len(made)))
    assert [segment.start for segment in made] == [0.0, *(segment.end for segment in made)][: len(made)]
    assert (made[-1].end if made else 0.0) == pytest.approx(seconds, abs=0.001)
    open_segment = 0
    texts = [""] * len(made)
    for event in said:
        if isinstance(event, SegmentDelta):
            assert event.segment == open_segment
            texts[event.segment] += event.text
        else:
            open_segment += 1
    assert texts == [segment.text for segment in made]
    words = [word for segment in made for word in segment.words]
    assert all(one.end <= other.start + 0.002 for one, other in pairwise(words))


@given(FEW, st.booleans(), st.dictionaries(st.integers(0, 59), st.sampled_from([0.4, 1.0, 6.0]), max_size=4))
@settings(deadline=None, max_examples=60)
def test_no_word_is_cut_lost_or_doubled(words: list[tuple[str, float]], live: bool, pauses: dict[int, float]) -> None:
    engine = spoken(words, {i: seconds for i, seconds in pauses.items() if i < len(words)}, live=live)
    said = asyncio.run(events(engine))
    check_form(said, len(engine.sound) / SAMPLE_RATE)
    made = finals(said)
    assert " ".join(segment.text for segment in made if segment.text).split() == [text for text, _ in words]
    heard = [word for segment in made for word in segment.words]
    assert [word.text for word in heard] == [text for text, _ in words]
    for got, true in zip(heard, engine.script, strict=True):
        assert (got.start, got.end) == pytest.approx((true.start, true.end), abs=0.002)


@given(st.lists(st.sampled_from([0.15, 0.3, 0.45]), min_size=1, max_size=60))
@settings(deadline=None, max_examples=30)
def test_nor_with_an_engine_that_tells_no_times(durations: list[float]) -> None:
    engine = spoken([(f"word{i}", seconds) for i, seconds in enumerate(durations)], live=False, times=False)
    said = asyncio.run(events(engine))
    check_form(said, len(engine.sound) / SAMPLE_RATE)
    text = " ".join(segment.text for segment in finals(said))
    assert text.split() == [f"word{i}" for i in range(len(durations))]


@given(FEW, st.lists(st.integers(0, 10**6), max_size=10), st.integers(1, 3))
@settings(deadline=None, max_examples=30)
def test_neither_blocks_nor_lanes_change_anything(words: list[tuple[str, float]], at: list[int], lanes: int) -> None:
    expected = finals(asyncio.run(events(spoken(words))))
    assert finals(asyncio.run(events(spoken(words), lanes=lanes, at=at))) == expected


@pytest.mark.parametrize("times", [True, False])
async def test_languages_without_spaces_are_joined_too(times: bool) -> None:
    characters = [(chr(0x4E00 + i), 0.25) for i in range(60)]
    engine = spoken(characters, times=times, live=False)
    text = "".join(segment.text for segment in finals(await events(engine))).replace(" ", "")
    assert text == "".join(character for character, _ in characters)
    assert HALF not in text


async def test_an_interrupted_recording_goes_on_behind_its_last_segment() -> None:
    words = [(f"word{i}", 0.3) for i in range(60)]
    pauses = dict.fromkeys(range(8, 60, 8), 0.5)
    engine = spoken(words, pauses)
    expected = finals(await events(engine))
    assert len(expected) > 5
    for done in range(1, len(expected)):
        last = expected[done - 1]
        rest = transcribe_file(
            engine,
            [engine.sound[round(last.end * SAMPLE_RATE) :]],
            BULK,
            lanes=2,
            first=done,
            start=last.end,
            detector=LoudnessDetector,
        )
        assert finals([event async for event in rest]) == expected[done:]


async def test_how_far_it_is_counts_every_second_once() -> None:
    engine = spoken([(f"word{i}", 0.3) for i in range(60)], {10: 6.0, 30: 0.5, 40: 0.5}, places=3)
    seconds = len(engine.sound) / SAMPLE_RATE
    steps: list[float] = []
    file = transcribe_file(engine, [engine.sound], BULK, lanes=3, heard=steps.append, detector=LoudnessDetector)
    made = finals([event async for event in file])
    assert min(steps) > 0
    assert sum(steps) >= seconds - 0.01
    assert sum(steps) <= seconds + len(made)  # where segments overlap, both hear a second of it


async def test_silence_costs_no_stream() -> None:
    engine = spoken([])
    engine.sound = np.full(30 * SAMPLE_RATE, 0.001, np.float32)
    assert finals(await events(engine)) == [TranscriptSegment(0, 0.0, 30.0, "")]
    assert not engine.streams
    assert await events(spoken([])) == []


async def test_a_file_waits_for_a_place_and_starts_again_when_it_loses_one() -> None:
    engine = spoken([(f"word{i}", 0.3) for i in range(40)], places=1)
    expected = finals(await events(engine))
    live = engine.open(StreamOptions())
    file = asyncio.create_task(events(engine))
    while not engine.vacancy._waiting:
        await asyncio.sleep(0)
    live.cancel()
    lost = 0
    while not file.done():
        await asyncio.sleep(0)
        if len(engine.streams[-1].samples) == 1 and not engine.streams[-1].ended and lost < 3:
            engine.streams[-1].fail(Overloaded("a live stream took its place"))
            lost += 1
    said = file.result()
    assert lost == 3
    assert finals(said) == expected
    check_form(said, 12.0)
    live = engine.open(StreamOptions())
    with pytest.raises(Overloaded):
        await anext(transcribe_file(engine, [engine.sound], StreamOptions(), lanes=1, detector=LoudnessDetector))
    live.cancel()


async def test_a_bounded_number_of_segments_is_held_however_slow_the_reader() -> None:
    engine = spoken([("word", 0.3)] * 250, places=8)
    read = 0

    def blocks() -> Iterator[Samples]:
        nonlocal read
        for at in range(0, len(engine.sound), SAMPLE_RATE):
            read += 1
            yield engine.sound[at : at + SAMPLE_RATE]

    file = transcribe_file(engine, blocks(), BULK, lanes=2, detector=LoudnessDetector)
    first = await anext(file)
    for _ in range(3000):
        await asyncio.sleep(0)
    most = 6 * (2 * AHEAD + 2)
    assert read <= most
    assert engine.most_open <= 2
    assert finals([first, *[event async for event in file]]) == finals(await events(engine))


async def test_a_source_that_fails_fails_the_recording_behind_what_was_good() -> None:
    engine = spoken([(f"word{i}", 0.3) for i in range(60)], dict.fromkeys(range(8, 60, 8), 0.5))

    def broken() -> Iterator[Samples]:
        yield engine.sound[: 12 * SAMPLE_RATE]
        raise InvalidAudio("damaged")

    said: list[FileEvent] = []

    async def read() -> None:
        async for event in transcribe_file(engine, broken(), BULK, lanes=2, detector=LoudnessDetector):
            said.append(event)

    with pytest.raises(InvalidAudio, match="damaged"):
        await read()
    assert len(finals(said)) >= 2
    assert not engine.taken


async def test_leaving_frees_all_places_and_lets_go_of_the_source() -> None:
    engine = spoken([("word", 0.3)] * 200)
    blocks = (engine.sound[at : at + SAMPLE_RATE] for at in range(0, len(engine.sound), SAMPLE_RATE))
    file = transcribe_file(engine, blocks, BULK, lanes=3, detector=LoudnessDetector)
    await anext(file)
    await file.aclose()
    assert not engine.taken
    blocks.close()  # raises while a thread is in it
    assert len(asyncio.all_tasks()) == 1


# -- through a real engine


def recording() -> Samples:
    """70 s with a pause every 7."""
    pause = np.zeros(8000, np.float32)
    return np.concatenate([part for i in range(10) for part in (tiny.sound(6.5, i), pause)])


async def test_segments_side_by_side_equal_segments_one_by_one(make_engine: MakeEngine) -> None:
    engine, runner = make_engine("wide", slots=3)
    samples = recording()
    text, words = [], []
    for segment in segments([samples], detector=LoudnessDetector):
        alone = await transcribe(engine, [segment.samples], BULK)
        text.append(alone.text.strip())
        words += [(w.text, w.end + segment.start / SAMPLE_RATE) for w in alone.words]
    assert len(text) == 4
    runner.batches.clear()
    blocks = [samples[i : i + SAMPLE_RATE] for i in range(0, len(samples), SAMPLE_RATE)]
    said = [e async for e in transcribe_file(engine, blocks, BULK, lanes=3, detector=LoudnessDetector)]
    check_form(said, 70.0)
    assert [segment.text for segment in finals(said)] == text
    got = [word for segment in finals(said) for word in segment.words]
    assert [word.text for word in got] == [word for word, _ in words]
    assert [word.end for word in got] == pytest.approx([end for _, end in words], abs=0.002)
    assert max(runner.batches) == 3


async def test_a_live_stream_interrupts_a_file_and_neither_notices(make_engine: MakeEngine) -> None:
    engine, _ = make_engine("small", slots=2)
    samples, live = recording()[: 44 * SAMPLE_RATE], tiny.sound(0.5, 50)
    expected = (await transcribe(engine, [live], StreamOptions())).text

    async def file() -> list[FileEvent]:
        return [e async for e in transcribe_file(engine, [samples], BULK, lanes=2, detector=LoudnessDetector)]

    alone = await file()
    disturbed = asyncio.create_task(file())
    lives = 0
    while not disturbed.done():
        await asyncio.sleep(0.01)
        if lives < 4:
            assert (await transcribe(engine, [live], StreamOptions())).text == expected
            lives += 1
    assert finals(disturbed.result()) == finals(alone)
    assert lives == 4
