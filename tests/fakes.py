"""Stand-ins with scripted behaviour, for tests of what depends on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from voxtral_service.audio import Samples
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.pool import EnginePool, LoadedModel
from voxtral_service.engine.registry import InstalledModel, Origin, Registry
from voxtral_service.engine.vacancy import Vacancy
from voxtral_service.errors import EngineError, InvalidAudio, InvalidOption, Overloaded
from voxtral_service.events import Hypothesis, Token, Word


class LoudnessActivity:
    """A voice activity detector that takes loud for speech: 0.9 above -40 dB, 0.05 below, as soon as it is heard."""

    def probability(self, chunk: Samples) -> float:
        return 0.9 if float(np.sqrt(np.square(chunk).mean())) > 0.01 else 0.05


@dataclass(eq=False)
class SpellingStream:
    """Says a word for every tenth of a second of sound: the word is the loudness of that piece in percent."""

    engine: SpellingEngine
    options: StreamOptions
    heard: list[Samples] = field(default_factory=list)
    finished: bool = False
    cancelled: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def audio_seconds(self) -> float:
        return sum(map(len, self.heard)) / 16_000

    async def push(self, samples: Samples) -> None:
        if not np.isfinite(samples).all():
            raise InvalidAudio("not a number")
        if self.finished:
            raise ValueError("push after finish")
        self.heard.append(samples)
        self.changed.set()

    def finish(self) -> None:
        self.finished = True
        self.changed.set()

    def cancel(self) -> None:
        self.cancelled = True
        self.engine.release(self)
        self.changed.set()

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        said = 0
        while not self.cancelled:
            if self.engine.closed:
                raise EngineError("the engine was closed while the stream was open")
            samples = np.concatenate(self.heard) if self.heard else np.zeros(0, np.float32)
            words = [
                str(round(100 * float(np.abs(piece).max())))
                for piece in np.split(samples, range(0, len(samples), 1600))[1:]
            ]
            ready = words if self.finished else words[:-1]
            for word in ready[said:]:
                said += 1
                delta = f" {word}" if said > 1 else word
                tokens = (Token(int(word), delta, -0.5),) if self.engine.capabilities.logprobs else ()
                yield Hypothesis(delta, (Word(word, said / 10 - 0.1, said / 10),), tokens=tokens)
            if self.finished:
                if self.engine.hold is not None:
                    await self.engine.hold.wait()
                if self.engine.fail_when_held:
                    raise EngineError("the device is out of memory")
                language = "en" if self.engine.capabilities.detects_language else self.options.language
                self.engine.release(self)
                yield Hypothesis("", final=True, audio_seconds=self.audio_seconds, language=language)
                return
            self.changed.clear()
            await self.changed.wait()


@dataclass
class SpellingEngine:
    """An engine whose text shows exactly which audio each stream was given."""

    places: int = 4
    streams: list[SpellingStream] = field(default_factory=list)
    """Those that are open."""
    closed: bool = False
    most_open: int = 0
    opened: list[StreamOptions] = field(default_factory=list)
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(live=True))
    vacancy: Vacancy = field(default_factory=Vacancy)
    hold: asyncio.Event | None = None
    """What streams wait for before they end."""
    fail_when_held: bool = False
    """Whether they end with an error."""

    def open(self, options: StreamOptions) -> SpellingStream:
        if self.closed:
            raise EngineError("the engine has been closed")
        if options.translate and not self.capabilities.translates:
            raise InvalidOption("this model does not translate", field="task")
        if self.open_streams >= self.places:
            raise Overloaded("all places are taken")
        self.streams.append(SpellingStream(self, options))
        self.most_open = max(self.most_open, self.open_streams)
        self.opened.append(options)
        return self.streams[-1]

    @property
    def open_streams(self) -> int:
        return len(self.streams)

    def release(self, stream: SpellingStream) -> None:
        if stream in self.streams:
            self.streams.remove(stream)
            self.vacancy.tell()

    async def wait_for_place(self) -> None:
        await self.vacancy.wait(lambda: self.open_streams < self.places)

    def close(self) -> None:
        self.closed = True
        for stream in self.streams:
            stream.changed.set()


def installed(
    name: str = "spelling",
    size: int = 1000,
    languages: tuple[str, ...] = ("en",),
    kind: Kind = Kind.VOXTRAL_REALTIME,
) -> InstalledModel:
    """A model that is nowhere on the disk."""
    return InstalledModel(name, Path("models") / name, Origin.FOLDER, 1000, size, languages, None, 480, kind)


def spelling_pool(engine: SpellingEngine, *, strict: bool = False) -> EnginePool:
    """A pool whose default spells, on a machine without any other model."""
    nowhere = Path("nowhere")
    return EnginePool(
        Registry(nowhere, nowhere, nowhere),
        lambda model: SpellingEngine(),
        budget=10_000,
        idle_seconds=60,
        default=LoadedModel(installed(), engine),
        strict=strict,
    )
