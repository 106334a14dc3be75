"""The speech port: text in, sound out as it is made, and when each word is heard.

    speech = synthesizer.speak("Nine in the evening.", SpeechOptions(voice="en-us", sample_rate=24_000))
    utterance = Utterance("Nine in the evening.")
    async with aclosing(speech) as chunks:
        async for chunk in chunks:
            utterance.add(chunk)
            ...                                  # play chunk.samples
    utterance.heard(0.7)                         # "Nine in the"

Leaving the iterator is how speech is cancelled: nothing more is made, and the next call begins cleanly.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from voxtral_service.audio import Samples
from voxtral_service.errors import InvalidOption

MIN_SPEED, MAX_SPEED = 0.25, 4.0
"""OpenAI's bounds."""
CHARACTERS_PER_SECOND = 15.0
"""How fast speech at speed 1 goes, roughly: 180 words a minute of five letters each. For what is not known better."""
HEARD_AFTER = 0.1
"""Seconds of a word after which it counts as heard; most function words are over by then."""


@dataclass(frozen=True, slots=True)
class Voice:
    """`name` is what `SpeechOptions.voice` takes, `language` a BCP 47 tag, empty for many; `description` is for people.
    `gender` is empty where nobody says. One that is `natural` sounds like a person.
    """

    name: str
    language: str
    description: str = ""
    gender: Literal["female", "male", ""] = ""
    natural: bool = False


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How a text is to be spoken.

    `voice` is a name from `voices()`; empty for the one that speaks `language`, a BCP 47 tag (empty: the synthesizer's
    default). `speed` goes from 0.25 to 4, 1 is the voice's own. `sample_rate` is in Hz, None for the voice's own.

    Raises InvalidOption for a speed out of range.
    """

    voice: str = ""
    language: str = ""
    speed: float = 1.0
    sample_rate: int | None = None

    def __post_init__(self) -> None:
        if not MIN_SPEED <= self.speed <= MAX_SPEED:
            raise InvalidOption(f"speed must be from {MIN_SPEED:g} to {MAX_SPEED:g}", field="speed")


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """`text[offset:offset + length]` begins to be heard `start` seconds after the utterance's first sample.

    Words come in order of both. `exact` tells whether the time is the synthesizer's own or an estimate.
    """

    offset: int
    length: int
    start: float
    exact: bool = True


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """The next `samples`, shape (n,), mono at `sample_rate` Hz, and the words that became known with them.

    A chunk may be without samples, or without words. Words may be known before their sound comes, or after it.
    """

    samples: Samples
    sample_rate: int
    words: tuple[SpokenWord, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


class Synthesizer(Protocol):
    """Speaks for anybody, many at once; whatever is of one utterance is in its iterator."""

    @property
    def name(self) -> str:
        """What `model` is called on the wire."""
        ...

    async def voices(self) -> tuple[Voice, ...]:
        """All there are, the default first. Raises UpstreamError when they cannot be asked for."""
        ...

    def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, which is plain and in one language. Text without a word in it gives few or no samples.

        The iterator raises InvalidOption (a voice that there is not), Overloaded, EngineError and UpstreamError. Leave
        it by `aclose` (`contextlib.aclosing`) to cancel.
        """
        ...

    async def close(self) -> None:
        """Free what it holds; what is being spoken ends with EngineError."""
        ...


class Chooser(Synthesizer, Protocol):
    """A synthesizer that can tell what it can speak, to stand beside others."""

    def takes(self, options: SpeechOptions) -> bool:
        """Whether it has such a voice."""
        ...


class Utterance:
    """What became of one text so far, for whoever must know how much of it was heard."""

    def __init__(self, text: str, speed: float = 1.0) -> None:
        self.text = text
        self.words: list[SpokenWord] = []
        self.duration = 0.0
        """Seconds of sound that were made."""
        self._speed = speed

    def add(self, chunk: SpeechChunk) -> None:
        """Take in the next chunk."""
        self.words.extend(chunk.words)
        self.duration += chunk.duration

    def heard(self, seconds: float) -> str:
        """The text up to the last word of which 0.1 s had been played after `seconds` of the utterance.

        Where no times are known (yet), they are estimated.
        """
        words = self.words or estimated_words(self.text, len(self.text) / CHARACTERS_PER_SECOND / self._speed)
        ends = [word.offset + word.length for word in words if word.start + HEARD_AFTER <= seconds]
        if not ends:
            return ""
        if len(ends) == len(words):
            return self.text
        return self.text[: ends[-1]]


def estimated_words(text: str, seconds: float, start: float = 0.0) -> tuple[SpokenWord, ...]:
    """The words of a text spread over the `seconds` from `start` on that it takes, by their lengths."""
    return tuple(
        SpokenWord(match.start(), len(match[0]), start + seconds * match.start() / len(text), exact=False)
        for match in re.finditer(r"\S+", text)
    )
