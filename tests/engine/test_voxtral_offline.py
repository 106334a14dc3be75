"""The engine for whole recordings: streams, answers, places, and who goes first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests import tiny
from voxtral_service.chat import AnswerEnd, AnswerOptions, AnswerText, Message
from voxtral_service.engine.base import Listener, StreamOptions, hypotheses, transcribe
from voxtral_service.engine.offline_batch import Batch
from voxtral_service.engine.offline_model import OfflineModel
from voxtral_service.engine.offline_stream import LONGEST_PIECE, OfflineStream, Piece
from voxtral_service.engine.voxtral_offline import VoxtralOfflineEngine
from voxtral_service.errors import EngineError, InvalidAudio, InvalidOption, Overloaded
from voxtral_service.events import Transcript
from voxtral_service.voxtral.tokenizer import TextDecoder

QUESTION = [Message("user", (tiny.sound(2, 5), "Who speaks?"))]


@pytest.fixture(scope="module")
def model(offline_folder: Path) -> OfflineModel:
    return OfflineModel.load(offline_folder, dtype=torch.float32, device=torch.device("cpu"))


@pytest.fixture
def make_engine(model: OfflineModel) -> Iterator[Callable[..., VoxtralOfflineEngine]]:
    engines: list[VoxtralOfflineEngine] = []

    def make(places: int = 4, reserve: int = 0) -> VoxtralOfflineEngine:
        engines.append(VoxtralOfflineEngine(model, places=places, languages=("en", "fr"), reserve=reserve))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def alone(model: OfflineModel, samples: NDArray[np.float32], language: str | None = None) -> str:
    """What the model writes about a clip, without the engine."""
    stream = _Heard()
    piece = Piece(stream, StreamOptions(), language, model.tokenizer, samples, 0)  # type: ignore[arg-type]
    batch = Batch(model)
    batch.join(piece)
    while batch.rows:
        batch.step()
    return piece.text


class _Heard:
    """A stream that nobody reads."""

    def wrote(self, *_: object) -> None: ...

    def over(self, *_: object) -> None: ...


async def hear(engine: VoxtralOfflineEngine, samples: NDArray[np.float32], **options: object) -> Transcript:
    return await transcribe(engine, [samples], StreamOptions(**options))  # type: ignore[arg-type]


async def answer(engine: VoxtralOfflineEngine, options: AnswerOptions | None = None) -> tuple[str, AnswerEnd]:
    text = ""
    async for event in engine.answer(QUESTION, options or AnswerOptions(max_tokens=12)):
        if isinstance(event, AnswerText):
            text += event.text
    assert isinstance(event, AnswerEnd)
    return text, event


async def test_streams_side_by_side_say_what_each_says_alone(
    make_engine: Callable[..., VoxtralOfflineEngine], model: OfflineModel
) -> None:
    engine = make_engine()
    clips = [tiny.sound(seconds, i) for i, seconds in enumerate((1, 0.5, 0.2, 1.5))]
    heard = await asyncio.gather(*(hear(engine, clip, language="en", bulk=i % 2 == 0) for i, clip in enumerate(clips)))
    for clip, transcript in zip(clips, heard, strict=True):
        assert transcript.text == alone(model, clip, "en")
        assert transcript.duration == len(clip) / 16_000
        assert transcript.language == "en"
        assert [word.text for word in transcript.words] == transcript.text.split()
        assert all(0 <= word.start <= word.end <= transcript.duration for word in transcript.words)


async def test_text_comes_as_it_is_written_with_its_tokens(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    said = [h async for h in hypotheses(make_engine(), [tiny.sound(2)], StreamOptions())]
    assert len(said) > 3
    assert "".join(token.text for h in said for token in h.tokens) == "".join(h.delta for h in said)
    assert all(token.logprob < 0 for h in said for token in h.tokens)
    assert said[-1].final
    score = said[-1].score
    assert score is not None
    assert score.avg_logprob == pytest.approx(np.mean([token.logprob for h in said for token in h.tokens]))


async def test_a_long_stream_is_cut_at_quiet_spots(
    make_engine: Callable[..., VoxtralOfflineEngine], model: OfflineModel
) -> None:
    samples = tiny.sound(70, 3)
    samples[24 * 16_000 : 25 * 16_000] = 0
    engine = make_engine()
    stream = engine.open(StreamOptions())

    async def push() -> None:
        for block in np.array_split(samples, 100):
            await stream.push(block)
        stream.finish()
        stream.finish()

    pushing = asyncio.create_task(push())
    said = [hypothesis async for hypothesis in stream]
    await pushing
    text = "".join(h.delta for h in said)
    first = alone(model, samples[: round(24.15 * 16_000)])
    assert text.startswith(first + " ")
    times = [word.start for h in said for word in h.words]
    assert times == sorted(times)
    assert 60 < times[-1] < 70
    assert said[-1].audio_seconds == 70


async def test_a_segment_as_long_as_allowed_is_one_piece(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    stream = make_engine().open(StreamOptions())
    await stream.push(tiny.sound(30))
    assert stream._current is None
    assert stream._samples == LONGEST_PIECE
    stream.cancel()


async def test_nothing_said_is_nothing_heard(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    engine = make_engine()
    assert (await hear(engine, np.zeros(0, np.float32))).text == ""
    with pytest.raises(InvalidAudio):
        await hear(engine, np.array([np.nan], np.float32))


async def test_a_translation_is_asked_for_in_words(
    make_engine: Callable[..., VoxtralOfflineEngine], model: OfflineModel
) -> None:
    samples = tiny.sound(2, 8)
    engine = make_engine()
    translated = await hear(engine, samples, translate=True)
    plain = await hear(engine, samples)
    assert translated.text
    assert translated.text != plain.text


@pytest.mark.parametrize("language", ["xx", "english", "", "de"])
def test_a_language_that_the_model_does_not_know_is_refused(
    make_engine: Callable[..., VoxtralOfflineEngine], language: str
) -> None:
    with pytest.raises(InvalidOption, match="it knows en, fr") as caught:
        make_engine().open(StreamOptions(language=language))
    assert caught.value.field == "language"


async def test_answers_and_their_bill(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    engine = make_engine()
    assert isinstance(engine, Listener)
    text, end = await answer(engine)
    assert text
    assert end.reason == "length"
    assert (end.completion_tokens, end.audio_tokens, end.audio_seconds) == (12, 375, 2.0)
    assert end.prompt_tokens > 375
    assert (text, end) == await answer(engine)
    longer, _ = await answer(engine, AnswerOptions(max_tokens=20))
    assert longer.startswith(text.rstrip("\ufffd"))


async def test_a_conversation_that_is_too_long_is_refused(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    engine = make_engine()
    seconds = engine.capabilities.longest_conversation
    assert seconds == 240
    with pytest.raises(InvalidOption, match="send less"):
        await anext(engine.answer([Message("user", (np.zeros(330 * 16_000, np.float32),))], AnswerOptions()))


async def test_places_are_taken_and_given_back(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    engine = make_engine(places=2, reserve=1)
    bulk = engine.open(StreamOptions(bulk=True))
    with pytest.raises(Overloaded):
        engine.open(StreamOptions(bulk=True))
    live = engine.open(StreamOptions())
    await engine_gives_way(engine, bulk)
    with pytest.raises(Overloaded):
        engine.open(StreamOptions())
    with pytest.raises(Overloaded):
        await answer(engine)
    waiting = asyncio.create_task(engine.wait_for_place())
    live.cancel()
    live.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    for stream in list(engine._open):
        assert isinstance(stream, OfflineStream)
        stream.cancel()
    await waiting
    assert (await answer(engine))[0]
    assert not engine._open


async def engine_gives_way(engine: VoxtralOfflineEngine, bulk: OfflineStream) -> None:
    """A second live stream takes the file's place."""
    engine.open(StreamOptions())
    with pytest.raises(Overloaded, match="took this place"):
        await anext(aiter(bulk))


