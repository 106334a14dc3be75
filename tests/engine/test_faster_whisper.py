"""The Whisper engine over a model that spells: which windows it cuts, who goes first, what is said in the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.agreement import HeardWord
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.faster_whisper import BATCH, FasterWhisperEngine
from voxtral_service.engine.whisper_model import Heard, Task
from voxtral_service.engine.whisper_stream import CONTEXT, VERY_LONG, WINDOW
from voxtral_service.errors import EngineError, InvalidOption, Overloaded
from voxtral_service.events import Hypothesis, Score, Token

ABLE = Capabilities(("en", "de"), live=True, translates=True, detects_language=True, longest_segment=30.0)


def sound(words: int, seconds: float = 0.5, first: int = 1) -> Samples:
    """Words of half a second: the number of each is its level in thousandths."""
    return np.repeat(np.arange(first, first + words, dtype=np.float32) / 1000, round(seconds * SAMPLE_RATE))


def text(words: int, first: int = 1) -> str:
    return " ".join(name(i) for i in range(first, first + words))


def name(number: int) -> str:
    return f"w{number}." if number % 7 == 0 else f"w{number}"


class SpellingModel:
    """Hears the words of `sound`, wherever a window begins or ends; waits at a gate if there is one."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.tasks: list[Task] = []
        self.gate: threading.Semaphore | None = None
        self.entered = threading.Semaphore(0)
        self.failure: Exception | None = None
        self.closed = False

    def hear(self, windows: list[Samples], task: Task) -> list[Heard]:
        self.batches.append([len(window) for window in windows])
        self.tasks.append(task)
        self.entered.release()
        if self.gate is not None:
            self.gate.acquire()
        if self.failure:
            raise self.failure
        return [self._spell(window) for window in windows]

    def close(self) -> None:
        self.closed = True

    def _spell(self, window: Samples) -> Heard:
        starts = [0, *(np.flatnonzero(np.diff(window)) + 1).tolist(), len(window)]
        words = [
            HeardWord(
                f" {name(round(float(window[a]) * 1000))}", a / SAMPLE_RATE, b / SAMPLE_RATE, (Token(1, "w", -0.5),)
            )
            for a, b in pairwise(starts)
            if b - a >= 1000 and window[a]
        ]
        return Heard(tuple(words), "de", Score(-0.5, 0.1)) if words else Heard()


Make = Callable[..., tuple[FasterWhisperEngine, SpellingModel]]


@pytest.fixture
def make() -> Iterator[Make]:
    engines: list[tuple[FasterWhisperEngine, SpellingModel]] = []

    def start(slots: int = 4, **options: Any) -> tuple[FasterWhisperEngine, SpellingModel]:
        model = SpellingModel()
        engines.append((FasterWhisperEngine(model, ABLE, slots=slots, **options), model))
        return engines[-1]

    yield start
    for engine, model in engines:
        if model.gate:
            model.gate.release(1000)
        engine.close()
        assert model.closed


async def hear(engine: FasterWhisperEngine, pieces: Sequence[Samples], options: StreamOptions) -> list[Hypothesis]:
    stream = engine.open(options)

    async def feed() -> None:
        for piece in pieces:
            await stream.push(piece)
        stream.finish()

    feeder = asyncio.create_task(feed())
    said = [hypothesis async for hypothesis in stream]
    await feeder
    return said


def said_in(hypotheses: Sequence[Hypothesis]) -> str:
    return "".join(hypothesis.delta for hypothesis in hypotheses)


async def entered(model: SpellingModel) -> None:
    await asyncio.to_thread(model.entered.acquire)


async def test_a_long_file_is_heard_in_windows_that_begin_behind_whole_words(make: Make) -> None:
    engine, model = make()
    said = await hear(engine, np.array_split(sound(150), 11), StreamOptions(bulk=True))
    assert said_in(said) == text(150)
    # A word that ends in a window's last second is heard again: 29 s further each time.
    assert model.batches == [[WINDOW], [WINDOW], [round(17 * SAMPLE_RATE)]]
    assert [word.end for word in said[-1].words][-1] == 75
    assert said[-1].score == Score(-0.5, 0.1)
    assert said[-1].language == "de"


@settings(max_examples=15)
@given(st.integers(1, 130), st.lists(st.integers(1, 60_000), max_size=20), st.booleans())
def test_whatever_the_timing_each_word_is_said_once(words: int, cuts: list[int], bulk: bool) -> None:
    whole = sound(words)
    pieces = np.split(whole, np.minimum(np.cumsum(cuts), len(whole)).tolist())

    async def run() -> list[Hypothesis]:
        engine = FasterWhisperEngine(SpellingModel(), ABLE, slots=1)
        try:
            return await hear(engine, pieces, StreamOptions(bulk=bulk))
        finally:
            engine.close()

    said = asyncio.run(run())
    assert said_in(said) == text(words)
    times = [(word.start, word.end) for hypothesis in said for word in hypothesis.words]
    assert times == sorted(times)
    assert len([token for hypothesis in said for token in hypothesis.tokens]) == words


