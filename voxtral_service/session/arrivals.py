"""When which part of a session's audio came."""

from __future__ import annotations

from collections import deque

RESOLUTION = 0.04
"""Seconds of audio that share a time of arrival at least."""
MOST = 1024
"""Times that are remembered: 41 s of audio and more, longer than any backlog."""


class Arrivals:
    """Remembers for a while when audio came, so that what is said about it can be held against that."""

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=MOST)

    def note(self, position: float, now: float) -> None:
        """The audio up to this position, in seconds of the session, has come by `now`."""
        if not self._times or position - self._times[-1][0] >= RESOLUTION:
            self._times.append((position, now))

    def of(self, position: float) -> float | None:
        """When the audio up to this position had come, None where that is not known; what lies before is forgotten."""
        while self._times and self._times[0][0] < position - RESOLUTION:
            self._times.popleft()
        return self._times[0][1] if self._times else None