async def test_the_urgent_goes_first(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    """While a file is written, a live stream and an answer begin and end; the file then goes on as if alone."""
    engine = make_engine()
    reference = await hear(engine, tiny.sound(1, 1), bulk=True)
    order: list[str] = []

    async def heard(name: str, **options: object) -> str:
        text = (await hear(engine, tiny.sound(1, 1), **options)).text
        order.append(name)
        return text

    stream = engine.open(StreamOptions(bulk=True))
    await stream.push(tiny.sound(1, 1))
    stream.finish()
    said = [await anext(aiter(stream))]
    live, _ = await asyncio.gather(heard("live"), answer(engine))
    said += [hypothesis async for hypothesis in stream]
    assert live == reference.text
    assert "".join(h.delta for h in said) == reference.text


async def test_leaving_an_answer_stops_it(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    engine = make_engine(places=1)
    answering = engine.answer(QUESTION, AnswerOptions(max_tokens=600, temperature=2.0, seed=1))
    await anext(answering)
    await answering.aclose()
    assert not engine._open
    text, _ = await answer(engine)
    assert text
    deadline = time.monotonic() + 20
    while any(batch.rows for batch in engine._batches.values()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_failing_device_fails_its_texts_and_no_others(
    make_engine: Callable[..., VoxtralOfflineEngine], model: OfflineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    with monkeypatch.context() as broken:
        broken.setattr(model, "decode", lambda *_: (_ for _ in ()).throw(RuntimeError("out of memory")))
        with pytest.raises(EngineError, match="in the middle"):
            await hear(engine, tiny.sound(1))
        broken.setattr(model, "prefill", lambda *_: (_ for _ in ()).throw(RuntimeError("out of memory")))
        with pytest.raises(EngineError, match="read a prompt"):
            await answer(engine)
    assert (await hear(engine, tiny.sound(1))).text


async def test_closing_fails_what_is_open(make_engine: Callable[..., VoxtralOfflineEngine]) -> None:
    engine = make_engine()
    stream = engine.open(StreamOptions())
    await stream.push(tiny.sound(1))
    await asyncio.to_thread(engine.close)
    with pytest.raises(EngineError):
        await anext(aiter(stream))
    with pytest.raises(EngineError):
        engine.open(StreamOptions())
    with pytest.raises(EngineError):
        await answer(engine)
    await engine.wait_for_place()


@pytest.mark.parametrize(
    ("written", "text", "language"),
    [
        ("lang:frBonjour", "Bonjour", "fr"),
        (" lang:fr Bonjour", "Bonjour", "fr"),
        ("lang:", "lang:", None),
        ("lane", "lane", None),
        ("language: no", "language: no", None),
        ("  Hello", "Hello", None),
        ("", "", None),
    ],
)
def test_a_language_tag_that_the_model_writes_is_read(
    model: OfflineModel, written: str, text: str, language: str | None
) -> None:
    piece = Piece(_Heard(), StreamOptions(), None, model.tokenizer, tiny.sound(1), 0)  # type: ignore[arg-type]
    for token in model.tokenizer._tekken.encode(written, bos=False, eos=False):
        assert piece.take(token, -1.0)
    assert not piece.take(2, -1.0)
    assert (piece.text, piece.language) == (text, language)


def test_tokens_of_a_text_are_its_bytes(model: OfflineModel) -> None:
    decoder = TextDecoder(model.tokenizer)
    tokens = model.tokenizer._tekken.encode("Größe 日本", bos=False, eos=False)
    assert "".join(map(decoder.feed, tokens)) == "Größe 日本"
