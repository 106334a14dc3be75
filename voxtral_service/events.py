"""What rooms say to each other: frozen values, no behaviour.

Times are seconds from the first sample of the stream or file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word with the time it was spoken.

    `end` is the engine's measurement; engines that only mark ends (Voxtral Realtime) estimate `start`.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an engine has to say since it last spoke.

    `delta` extends the transcript for good; `tail` follows it, is still unsure, and is replaced by the next hypothesis.
    `words` are those that `delta` completed; `audio_seconds` is how much audio has been worked through.
    """

    delta: str
    words: tuple[Word, ...] = ()
    tail: str = ""
    audio_seconds: float = 0.0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything an engine heard in a clip or a stream."""

    text: str
    words: tuple[Word, ...]
    duration: float
    language: str | None = None
