"""Speech by eSpeak NG: no model, 130 languages, first sound within milliseconds, exact word times. It sounds like a
robot.

    event loop                      one thread for all                         eSpeak NG
    ------------------------------  -----------------------------------------  ---------
    speak(): text cut into pieces
      piece 1 ->                    waits for its turn, in the order of asking
                                    library.speak(piece 1)                     -> samples, words
      <- samples, words             (call_soon_threadsafe)
      resample, yield               another utterance's piece
      piece 2 ->                    ...

A piece is made without waiting for whoever listens, so a slow reader holds nobody up; the next is made when all of it
has been taken, so an utterance never has more than one piece in memory.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voxtral_service.assistant.espeak_library import EspeakLibrary, Piece, library
from voxtral_service.assistant.pieces import pieces
from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, Voice
from voxtral_service.assistant.word_starts import WordStarts
from voxtral_service.audio.resample import Resampler
from voxtral_service.errors import EngineError, InvalidOption, Overloaded

MOST_UTTERANCES = 64
DEFAULT_VOICE = "en-us"
DEFAULT_VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")
"""Those that are listed, for the default voice only; all others may be named."""
OTHER_NAMES = {"zh": "cmn", "no": "nb"}
"""Languages that go by another tag here."""


class Espeak:
    """The synthesizer. `voice` is the default, with or without a variant (`en-gb`, `de+f2`).

    At most `most` utterances are open at once; more are refused with Overloaded. All in a process share one library
    and one thread. Raises InvalidOption where the wheel `espeakng-loader` is not installed or the voice is not there.
    """

    name = "espeak-ng"

    def __init__(self, voice: str = "", *, most: int = MOST_UTTERANCES) -> None:
        self._library = library()
        self._languages = {each.name: each for each in self._library.voices()}
        self._variants = {each.file.lower(): each for each in self._library.variants()}
        self._default = (voice or DEFAULT_VOICE).lower()
        self._most = most
        self._open = 0
        self._closed = False
        self._file(SpeechOptions(voice=self._default))

    async def voices(self) -> tuple[Voice, ...]:
        """The default first, then it with other timbres, then one voice for each other language. A timbre goes with any
        of them.
        """
        base, _, variant = self._default.partition("+")
        timbres = ("", *DEFAULT_VARIANTS)
        own = [self._voice(base, name) for name in sorted({*timbres, variant}, key=lambda name: name != variant)]
        return (*own, *(self._voice(name, "") for name in self._languages if name != base))

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        """As the port says. Speeds below 0.46 sound like 0.46."""
        file = self._file(options)
        if self._closed:
            raise EngineError("the synthesizer has been closed")
        if self._open >= self._most:
            raise Overloaded(f"{self._most} texts are being spoken; try again in a moment", retry_after=1)
        self._open += 1
        job = _Job(self._library, file, options.speed)
        try:
            async with aclosing(self._chunks(text, job, options.sample_rate or self._library.sample_rate)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            job.cancelled.set()
            self._open -= 1

    def takes(self, options: SpeechOptions) -> bool:
        """See `Chooser`."""
        try:
            self._file(options)
        except InvalidOption:
            return False
        return True

    async def close(self) -> None:
        """Refuse what comes, end what is spoken."""
        self._closed = True

    async def _chunks(self, text: str, job: _Job, sample_rate: int) -> AsyncGenerator[SpeechChunk]:
        rate = self._library.sample_rate
        resampler = Resampler(rate, sample_rate)
        made = 0
        for offset, piece in pieces(text):
            words = WordStarts(piece, offset, made / rate)
            start = made
            async with aclosing(job.run(piece)) as made_of_it:
                async for samples, events in made_of_it:
                    if self._closed:
                        raise EngineError("the synthesizer has been closed")
                    made += len(samples)
                    said = [word for at, sample in events for word in words.begins(at, (start + sample) / rate)]
                    sound = resampler.push(samples.astype(np.float32) / np.float32(32_768))
                    if len(sound) or said:
                        yield SpeechChunk(sound, sample_rate, tuple(said))
            if rest := words.finish(made / rate):
                yield SpeechChunk(np.zeros(0, np.float32), sample_rate, rest)
        if len(tail := resampler.finish()):
            yield SpeechChunk(tail, sample_rate)

    def _file(self, options: SpeechOptions) -> str:
        """What the library calls a voice. Raises InvalidOption where there is none."""
        name = options.voice.lower() or (self._speaks(options.language) if options.language else self._default)
        language, plus, variant = name.partition("+")
        if language not in self._languages or (plus and variant not in self._variants):
            raise InvalidOption(
                f"there is no voice {name[:80]!r}; there are {DEFAULT_VOICE}, en-gb, de, fr-fr, es and others, each "
                "alone or with a timbre as in de+f2; GET /v1/audio/voices lists them",
                field="voice",
            )
        return self._languages[language].file + (f"+{self._variants[variant].file}" if plus else "")

    def _speaks(self, language: str) -> str:
        """The voice for a BCP 47 tag: its own, or one of the same language in another region."""
        wanted = language.lower().replace("_", "-")
        primary = wanted.partition("-")[0]
        primary = OTHER_NAMES.get(primary, primary)
        default = self._default
        if default.partition("-")[0].partition("+")[0] == primary and wanted not in self._languages:
            return default
        same = [name for name in self._languages if name.partition("-")[0] == primary]
        for name in (wanted, primary, f"{primary}-{primary}", *same):
            if name in self._languages:
                return name
        raise InvalidOption(f"there is no voice for the language {language[:40]!r}", field="language")

    def _voice(self, name: str, variant: str) -> Voice:
        language = self._languages[name]
        if not variant:
            return Voice(name, canonical(name), language.title)
        timbre = self._variants[variant]
        gender: Literal["female", "male"] = "female" if timbre.female else "male"
        return Voice(f"{name}+{variant}", canonical(name), f"{language.title}, {gender} timbre {timbre.title}", gender)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a piece's synthesis tells the event loop."""

    pieces: asyncio.Queue[Piece | BaseException | None]
    loop: asyncio.AbstractEventLoop

    def tell(self, item: Piece | BaseException | None) -> bool:
        """Whether anybody still listens."""
        try:
            self.loop.call_soon_threadsafe(self.pieces.put_nowait, item)
        except RuntimeError:  # the loop was closed in the meantime
            return False
        return True


