"""The text of several turns as one, taken in parts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MOST_CHARACTERS = 2**22
"""What may wait to be taken: days of speech without a pause. Beyond it the oldest is dropped."""
PIECE_CHARACTERS = 1024
"""Short deltas are kept together in pieces of about this size, because each has its overhead."""


@dataclass(frozen=True, slots=True)
class _Piece:
    turn: int
    text: str


class Spoken:
    """What was said since it was last taken: the sum of the deltas that `add` gave back, stripped."""

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self._characters = 0
        self._last_turn = 0
        self._last_character = " "

    def add(self, turn: int, delta: str) -> str:
        """Keep a delta. Gives it back as it has to be sent: turns are kept apart by a space."""
        if not delta:
            return ""
        if turn != self._last_turn and not (self._last_character.isspace() or delta[0].isspace()):
            delta = f" {delta}"
        self._last_turn, self._last_character = turn, delta[-1]
        self._keep(turn, delta)
        return delta

    def take(self, through: int | None = None) -> str:
        """What was said up to and including a turn, or in all of them."""
        taken = []
        while self._pieces and (through is None or self._pieces[0].turn <= through):
            taken.append(self._drop_oldest())
        return "".join(taken).strip()

    def _keep(self, turn: int, text: str) -> None:
        self._characters += len(text)
        if self._pieces and self._pieces[-1].turn == turn and len(self._pieces[-1].text) < PIECE_CHARACTERS:
            text = self._pieces.pop().text + text
        self._pieces.append(_Piece(turn, text))
        while self._characters > MOST_CHARACTERS:
            self._drop_oldest()

    def _drop_oldest(self) -> str:
        piece = self._pieces.popleft()
        self._characters -= len(piece.text)
        return piece.text
