"""Speech by a network that makes a sentence at a time: in one worker thread, the next when the last has been taken.

    speak() --piece--> worker: model.make(piece) --samples--> resample, yield
            --next piece--> ...

One thread for all utterances, so that as much memory and as many cores are used however many speak; they take turns,
sentence by sentence. The model is loaded there too, when it is first asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import numpy as np

from voxtral_service.assistant.pieces import pieces
from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, SpokenWord, Voice, estimated_words
from voxtral_service.audio import Samples
from voxtral_service.audio.resample import Resampler
from voxtral_service.errors import EngineError, InvalidOption, Overloaded, VoxtralError

MOST_UTTERANCES = 64


class SentenceModel(Protocol):
    """What makes the sound."""

    @property
    def name(self) -> str:
        """The program's."""
        ...

    def voices(self) -> tuple[Voice, ...]:
        """All there are, the default first; nothing is loaded for that."""
        ...

    def make(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        """The sound of a piece of at most 300 characters, shape (n,), and its rate in Hz; n is 0 for a text without
        words. Called by one thread at a time; may load what is not loaded.
        """
        ...


class SentenceSynthesizer:
    """The synthesizer of such a model. `voice` is the default, the model's own if it is empty.

    Times of words are estimated within each sentence, and marked so. Raises InvalidOption for a voice that there is
    not.
    """

    def __init__(self, model: SentenceModel, voice: str = "", *, most: int = MOST_UTTERANCES) -> None:
        self._model = model
        self._voices = {each.name.lower(): each for each in model.voices()}
        self._default = self._chosen(SpeechOptions(voice=voice)) if voice else next(iter(self._voices.values()))
        self._most = most
        self._open = 0
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=model.name)

    @property
    def name(self) -> str:
        """The program's."""
        return self._model.name

    async def voices(self) -> tuple[Voice, ...]:
        """The default first."""
        return (self._default, *(voice for voice in self._voices.values() if voice is not self._default))

    def takes(self, options: SpeechOptions) -> bool:
        """See `Chooser`."""
        try:
            self._chosen(options)
        except InvalidOption:
            return False
        return True

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        """As the port says."""
        voice = self._chosen(options)
        if self._open >= self._most:
            raise Overloaded(f"{self._most} texts are being spoken; try again in a moment", retry_after=1)
        self._open += 1
        resampler, target, seconds = None, options.sample_rate or 0, 0.0
        try:
            for offset, piece in pieces(text):
                samples, rate = await self._make(piece, voice.name, options.speed)
                target = target or rate
                resampler = resampler or Resampler(rate, target)
                words = _words(piece, offset, len(samples) / rate, seconds)
                seconds += len(samples) / rate
                yield SpeechChunk(np.clip(resampler.push(samples), -1, 1), target, words)
            if resampler is not None and len(tail := resampler.finish()):
                yield SpeechChunk(tail, target)
        finally:
            self._open -= 1

    async def close(self) -> None:
        """Refuse what comes, end what is spoken."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _make(self, piece: str, voice: str, speed: float) -> tuple[Samples, int]:
        if self._closed:
            raise EngineError("the synthesizer has been closed")
        # C libraries below read up to a NUL, and lone surrogates have no UTF-8; one character stays one.
        piece = piece.replace("\0", " ").encode("utf-8", "replace").decode()
        try:
            samples, rate = await asyncio.get_running_loop().run_in_executor(
                self._thread, partial(self._model.make, piece, voice, speed)
            )
        except VoxtralError:
            raise
        except asyncio.CancelledError as error:
            # `close` cancels what waits in line; whoever waits here is not cancelled by that.
            if not _being_cancelled():
                raise EngineError("the synthesizer has been closed") from error
            raise
        except Exception as error:
            raise EngineError(f"{self.name} failed: {error}") from error
        return np.ascontiguousarray(samples, np.float32), rate

    def _chosen(self, options: SpeechOptions) -> Voice:
        if options.voice:
            if voice := self._voices.get(options.voice.lower()):
                return voice
            known = ", ".join(voice.name for voice in self._voices.values())
            raise InvalidOption(f"there is no voice {options.voice[:80]!r}; {self.name} has {known}", field="voice")
        if not options.language:
            return self._default
        wanted = options.language.lower().replace("_", "-")
        primary = wanted.partition("-")[0]
        voices = (self._default, *self._voices.values())
        same = [voice for voice in voices if voice.language.lower().partition("-")[0] == primary]
        exact = [voice for voice in same if voice.language.lower() == wanted]
        for voice in (*exact, *same):
            return voice
        raise InvalidOption(f"there is no voice for the language {options.language[:40]!r}", field="language")


def _words(piece: str, offset: int, seconds: float, start: float) -> tuple[SpokenWord, ...]:
    words = estimated_words(piece, seconds, start)
    return tuple(SpokenWord(offset + word.offset, word.length, word.start, exact=False) for word in words)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
