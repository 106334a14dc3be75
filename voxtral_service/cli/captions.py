"""Live captions: a line for every turn, growing while it is spoken."""

from __future__ import annotations

from voxtral_service.cli.screen import Screen
from voxtral_service.events import (
    AudioRejected,
    SessionEvent,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnStarted,
)

OPEN = " …"
"""Dimmed behind the words of a turn that is not finished; words never change once they are there."""


class Captions:
    """Puts a session's events on a screen."""

    def __init__(self, screen: Screen, *, times: bool) -> None:
        """`times` puts the time before each turn and the words with theirs, where they are known, below it."""
        self._screen, self._times = screen, times
        self._open: dict[int, float] = {}
        self._begun = False
        self.failed = False

    def show(self, event: SessionEvent) -> None:
        """Show what an event changes; most change nothing."""
        match event:
            case TurnStarted():
                self._open[event.turn] = event.at
                self._screen.say("", OPEN)
            case TranscriptDelta():
                self._say(event)
            case TranscriptFinal():
                self._end(event.turn)
                if self._times:
                    lines = (f"{word.start:10.2f} {word.end:8.2f}  {word.text}\n" for word in event.words)
                    self._screen.write("".join(lines))
                self._mark()
            case TranscriptFailed():
                self.failed = True
                self._end(event.turn)
                self._screen.note(f"error: {event.message}")
                self._mark()
            case AudioRejected():
                self._screen.note(f"warning: {event.message}")

    def _say(self, event: TranscriptDelta) -> None:
        text = event.text if self._begun else event.text.lstrip()
        if text and not self._begun:
            self._begun = True
            if self._times:
                text = f"[{_clock(self._open.get(event.turn, 0.0))}] {text}"
        self._screen.say(text, OPEN)

    def _end(self, turn: int) -> None:
        self._screen.end_line()
        self._begun = False
        self._open.pop(turn, None)

    def _mark(self) -> None:
        """The next turn may have begun before the one before it was written down."""
        if self._open:
            self._screen.say("", OPEN)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes):02}:{rest:04.1f}"