class _Job:
    """One utterance's way into the thread of all."""

    def __init__(self, of: EspeakLibrary, file: str, speed: float) -> None:
        self.cancelled = threading.Event()
        self._library, self._file, self._speed = of, file, speed

    async def run(self, text: str) -> AsyncGenerator[Piece]:
        """Speak a text that is short enough to be held in memory as sound."""
        work = _Work(asyncio.Queue(), asyncio.get_running_loop())
        _thread.submit(self._speak, text, work)
        item = await work.pieces.get()
        while item is not None:
            if isinstance(item, BaseException):
                raise item
            samples, words = [item.samples], list(item.words)
            # Whoever is slower than the voice takes what has come by then as one, which costs less.
            while not work.pieces.empty() and isinstance(item := work.pieces.get_nowait(), Piece):
                samples.append(item.samples)
                words += item.words
            yield Piece(np.concatenate(samples), words)
            if isinstance(item, Piece):
                item = await work.pieces.get()

    def _speak(self, text: str, work: _Work) -> None:
        def take(piece: Piece) -> bool:
            return not self.cancelled.is_set() and work.tell(piece)

        try:
            if not self.cancelled.is_set():
                self._library.speak(text, self._file, self._speed, take)
        except Exception as error:  # noqa: BLE001 - raised again where the utterance is listened to
            work.tell(error)
        else:
            work.tell(None)


_thread = ThreadPoolExecutor(1, thread_name_prefix="espeak")


def canonical(tag: str) -> str:
    """A language tag with its region in capitals, as RFC 5646 recommends."""
    first, *rest = tag.split("-")
    private = rest.index("x") if "x" in rest else len(rest)
    return "-".join([first, *(part.upper() if len(part) == 2 and i < private else part for i, part in enumerate(rest))])
