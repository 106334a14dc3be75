"""What goes on in one connection to a tool server: how much it sends, and why it broke off.

A server that does not stop sending costs its own connection, and nobody's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from voxtral_service.errors import Trouble, UpstreamError

BURST = 4 * 2**20
RATE = 256 * 2**10
"""Bytes, and bytes a second."""
MESSAGE = 2_000
"""What a message counts for beside its bytes: some 400 us of the event loop are spent on it, however short it is."""


class Meter:
    """One connection's allowance of bytes, and what has become of it."""

    def __init__(
        self, label: str, *, burst: int = BURST, rate: int = RATE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.failure: UpstreamError | None = None
        """What the connection broke off for, as far as its transport knows."""
        self._label = label
        self._burst, self._rate, self._clock = burst, rate, clock
        self._left, self._at = float(burst), clock()

    def take(self, count: int, messages: int = 0) -> None:
        """Count bytes that came, and messages in them. Raises UpstreamError when they are too many."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self._rate, self._burst) - count - messages * MESSAGE
        self._at = now
        if self._left < 0:
            raise self.broken("sends more than anybody could read")

    def broken(self, what: str, trouble: Trouble = "broken") -> UpstreamError:
        """An error to raise, which is kept."""
        self.failure = UpstreamError(f"the tool server {self._label} {what}", trouble=trouble)
        return self.failure
