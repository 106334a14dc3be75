"""What of an answer has been sent, and what of that has been heard by now."""

from __future__ import annotations

from dataclasses import dataclass

from voxtral_service.assistant.speech import Utterance


@dataclass(slots=True)
class Piece:
    """A stretch of an answer: as it was written, in which round of the model; not `written` is what is no answer of the
    model's, such as "one moment".
    """

    text: str
    round: int
    written: bool = True
    utterance: Utterance | None = None
    start: float = 0.0
    whole: bool = False
    """Whether all its sound is made."""

    def heard(self, seconds: float) -> str:
        """Its text, as far as it was heard when so much of the answer's sound had been played."""
        if self.utterance is None or (self.whole and seconds >= self.start + self.utterance.duration - 1e-6):
            return self.text if seconds >= self.start - 1e-6 else ""
        heard = self.utterance.heard(seconds - self.start) if seconds > self.start else ""
        lead = self.text[: len(self.text) - len(self.text.lstrip())]
        return lead + heard if heard else ""


class Playout:
    """The sound of one answer on its way to somebody's ears, who hears it as it comes; time is passed in."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.sent = 0.0
        """Seconds of sound that were given away."""
        self._began: float | None = None
        self._stopped: float | None = None

    def ready_at(self, lead: float) -> float:
        """When the next sound may be sent, so that it is at most `lead` seconds ahead of its time."""
        return -1.0 if self._began is None else self._began + self.sent - lead

    def send(self, seconds: float, now: float) -> None:
        """So much sound goes out; what comes late is heard late."""
        if self._began is None or now > self._began + self.sent:
            self._began = now - self.sent
        self.sent += seconds

    def ends_at(self) -> float:
        """When all that was sent will have been heard."""
        return 0.0 if self._began is None else self._began + self.sent

    def played(self, now: float) -> float:
        """Seconds that have been heard."""
        if self._stopped is not None:
            return self._stopped
        return 0.0 if self._began is None else min(max(now - self._began, 0.0), self.sent)

    def stop(self, seconds: float) -> None:
        """Only so much was heard, and nothing more will be."""
        self._stopped = min(max(seconds, 0.0), self.sent)

    def text(self, round: int, seconds: float) -> str:
        """What was heard of one round of the model's text."""
        return "".join(piece.heard(seconds) for piece in self.pieces if piece.round == round and piece.written)