async def test_a_live_stream_says_what_it_is_sure_of_and_keeps_its_window_short(make: Make) -> None:
    engine, model = make()
    stream = engine.open(StreamOptions(prompt="Names."))
    said: list[Hypothesis] = []
    reader = asyncio.create_task(_read(stream, said))
    for second in range(90):
        await stream.push(sound(2, first=2 * second + 1))
        await entered(model)  # one window for every second
    assert len(said_in(said).split()) > 160  # what was said is known within a few seconds
    stream.finish()
    await reader
    assert said_in(said) == text(180)
    assert any(hypothesis.tail for hypothesis in said)
    assert max(map(max, model.batches)) <= VERY_LONG + SAMPLE_RATE
    assert model.tasks[0].prompt == "Names."
    last = model.tasks[-1].prompt
    assert last.startswith("Names. ")
    assert "w150 w151" in last
    assert len(last) < CONTEXT + 10
    assert model.tasks[-1].language == "de"  # as it was told by ear the first time


async def _read(stream: Any, said: list[Hypothesis]) -> None:
    async for hypothesis in stream:
        said.append(hypothesis)


async def test_hours_of_silence_are_not_kept(make: Make) -> None:
    engine, model = make()
    stream = engine.open(StreamOptions())
    for _ in range(60):
        await stream.push(np.zeros(SAMPLE_RATE, np.float32))
        await entered(model)
    assert max(map(max, model.batches)) <= 7 * SAMPLE_RATE
    await stream.push(sound(4))
    stream.finish()
    said: list[Hypothesis] = []
    await _read(stream, said)
    assert said_in(said) == text(4)
    assert said[-1].words[0].start == 60 or said[0].words[0].start == 60


async def test_a_reader_that_lags_pauses_its_stream_and_a_full_stream_its_writer(make: Make) -> None:
    engine, model = make()
    model.gate = threading.Semaphore(0)
    stream = engine.open(StreamOptions(bulk=True))
    writer = asyncio.create_task(stream.push(sound(400)))
    await entered(model)
    done, _ = await asyncio.wait([writer], timeout=0.2)
    assert not done
    model.gate.release(100)
    await writer
    stream.cancel()


async def test_live_windows_are_heard_first_and_files_one_at_a_time_beside_them(make: Make) -> None:
    engine, model = make(slots=12)
    model.gate = threading.Semaphore(0)
    files = [asyncio.create_task(hear(engine, [sound(4)], StreamOptions(bulk=True))) for _ in range(9)]
    await entered(model)
    while len(engine._streams) < 9 or not all(stream.is_ready for stream in engine._streams):
        await asyncio.sleep(0)
    live = engine.open(StreamOptions())
    await live.push(sound(2))
    model.gate.release(1000)
    for said in await asyncio.gather(*files):
        assert said_in(said) == text(4)
    before, after = model.batches[:1], model.batches[1:]
    assert after == [[SAMPLE_RATE], *([[2 * SAMPLE_RATE]] * (9 - len(before[0])))]
    assert model.tasks[1].beams < model.tasks[0].beams
    live.cancel()


async def test_files_are_heard_together_when_nobody_is_live(make: Make) -> None:
    engine, model = make(slots=12)
    model.gate = threading.Semaphore(0)
    first = asyncio.create_task(hear(engine, [sound(4)], StreamOptions(bulk=True)))
    await entered(model)
    others = [asyncio.create_task(hear(engine, [sound(4)], StreamOptions(bulk=True))) for _ in range(10)]
    german = asyncio.create_task(hear(engine, [sound(4)], StreamOptions(bulk=True, language="de-AT")))
    while len(engine._streams) < 12 or not all(stream.is_ready for stream in engine._streams):
        await asyncio.sleep(0)
    model.gate.release(1000)
    await asyncio.gather(first, *others, german)
    assert [len(batch) for batch in model.batches][1] == BATCH
    assert sorted(len(batch) for batch in model.batches) == [1, 1, 2, BATCH]
    assert [task.language for task in model.tasks].count("de") == 1


async def test_what_goes_wrong_in_a_batch_fails_its_streams_and_no_others(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    engine, model = make()
    model.failure = RuntimeError("CUDA failed")
    with pytest.raises(EngineError, match="CUDA failed"):
        await hear(engine, [sound(4)], StreamOptions())
    assert "hearing 1 windows failed" in caplog.text
    model.failure = None
    assert said_in(await hear(engine, [sound(4)], StreamOptions())) == text(4)


async def test_a_live_stream_takes_the_place_of_the_last_file(make: Make) -> None:
    engine, _ = make(2, reserve=0)
    kept, given_up = engine.open(StreamOptions(bulk=True)), engine.open(StreamOptions(bulk=True))
    live = engine.open(StreamOptions())
    with pytest.raises(Overloaded, match="a live stream took this file's place"):
        async for _ in given_up:
            pass
    for stream in (kept, live):
        stream.cancel()


async def test_files_leave_the_reserve_to_live_streams(make: Make) -> None:
    engine, _ = make(2, reserve=1)
    engine.open(StreamOptions(bulk=True))
    with pytest.raises(Overloaded):
        engine.open(StreamOptions(bulk=True))
    engine.open(StreamOptions())


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (StreamOptions(language="fr"), "language"),
        (StreamOptions(temperature=1.5), "temperature"),
        (StreamOptions(temperature=-0.1), "temperature"),
    ],
)
async def test_options_out_of_range_are_refused(make: Make, options: StreamOptions, field: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        make()[0].open(options)
    assert caught.value.field == field
