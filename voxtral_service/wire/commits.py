"""Which commits a client still waits for, and which turns answer them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voxtral_service.events import AudioFormat, TurnEnded

MOST_WAITING = 100
SAMPLE_BYTES = {
    "pcm_u8": 1,
    "pcm_mulaw": 1,
    "pcm_alaw": 1,
    "pcm_s16le": 2,
    "pcm_f16le": 2,
    "pcm_s24le": 3,
    "pcm_s32le": 4,
    "pcm_f32le": 4,
}
"""Every headerless encoding; the length of a container's audio cannot be told from its size."""


class AudioMeter:
    """How much headerless audio was sent, counted in whole samples as the session does."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.started = False
        self._format = AudioFormat()
        self._rest = 0  # bytes of a sample whose end has not come yet

    def add(self, size: int, audio_format: AudioFormat) -> None:
        """Count `size` bytes more."""
        self.started = self.started or size > 0
        if audio_format != self._format:
            self._format, self._rest = audio_format, 0
        frame_bytes = SAMPLE_BYTES[audio_format.encoding] * audio_format.channels
        frames, self._rest = divmod(self._rest + size, frame_bytes)
        self.seconds += frames / audio_format.sample_rate


@dataclass(frozen=True, slots=True)
class _Commit:
    """`empty`: no audio came since the one before. `seconds`: all the audio that came before it."""

    empty: bool
    seconds: float


class Commits:
    """The commits to be answered, oldest first.

    One with audio is answered by the final transcript of the turn that it ended, or when the session says that there
    was none: with turn detection a commit may find that its turn has ended already, or that nobody spoke. An empty one
    is not passed on, and answered as soon as those before it are.
    """

    def __init__(self) -> None:
        self.meter = AudioMeter()
        self._committed_seconds = 0.0
        self._waiting: deque[_Commit] = deque()
        self._turns: set[int] = set()  # ended by a commit, their transcripts still to come
        self._transcribed = 0  # the last turn with a transcript; they come in order

    @property
    def full(self) -> bool:
        """Whether no more commits can wait."""
        return len(self._waiting) >= MOST_WAITING

    def add(self) -> bool:
        """Note a commit; says whether there is audio that the session has to commit."""
        commit = _Commit(empty=self.meter.seconds == self._committed_seconds, seconds=self.meter.seconds)
        self._waiting.append(commit)
        self._committed_seconds = commit.seconds
        return not commit.empty

    def turn_ended(self, event: TurnEnded) -> list[float]:
        """The commits that a turn's end answers: none, unless its transcript failed before."""
        if event.reason != "committed":
            return []
        self._turns.add(event.turn)
        return self._answered()

    def transcript_came(self, turn: int) -> list[float]:
        """The commits that a turn's final transcript answers, as the seconds before each; so does one that failed."""
        self._transcribed = max(self._transcribed, turn)
        return self._answered()

    def nothing_came(self) -> list[float]:
        """The commits that are answered when the session found no turn to end."""
        return [self._waiting.popleft().seconds, *self.answered_at_once()] if self._waiting else []

    def _answered(self) -> list[float]:
        answered = []
        for turn in sorted(turn for turn in self._turns if turn <= self._transcribed):
            self._turns.remove(turn)
            if self._waiting:
                answered.append(self._waiting.popleft().seconds)
            answered += self.answered_at_once()
        return answered

    def answered_at_once(self) -> list[float]:
        """The empty commits that nothing before them holds back."""
        answered = []
        while self._waiting and self._waiting[0].empty:
            answered.append(self._waiting.popleft().seconds)
        return answered

    def answered_at_end(self) -> list[float]:
        """All the others, when nothing more will be said."""
        answered = [commit.seconds for commit in self._waiting]
        self._waiting.clear()
        return answered
