"""A session as the house events describe it, without audio: every append is a word."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from voxtral_service.events import (
    AppendAudio,
    AssistantCommand,
    Command,
    CommitTurn,
    Configure,
    EndAudio,
    NothingToCommit,
    SessionEnded,
    SessionEvent,
    SessionSettings,
    TranscriptDelta,
    TranscriptFinal,
    TurnEnded,
    TurnStarted,
)

SILENCE = bytes(2)
"""An append of this is heard and has no words."""


class FakeSession:
    """Carries out commands; what it has to say waits in `events` until somebody takes it."""

    def __init__(self, settings: SessionSettings) -> None:
        self.events: deque[SessionEvent] = deque()
        self.words: list[str] = []
        self._settings = settings
        self._turn = 0
        self._text: str | None = None  # of the open turn

    def carry_out(self, commands: Iterable[Command | AssistantCommand]) -> None:
        for command in commands:
            match command:
                case Configure(settings):
                    self._settings = settings
                case AppendAudio(data):
                    self._hear(data)
                case CommitTurn():
                    if self._text is None:
                        self.events.append(NothingToCommit())
                    self._end_turn("committed")
                case EndAudio():
                    self._end_turn("ended")
                    self.events.append(SessionEnded(float(len(self.words))))

    def fall_silent(self) -> None:
        """With turn detection, the open turn ends by itself."""
        if self._settings.turn_detection:
            self._end_turn("silence")

    def _hear(self, data: bytes) -> None:
        silent = data == SILENCE
        if self._text is None and not (silent and self._settings.turn_detection):
            self._turn += 1
            self._text = ""
            self.events.append(TurnStarted(self._turn, float(len(self.words))))
        if not silent:
            word = f"word{len(self.words)}"
            delta = f" {word}" if self._text else word
            self.words.append(word)
            self._text = (self._text or "") + delta
            self.events.append(TranscriptDelta(self._turn, delta))

    def _end_turn(self, reason: str) -> None:
        if self._text is None:
            return
        start, end = 0.0, float(len(self.words))
        self.events.append(TurnEnded(self._turn, start, end, reason))  # type: ignore[arg-type]
        self.events.append(TranscriptFinal(self._turn, self._text, (), start, end, "en"))
        self._text = None
