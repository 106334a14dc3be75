"""What every engine promises (`engine.base`), whatever is inside."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny, tiny_whisper
from tests.fakes import SpellingEngine
from voxtral_service.audio import Samples
from voxtral_service.engine import loading
from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.faster_whisper import FasterWhisperEngine
from voxtral_service.engine.registry import Origin, examine
from voxtral_service.engine.whisper_model import WhisperModel
from voxtral_service.errors import EngineError, InvalidAudio, InvalidOption, Overloaded
from voxtral_service.events import Hypothesis

Make = Callable[..., Engine]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper.write_whisper(tmp_path_factory.mktemp("whisper") / "tiny")


def realtime_engine(request: pytest.FixtureRequest, slots: int) -> Engine:
    model = examine(request.getfixturevalue("folders")["small"], "tiny", Origin.FOLDER)
    return loading.load(model, device=CPU, dtype="float32", slots=slots)


def whisper_engine(request: pytest.FixtureRequest, slots: int) -> Engine:
    model = examine(request.getfixturevalue("whisper"), "tiny", Origin.FOLDER)
    # Tones are no speech to a voice activity detector.
    network = WhisperModel(model.folder, device="cpu", compute_type="int8", threads=1, vad=False)
    return FasterWhisperEngine(network, capabilities(model), slots=slots)


def voxtral_engine(request: pytest.FixtureRequest, slots: int) -> Engine:
    model = examine(request.getfixturevalue("offline_folder"), "tiny", Origin.FOLDER)
    return loading.load(model, device=CPU, slots=slots)


def spelling_engine(_: pytest.FixtureRequest, slots: int) -> Engine:
    return SpellingEngine(slots)


@dataclass(frozen=True)
class Case:
    """An engine, and seconds of sound in which its tiny model says something."""

    make: Callable[[pytest.FixtureRequest, int], Engine]
    seconds: float = 2.4


CASES = {
    "voxtral-realtime": Case(realtime_engine),
    "voxtral": Case(voxtral_engine, 0.5),
    "whisper": Case(whisper_engine, 6.5),
    "spelling": Case(spelling_engine),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = CASES[request.param]
    return chosen


@pytest.fixture
def make(request: pytest.FixtureRequest, case: Case) -> Iterator[Make]:
    engines: list[Engine] = []

    def start(slots: int = 2) -> Engine:
        engines.append(case.make(request, slots))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


async def hear(
    engine: Engine, samples: Samples, options: StreamOptions | None = None, cuts: Sequence[int] = ()
) -> list[Hypothesis]:
    """Everything a stream says about a sound that comes in pieces."""
    stream = engine.open(options or StreamOptions())

    async def feed() -> None:
        for piece in np.split(samples, list(cuts)):
            await stream.push(piece)
        stream.finish()

    feeder = asyncio.create_task(feed())
    try:
        return [hypothesis async for hypothesis in stream]
    finally:
        await feeder
        stream.cancel()


def text_of(hypotheses: Sequence[Hypothesis]) -> str:
    return "".join(hypothesis.delta for hypothesis in hypotheses)


@pytest.mark.parametrize("bulk", [False, True])
async def test_a_clip_becomes_words_with_times_in_order(make: Make, case: Case, bulk: bool) -> None:
    engine, sound = make(), tiny.sound(case.seconds, 1)
    said = await hear(engine, sound, StreamOptions(bulk=bulk))
    words = [word for hypothesis in said for word in hypothesis.words]
    assert len(words) > 2
    assert "".join("".join(word.text for word in words).split()) == "".join(text_of(said).split())
    assert text_of(said) == text_of(said).lstrip()
    assert [hypothesis.final for hypothesis in said] == [False] * (len(said) - 1) + [True]
    assert said[-1].audio_seconds == pytest.approx(case.seconds, abs=0.001)
    assert said[-1].tail == ""
    progress = [hypothesis.audio_seconds for hypothesis in said]
    assert progress == sorted(progress)
    assert all(0 <= word.start <= word.end <= case.seconds + 0.001 for word in words)
    for before, after in itertools.pairwise(words):
        assert before.start <= after.start
        assert before.end <= after.end


async def test_what_an_engine_says_it_can_do_it_does(make: Make, case: Case) -> None:
    engine = make()
    said = await hear(engine, tiny.sound(case.seconds, 1), StreamOptions(bulk=True))
    tokens = [token for hypothesis in said for token in hypothesis.tokens]
    if engine.capabilities.logprobs:
        assert "".join(token.text for token in tokens).strip() == text_of(said)
        assert all(token.logprob <= 0 for token in tokens)
        score = said[-1].score
        assert score is not None
        assert score.avg_logprob is not None
        assert score.avg_logprob <= 0
    else:
        assert not tokens
    if engine.capabilities.detects_language:
        assert said[-1].language in engine.capabilities.languages
    if engine.capabilities.live:
        assert engine.capabilities.longest_segment > case.seconds


async def test_of_nothing_nothing_is_said(make: Make) -> None:
    [only] = await hear(make(), np.zeros(0, np.float32))
    assert only.final
    assert (only.delta, only.words, only.audio_seconds) == ("", (), 0)


@pytest.mark.parametrize("samples", [1, 100, 1601])
async def test_the_shortest_sounds_end_well(make: Make, samples: int) -> None:
    for bulk in (False, True):
        said = await hear(make(), tiny.sound(1)[:samples], StreamOptions(bulk=bulk))
        assert said[-1].final
        assert all(0 <= word.start <= word.end for hypothesis in said for word in hypothesis.words)


@pytest.mark.parametrize("bulk", [False, True])
async def test_any_cut_of_the_sound_gives_the_same_text(make: Make, case: Case, bulk: bool) -> None:
    engine, sound, options = make(), tiny.sound(case.seconds, 2), StreamOptions(bulk=bulk)
    whole = text_of(await hear(engine, sound, options))
    rng = np.random.default_rng(3)
    for count in (1, 7, 40):
        cuts = sorted(rng.integers(0, len(sound), count).tolist())
        assert text_of(await hear(engine, sound, options, cuts)) == whole


async def test_streams_side_by_side_say_what_each_says_alone(make: Make, case: Case) -> None:
    engine = make(4)
    sounds = [tiny.sound(case.seconds * part, seed) for seed, part in enumerate((1, 0.5, 0.8, 1))]
    options = [StreamOptions(bulk=seed % 2 == 0) for seed in range(4)]
    alone = [text_of(await hear(engine, sound, option)) for sound, option in zip(sounds, options, strict=True)]
    together = await asyncio.gather(*(hear(engine, *pair, [8000]) for pair in zip(sounds, options, strict=True)))
    assert list(map(text_of, together)) == alone
    assert len(set(alone)) == 4


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_a_cancelled_stream_frees_its_place_at_once(make: Make, case: Case, after: int) -> None:
    engine, sound = make(1), tiny.sound(case.seconds, 1)
    options = StreamOptions(bulk=True)
    expected = text_of(await hear(engine, sound, options))
    stream = engine.open(options)
    if after:
        await stream.push(sound)
    if after > 1:
        stream.finish()
    stream.cancel()
    stream.cancel()
    assert [hypothesis async for hypothesis in stream] == []
    await asyncio.wait_for(engine.wait_for_place(), 10)
    assert text_of(await hear(engine, sound, options)) == expected


async def test_a_full_engine_says_so_and_has_room_again_when_a_stream_has_ended(make: Make, case: Case) -> None:
    engine = make(2)
    first, second = engine.open(StreamOptions()), engine.open(StreamOptions())
    for bulk in (False, True):
        with pytest.raises(Overloaded):
            engine.open(StreamOptions(bulk=bulk))
    waiting = asyncio.create_task(engine.wait_for_place())
    await first.push(tiny.sound(case.seconds))
    first.finish()
    async for _ in first:
        pass
    await asyncio.wait_for(waiting, 10)
    engine.open(StreamOptions(bulk=True)).cancel()
    second.cancel()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
async def test_samples_that_are_no_numbers_are_refused(make: Make, bad: float) -> None:
    stream = make().open(StreamOptions())
    samples = np.zeros(1600, np.float32)
    samples[7] = bad
    with pytest.raises(InvalidAudio):
        await stream.push(samples)
    stream.cancel()


async def test_after_the_end_nothing_can_be_added(make: Make) -> None:
    stream = make().open(StreamOptions())
    stream.finish()
    stream.finish()
    with pytest.raises(ValueError, match="push after finish"):
        await stream.push(np.zeros(1600, np.float32))
    stream.cancel()


async def test_what_cannot_be_done_is_refused_or_ignored_as_the_capabilities_say(
    make: Make, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxtral_service.engine.vocabulary.BEGIN", 9.0)  # what random weights write is hard to move
    engine, sound = make(), tiny.sound(case.seconds, 1)
    able = engine.capabilities
    if able.translates:
        assert text_of(await hear(engine, sound, StreamOptions(translate=True)))
    else:
        with pytest.raises(InvalidOption) as caught:
            engine.open(StreamOptions(translate=True))
        assert caught.value.field == "task"
    plain = text_of(await hear(engine, sound, StreamOptions(bulk=True)))
    asked = StreamOptions(bulk=True, prompt="what was said before", vocabulary=("Wren", "Voxtral"))
    told = text_of(await hear(engine, sound, asked))
    assert (told != plain) == (able.uses_prompt or able.uses_vocabulary)


async def test_closing_fails_the_streams_that_are_open(make: Make, case: Case) -> None:
    engine = make()
    stream = engine.open(StreamOptions())
    await stream.push(tiny.sound(case.seconds))
    engine.close()
    engine.close()
    with pytest.raises(EngineError):
        async for _ in stream:
            pass
    with pytest.raises(EngineError):
        engine.open(StreamOptions())
