"""An engine that knows what is said in a recording, and says what it is given of it: words cut in half are garbled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.vacancy import Vacancy
from voxtral_service.errors import Overloaded
from voxtral_service.events import Hypothesis, Word

HALF = "~"


@dataclass(eq=False)
class Reciter:
    """`script` is what is said in `sound`; `live` says words as they are pushed, with `times` if so wished."""

    script: list[Word]
    sound: Samples
    places: int = 4
    live: bool = True
    times: bool = True
    longest: float = 6.0
    streams: list[Reciting] = field(default_factory=list)
    most_open: int = 0
    vacancy: Vacancy = field(default_factory=Vacancy)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(live=self.live, longest_segment=self.longest)

    @property
    def taken(self) -> int:
        return sum(not stream.ended for stream in self.streams)

    def open(self, options: StreamOptions) -> Reciting:
        if self.taken >= self.places:
            raise Overloaded("all places are taken")
        self.streams.append(Reciting(self, options))
        self.most_open = max(self.most_open, self.taken)
        return self.streams[-1]

    async def wait_for_place(self) -> None:
        await self.vacancy.wait(lambda: self.taken < self.places)

    def close(self) -> None:
        pass

    def where(self, samples: Samples) -> int:
        both = (self.sound[:-1] == samples[0]) & (self.sound[1:] == samples[1])
        [at] = np.flatnonzero(both)
        return int(at)


@dataclass(eq=False)
class Reciting:
    engine: Reciter
    options: StreamOptions
    samples: list[Samples] = field(default_factory=list)
    finished: bool = False
    ended: bool = False
    failure: Exception | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def audio_seconds(self) -> float:
        return sum(map(len, self.samples)) / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        await asyncio.sleep(0)
        self.samples.append(samples)
        self.changed.set()

    def finish(self) -> None:
        self.finished = True
        self.changed.set()

    def cancel(self) -> None:
        self.ended = True
        self.engine.vacancy.tell()
        self.changed.set()

    def fail(self, error: Exception) -> None:
        self.failure = error
        self.cancel()

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        said = 0
        while not self.ended:
            words = self._words() if self.finished or self.engine.live else []
            for word in words[said:]:
                delta = f" {word.text}" if said else word.text
                said += 1
                times = (word,) if self.engine.times else ()
                yield Hypothesis(delta, times, audio_seconds=self.audio_seconds)
            if self.finished:
                self.cancel()
                yield Hypothesis("", audio_seconds=self.audio_seconds, final=True, language="en")
                return
            await self.changed.wait()
            self.changed.clear()
        if self.failure:
            raise self.failure

    def _words(self) -> list[Word]:
        if not self.samples:
            return []
        begin = self.engine.where(self.samples[0]) / SAMPLE_RATE
        end = begin + self.audio_seconds + 1e-3
        heard = []
        for word in self.engine.script:
            whole = word.start >= begin - 1e-3 and word.end <= end
            if whole or (word.start < end - 2e-3 and word.end > begin + 1e-3 and (self.finished or word.end <= end)):
                half = -(-len(word.text) // 2)
                text = (
                    word.text if whole else HALF + word.text[half:] if word.start < begin else word.text[:half] + HALF
                )
                heard.append(Word(text, max(word.start, begin) - begin, min(word.end, end) - begin))
        return heard


def spoken(words: list[tuple[str, float]], pauses: dict[int, float] | None = None, **options: Any) -> Reciter:
    """A recording of words, each for so many seconds, with so many seconds of silence before some."""
    rng = np.random.default_rng(len(words))
    ends = list(accumulate((seconds + (pauses or {}).get(i, 0.0) for i, (_, seconds) in enumerate(words))))
    script = [Word(text, end - seconds, end) for (text, seconds), end in zip(words, ends, strict=True)]
    sound = rng.uniform(0.1, 0.3, round((ends or [0.0])[-1] * SAMPLE_RATE)).astype(np.float32)
    for i, seconds in (pauses or {}).items():
        begin = round((script[i].start - seconds) * SAMPLE_RATE)
        sound[begin : round(script[i].start * SAMPLE_RATE)] *= np.float32(0.01)
    return Reciter(script, sound, **options)
