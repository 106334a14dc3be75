"""Both sides of a conversation, on the screen and through the loudspeaker, as they are said."""

from __future__ import annotations

import json

from voxtral_service.cli.captions import OPEN
from voxtral_service.cli.screen import Screen
from voxtral_service.cli.speaker import Speaker
from voxtral_service.events import (
    AudioRejected,
    Event,
    ResponseApprovalRequest,
    ResponseAudio,
    ResponseEnded,
    ResponseRefused,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    ToolServerFailed,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    Truncate,
    TurnStarted,
)

PERSON = "> "
"""Before what the person says, as one quotes; the answer has no mark."""
LONGEST = 200
"""Characters of a call or its result that are shown."""
TIMER = "set_timer"
"""The tool whose work goes on when the answer is over."""


class Exchange:
    """Shows a conversation's events. `truncations` is what whoever answers has to be told of them.

    Without a speaker answers are read. `quiet` leaves out the calls of tools.
    """

    def __init__(self, screen: Screen, speaker: Speaker | None, *, quiet: bool = False) -> None:
        self._screen, self._speaker, self._quiet = screen, speaker, quiet
        self._line: tuple[str, int] | None = None
        self._over: set[int] = set()
        self._timers: set[str] = set()
        self._asking = 0
        self._open = 0
        self.answers = 0
        """How many answers are over."""
        self.failed = False
        self.truncations: list[Truncate] = []

    @property
    def timers(self) -> int:
        """How many timers were set and have not rung."""
        return len(self._timers)

    @property
    def answered(self) -> bool:
        """Whether an answer was given and nothing is under way."""
        return self.answers > 0 and not self._open and not self._asking

    def show(self, event: Event) -> None:
        """Show what an event changes."""
        match event:
            case TurnStarted():
                self._cut(self._over)  # one that is still being made goes on until it is stopped
            case TranscriptDelta():
                self._say(("person", event.turn), event.text)
            case TranscriptFinal() | TranscriptFailed():
                self._end_of_turn(event)
            case ResponseStarted():
                self._open += 1
                self._asking = 0
                if event.turn is None and not event.tag and self._timers:
                    self._timers.pop()
            case ResponseText():
                self._say(("answer", event.response), event.text)
            case ResponseAudio() if self._speaker is not None:
                self._speaker.play(event)
            case ResponseEnded():
                self._end_of_answer(event)
            case ResponseToolCall() | ResponseToolResult() | ResponseApprovalRequest():
                self._tool(event)
            case ResponseRefused() | AudioRejected() | ToolServerFailed():
                self._screen.note(f"warning: {event.message}")

    def _say(self, line: tuple[str, int], text: str) -> None:
        """Add to the line of who speaks; another's line is ended for it."""
        if self._line != line:
            text = text.lstrip()
            if not text:
                return
            self._screen.end_line()
            self._line = line
            text = PERSON + text if line[0] == "person" else text
        self._screen.say(text, OPEN)

    def _end(self, line: tuple[str, int]) -> None:
        if self._line == line:
            self._screen.end_line()
            self._line = None

    def _end_of_turn(self, event: TranscriptFinal | TranscriptFailed) -> None:
        self._end(("person", event.turn))
        if isinstance(event, TranscriptFailed):
            self.failed = True
            self._screen.note(f"error: {event.message}")

    def _end_of_answer(self, event: ResponseEnded) -> None:
        self._end(("answer", event.response))
        self._open -= 1
        self.answers += 1
        self._over.add(event.response)
        if event.reason in ("interrupted", "cancelled"):
            self._cut({event.response})
            self._screen.note("interrupted", style="dim")
        elif event.reason == "failed":
            self.failed = True
            self._screen.note(f"error: {event.message}")

    def _cut(self, responses: set[int]) -> None:
        """Silence these answers, if they can be heard still."""
        if self._speaker is None or not responses:
            return
        for response, seconds in self._speaker.stop().items():
            self.truncations.append(Truncate(response, round(seconds * 1000)))

    def _tool(self, event: ResponseToolCall | ResponseToolResult | ResponseApprovalRequest) -> None:
        match event:
            case ResponseToolCall():
                if event.name == TIMER and event.here:
                    self._timers.add(event.call_id)
                shown = f"{event.server}: " * bool(event.server) + f"{event.name}({_arguments(event.arguments)})"
            case ResponseToolResult():
                if event.failed:
                    self._timers.discard(event.call_id)
                shown = f"{'failed' if event.failed else '='} {event.output}"
            case ResponseApprovalRequest():
                self._asking += 1
                shown = f"{event.server} asks for {event.name}({_arguments(event.arguments)})"
        if not self._quiet:
            self._screen.note(f"  {_short(shown)}", style="dim")


def _arguments(text: str) -> str:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        return text
    if not isinstance(given, dict):
        return text
    return ", ".join(f"{name}: {value}" for name, value in given.items())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
