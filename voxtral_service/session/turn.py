"""When a turn begins, may have ended, goes on, and has ended.

Time is the audio's own, passed in with every chunk, so that the same audio always gives the same turns.

    state       signal   next        action
    ---------   ------   ---------   --------------------------------------
    listening   speech   speaking    the turn starts
    listening   idle     listening   nobody has spoken for too long
    speaking    pause    waiting     the turn may have ended
    speaking    end      listening   the turn ends
    waiting     speech   speaking    the turn goes on
    waiting     end      listening   the turn ends

Speech is 64 ms in a row above the threshold. A pause and an end are silences of certain lengths below a second, lower
threshold; in between, neither counts, so a breath does not make a pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voxtral_service.audio.vad import CHUNK_SECONDS
from voxtral_service.events import SemanticVad, ServerVad
from voxtral_service.session.completeness import Completeness

SPEECH_SECONDS = 0.064
"""Two chunks. Three would start as many turns in speech and as few in noise, and stop answers later."""
HYSTERESIS = 0.15
"""How far below the threshold the probability must fall to count as silence, unless the rules say."""


class State(Enum):
    """Where a turn stands."""

    LISTENING = "listening"
    SPEAKING = "speaking"
    WAITING = "waiting"


class Signal(Enum):
    """What the last chunk of audio told."""

    SPEECH = "speech"
    PAUSE = "pause"
    END = "end"
    IDLE = "idle"


class Action(Enum):
    """What a listener should be told."""

    START = "start"
    EAGER_END = "eager end"
    RESUME = "resume"
    END = "end"
    IDLE = "idle"


TABLE: dict[tuple[State, Signal], tuple[State, Action]] = {
    (State.LISTENING, Signal.SPEECH): (State.SPEAKING, Action.START),
    (State.LISTENING, Signal.IDLE): (State.LISTENING, Action.IDLE),
    (State.SPEAKING, Signal.PAUSE): (State.WAITING, Action.EAGER_END),
    (State.SPEAKING, Signal.END): (State.LISTENING, Action.END),
    (State.WAITING, Signal.SPEECH): (State.SPEAKING, Action.RESUME),
    (State.WAITING, Signal.END): (State.LISTENING, Action.END),
}

EAGER_SECONDS = 0.3
"""After this much silence a listener may start on an answer."""
PATIENCE = {
    # Seconds of silence that end a turn whose words look finished, might go either way, or look unfinished.
    "high": {Completeness.FINISHED: 0.4, Completeness.OPEN: 0.8, Completeness.UNFINISHED: 2.0},
    "medium": {Completeness.FINISHED: 0.6, Completeness.OPEN: 1.5, Completeness.UNFINISHED: 4.0},
    "low": {Completeness.FINISHED: 1.0, Completeness.OPEN: 3.0, Completeness.UNFINISHED: 8.0},
}


@dataclass(frozen=True, slots=True)
class Change:
    """An action and the time in the audio it speaks of."""

    action: Action
    at: float


class TurnDetector:
    """Follows one stream of speech probabilities through the table."""

    def __init__(self, rules: ServerVad | SemanticVad, *, now: float = 0.0) -> None:
        self.state = State.LISTENING
        self._rules = rules
        self._now = now
        self._speech_since: float | None = None
        self._quiet_since: float | None = None
        self._idle_since = now

    def configure(self, rules: ServerVad | SemanticVad) -> None:
        """Use other rules from the next chunk on; the turn that is open stays open."""
        self._rules = rules

    def advance(self, probability: float, completeness: Completeness) -> Change | None:
        """Take the next 32 ms: how likely they are speech, and how finished the words so far look."""
        began, self._now = self._now, self._now + CHUNK_SECONDS
        if probability >= self._rules.threshold:
            self._quiet_since = None
            self._speech_since = began if self._speech_since is None else self._speech_since
        elif probability < self._quiet_below():
            self._speech_since = None
            self._quiet_since = began if self._quiet_since is None else self._quiet_since
        for signal, at in self._signals(completeness):
            if step := TABLE.get((self.state, signal)):
                self.state, action = step
                if action in (Action.END, Action.IDLE):
                    self._idle_since = self._now
                return Change(action, at)
        return None

    def reset(self) -> None:
        """Wait for the next turn, as when the caller ended this one."""
        self.state = State.LISTENING
        self._speech_since = None
        self._idle_since = self._now

    def _signals(self, completeness: Completeness) -> list[tuple[Signal, float]]:
        """What holds now, the strongest first, with the time it speaks of."""
        rounding = 1e-6
        signals = []
        if self._speech_since is not None and self._now - self._speech_since >= SPEECH_SECONDS - rounding:
            signals.append((Signal.SPEECH, self._speech_since))
        if self._quiet_since is not None:
            quiet = self._now - self._quiet_since + rounding
            eager, end = self._waits(completeness)
            if quiet >= end:
                signals.append((Signal.END, self._quiet_since))
            elif quiet >= eager:
                signals.append((Signal.PAUSE, self._quiet_since))
        idle = self._rules.idle_timeout_ms if isinstance(self._rules, ServerVad) else None
        if idle is not None and self._now - self._idle_since >= idle / 1000:
            signals.append((Signal.IDLE, self._idle_since))
        return signals

    def _quiet_below(self) -> float:
        told = self._rules.end_threshold if isinstance(self._rules, ServerVad) else None
        lower = self._rules.threshold - HYSTERESIS if told is None else min(told, self._rules.threshold)
        return max(lower, 0.01)

    def _waits(self, completeness: Completeness) -> tuple[float, float]:
        """Seconds of silence until a pause and until the end."""
        if isinstance(self._rules, SemanticVad):
            return EAGER_SECONDS, PATIENCE[self._rules.eagerness][completeness]
        end = self._rules.silence_duration_ms / 1000
        return min(EAGER_SECONDS, end / 2), end
