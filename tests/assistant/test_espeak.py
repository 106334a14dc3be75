"""Real eSpeak NG: sound, times of words, cancelling, many at once."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import aclosing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxtral_service.assistant import espeak
from voxtral_service.assistant.espeak import Espeak, canonical
from voxtral_service.assistant.espeak_library import EspeakLibrary, Piece, library
from voxtral_service.assistant.pieces import LONGEST_PIECE, pieces
from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, Synthesizer, Utterance
from voxtral_service.audio import Samples
from voxtral_service.errors import EngineError, InvalidOption, Overloaded

TEXT = "It is nine in the evening, in Tokyo. The well-known answer is 391!"
LONG = " ".join(f"This is sentence number {i}, and it goes on for a while." for i in range(40))


async def chunks(synthesizer: Synthesizer, text: str, **options: object) -> list[SpeechChunk]:
    return [chunk async for chunk in synthesizer.speak(text, SpeechOptions(**options))]  # type: ignore[arg-type]


async def sound(synthesizer: Synthesizer, text: str, **options: object) -> Samples:
    return np.concatenate([chunk.samples for chunk in await chunks(synthesizer, text, **options)])


async def spoken(text: str, synthesizer: Synthesizer | None = None, **options: object) -> Utterance:
    utterance = Utterance(text)
    for chunk in await chunks(synthesizer or Espeak(), text, **options):
        utterance.add(chunk)
    return utterance


def alike(a: Utterance, b: Utterance) -> bool:
    """Whether two are the same but for where the voice's waves began, which the library carries over: some 10 ms."""
    times = zip(a.words, b.words, strict=True)
    return abs(a.duration - b.duration) < 0.05 and all(
        (x.offset, x.length, x.exact) == (y.offset, y.length, y.exact) and abs(x.start - y.start) < 0.05
        for x, y in times
    )


@pytest.mark.parametrize("text", [TEXT, LONG, "Größe äöü 😀 Straße. Und noch 5 mehr.", "a\0b \ud800 <b>&amp; [[x]]"])
async def test_every_word_has_a_time_inside_the_sound(text: str) -> None:
    utterance = await spoken(text, sample_rate=24_000)
    assert [text[word.offset : word.offset + word.length] for word in utterance.words] == text.split()
    starts = [word.start for word in utterance.words]
    assert starts == sorted(starts)
    assert starts[0] < 0.1
    assert starts[-1] < utterance.duration


async def test_times_are_where_the_sound_is() -> None:
    """A pause after a sentence is silent, and the next word begins where it ends."""
    samples = await sound(Espeak(), "Yes. Tokyo.")
    utterance = await spoken("Yes. Tokyo.")
    second = round(utterance.words[1].start * 22_050)
    assert utterance.words[1].exact
    assert np.abs(samples[second - 2_205 : second]).max() < 0.01
    assert np.abs(samples[second : second + 4_410]).max() > 0.1


async def test_what_was_heard() -> None:
    utterance = await spoken(TEXT)
    assert utterance.heard(0.0) == ""
    assert utterance.heard(1.0) == "It is nine in the evening,"
    assert utterance.heard(utterance.duration) == TEXT


async def test_it_begins_at_once(record_property: Callable[[str, object], None]) -> None:
    """How soon is reported, not held: it depends on the machine."""
    synthesizer = Espeak()
    await sound(synthesizer, "Warm.")
    begun = time.perf_counter()
    async with aclosing(synthesizer.speak(LONG, SpeechOptions(sample_rate=24_000))) as speech:
        first = await anext(speech)
    record_property("first_chunk_ms", round(1000 * (time.perf_counter() - begun), 1))
    assert first.duration < 30  # of a hundred: what piled up while nobody read comes at once, but no more than a piece


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 48_000])
async def test_any_rate_gives_the_same_sound(rate: int) -> None:
    assert alike(await spoken(TEXT, sample_rate=rate), await spoken(TEXT))


async def test_speed() -> None:
    normal, fast, slow = [(await spoken(TEXT, speed=speed)).duration for speed in (1.0, 2.0, 0.5)]
    assert fast == pytest.approx(normal / 2, rel=0.15)
    assert slow == pytest.approx(normal * 2, rel=0.15)
    with pytest.raises(InvalidOption, match="speed"):
        SpeechOptions(speed=5)


async def test_leaving_cancels_and_the_next_is_clean() -> None:
    synthesizer = Espeak()
    alone = await spoken(TEXT, synthesizer)
    for _ in range(3):
        async with aclosing(synthesizer.speak(LONG, SpeechOptions(voice="de+m3", speed=2))) as speech:
            await anext(speech)
        assert alike(await spoken(TEXT, synthesizer), alone)
    assert synthesizer._open == 0


async def test_a_reader_that_does_not_read_holds_nobody_up() -> None:
    synthesizer = Espeak()
    async with aclosing(synthesizer.speak(LONG, SpeechOptions())) as idle:
        await anext(idle)
        assert len(await sound(synthesizer, TEXT)) > 22_050
        rest = [chunk async for chunk in idle]
    assert sum(chunk.duration for chunk in rest) > 60


async def test_many_at_once_are_each_as_alone() -> None:
    synthesizers = [Espeak(), Espeak("de")]
    jobs = [
        (synthesizer, f"Number {i}. {TEXT}", voice)
        for i, (synthesizer, voice) in enumerate(itertools.product(synthesizers, ("en-us", "de+f2", "fr-fr", "en-gb")))
    ]
    alone = [await spoken(text, synthesizer, voice=voice) for synthesizer, text, voice in jobs]
    together = await asyncio.gather(*(spoken(text, synthesizer, voice=voice) for synthesizer, text, voice in jobs))
    assert all(alike(a, b) for a, b in zip(alone, together, strict=True))


