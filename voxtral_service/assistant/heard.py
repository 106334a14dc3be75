"""What a responder knows of what people say: who speaks, the latest turn's words, what is still to be understood."""

from __future__ import annotations

import re

import numpy as np

from voxtral_service.audio import Samples
from voxtral_service.events import (
    SessionEvent,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnAudio,
    TurnEnded,
    TurnStarted,
)


class Heard:
    """`turn` is the latest one, 0 before the first; `text` its words so far; `speaking` whether it is still being said,
    or has been and is not understood yet; `guesses` counts the answers that were begun for it before its end.
    """

    def __init__(self) -> None:
        self.turn = 0
        self.text = ""
        self.speaking = False
        self.guesses = 0
        self._unheard: set[int | str] = set()
        self._failed_early: set[int] = set()
        self._sounds: dict[int, Samples] = {}

    @property
    def understood(self) -> bool:
        """Whether everything that was said to its end is."""
        return not self._unheard

    def note(self, event: SessionEvent, *, talks: bool) -> None:
        """Take in what a session tells. Where nobody `talks` with it, everything is a turn, silence too."""
        match event:
            case TurnStarted():
                self.turn, self.text, self.guesses = event.turn, "", 0
                self.speaking = talks
            case TranscriptDelta() if event.turn == self.turn:
                self.text += event.text
            case TurnEnded():
                # What was said is still to come; only what was cleared is over.
                self.speaking = self.speaking and event.reason != "cleared"
                if event.reason != "cleared" and event.turn not in self._failed_early:
                    self._unheard.add(event.turn)
                self._failed_early.discard(event.turn)
            case TurnAudio():
                self._sounds[event.turn] = np.frombuffer(event.samples, "<f4")
            case TranscriptFinal() | TranscriptFailed():
                self.speaking = self.speaking and event.turn != self.turn
                if isinstance(event, TranscriptFailed) and event.turn not in self._unheard:
                    self._failed_early.add(event.turn)
                self._unheard.discard(event.turn)
            case _:
                pass

    def wait_for(self, key: str) -> None:
        """A message has sound in it that is being listened to."""
        self._unheard.add(key)

    def has_come(self, key: str) -> None:
        """It has been."""
        self._unheard.discard(key)

    def said(self, event: TranscriptFinal, *, hears: bool) -> str | Samples:
        """A turn as the model is to read it, "" for nothing: its words, or its sound for one that `hears`."""
        sound = self._sounds.pop(event.turn, None)
        return sound if hears and sound is not None and len(sound) else event.text.strip()


def plain(text: str) -> str:
    """A text as far as it matters whether it is the same question."""
    return " ".join(re.findall(r"\w+", text.lower()))