def test_loops_of_several_threads_share_the_library() -> None:
    results: dict[int, Utterance] = {}

    def work(i: int) -> None:
        results[i] = asyncio.run(spoken(f"Thread {i % 2}. {TEXT}", voice=("en-us", "de")[i % 2]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(alike(results[i], results[i % 2]) for i in range(6))
    assert not alike(results[0], results[1])


async def test_a_task_that_is_cancelled_frees_its_place() -> None:
    synthesizer = Espeak(most=1)
    task = asyncio.create_task(chunks(synthesizer, LONG))
    while synthesizer._open == 0:
        await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="1 texts"):
        await chunks(synthesizer, TEXT)
    task.cancel()
    await asyncio.wait([task])
    assert await chunks(synthesizer, TEXT)


def test_a_loop_that_has_closed_ends_the_work() -> None:
    """A program that is gone in the middle leaves no thread in an endless call."""

    async def leave() -> None:
        await anext(Espeak().speak(LONG, SpeechOptions()))

    asyncio.run(leave())
    assert len(asyncio.run(sound(Espeak(), TEXT))) > 22_050


async def test_voices() -> None:
    voices = await Espeak().voices()
    names = [voice.name for voice in voices]
    assert names[0] == "en-us"
    assert len(set(names)) == len(names) > 130
    assert {"en-us+f2", "de", "fr-fr", "en-gb", "nb", "cmn", "ja"} <= set(names)
    assert {voice.gender for voice in voices if voice.name.startswith("en-us+f")} == {"female"}
    assert (await Espeak("DE+f2").voices())[0].name == "de+f2"
    assert (await Espeak("de+linda").voices())[0].name == "de+linda"


@pytest.mark.parametrize("name", [voice.name for voice in library().voices()])
async def test_every_voice_says_something(name: str) -> None:
    async with aclosing(Espeak().speak("Hello. 1 2 3.", SpeechOptions(voice=name))) as speech:
        async for chunk in speech:
            if np.abs(chunk.samples).max(initial=0) > 0.01:
                return
    pytest.fail("silence")


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("de-AT", "de"),
        ("de", "de"),
        ("fr", "fr-fr"),
        ("zh-CN", "cmn"),
        ("no", "nb"),
        ("pt-BR", "pt-br"),
        ("en", "en-us"),
    ],
)
async def test_a_language_chooses_a_voice(language: str, voice: str) -> None:
    assert alike(await spoken("Hotel 123.", language=language), await spoken("Hotel 123.", voice=voice))


async def test_what_there_is_not() -> None:
    for options in ({"voice": "nobody"}, {"voice": "en-us+nobody"}, {"voice": "../../x"}, {"language": "xx"}):
        with pytest.raises(InvalidOption, match="there is no voice"):
            await chunks(Espeak(), TEXT, **options)
    with pytest.raises(InvalidOption, match="there is no voice 'nobody'"):
        Espeak("nobody")
    with pytest.raises(InvalidOption, match="there is no voice"):
        library().speak(TEXT, "nobody", 1.0, lambda piece: True)


async def test_closing_ends_what_is_spoken() -> None:
    synthesizer = Espeak()
    speech = synthesizer.speak(LONG, SpeechOptions())
    await anext(speech)
    await synthesizer.close()
    with pytest.raises(EngineError, match="closed"):
        async for _ in speech:
            pass
    with pytest.raises(EngineError, match="closed"):
        await chunks(synthesizer, TEXT)


def test_where_the_wheel_is_missing_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(InvalidOption, match=r"pip install 'voxtral-service\[speech\]'"):
        EspeakLibrary()


async def test_a_failure_reaches_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = Espeak()
    taken = []

    def failing(piece: Piece) -> bool:
        taken.append(piece)
        raise EngineError("nobody takes it")

    with pytest.raises(EngineError, match="nobody takes it"):
        library().speak(LONG, "gmw/en", 1.0, failing)
    assert len(taken) == 1

    def broken(*_: object) -> None:
        raise EngineError("it broke")

    monkeypatch.setattr(synthesizer._library, "speak", broken)
    with pytest.raises(EngineError, match="it broke"):
        await chunks(synthesizer, TEXT)


@pytest.mark.parametrize("text", ["", " \n\t "])
async def test_nothing_to_say(text: str) -> None:
    assert await chunks(Espeak(), text) == []


@given(st.text(alphabet=st.sampled_from("ab .!?\n。'\"ä😀"), max_size=2_000))
@settings(max_examples=100)
def test_pieces_hold_all_words(text: str) -> None:
    cut = list(pieces(text))
    assert all(text[offset : offset + len(piece)] == piece for offset, piece in cut)
    assert all(0 < len(piece) <= LONGEST_PIECE for _, piece in cut)
    spoken = "".join(piece for _, piece in cut)
    assert "".join(spoken.split()) == "".join(text.split())


def test_tags_have_their_usual_case() -> None:
    assert [canonical(tag) for tag in ("en-us", "vi-vn-x-central", "de", "es-419")] == [
        "en-US", "vi-VN-x-central", "de", "es-419",
    ]  # fmt: skip


def test_the_thread_is_one() -> None:
    assert espeak._thread._max_workers == 1
