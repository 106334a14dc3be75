"""How many live sessions there may be, in all and for each key, and how much audio a key may send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from voxtral_service import metrics
from voxtral_service.errors import Overloaded
from voxtral_service.server.keys import ApiKey

RETRY_AFTER = 5.0
"""Seconds; turns are short and sessions many, so places come free soon."""


class Seats:
    """Admission: refuses at once rather than serve everyone late."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.draining = False
        self._taken: Counter[str] = Counter()
        metrics.PLACES.set(places)

    @property
    def taken(self) -> int:
        """Sessions that are open."""
        return self._taken.total()

    @contextmanager
    def seat(self, key: ApiKey) -> Iterator[None]:
        """A place for one session. Raises Overloaded when there is none, or none for this key."""
        if self.draining:
            raise self._refused("draining", "the server is shutting down; connect to another or come back later")
        if self.taken >= self.places:
            raise self._refused("full", f"all {self.places} places are taken; try again in {RETRY_AFTER:g} seconds")
        if key.max_sessions is not None and self._taken[key.name] >= key.max_sessions:
            limit = f"the key {key.name!r} may have {key.max_sessions} sessions at once, and has them"
            raise self._refused("key", f"{limit}; close one first")
        self._taken[key.name] += 1
        try:
            yield
        finally:
            self._taken[key.name] -= 1

    def _refused(self, reason: str, message: str) -> Overloaded:
        metrics.REFUSED.labels(reason).inc()
        return Overloaded(message, retry_after=RETRY_AFTER)


class AudioAllowance:
    """A key's seconds of audio a minute, as a bucket that refills steadily and holds one minute's worth."""

    def __init__(self, seconds_per_minute: float | None, *, now: float) -> None:
        self._limit = seconds_per_minute
        self._left = seconds_per_minute or 0.0
        self._since = now

    def delay(self, seconds: float, *, now: float) -> float:
        """Take so many seconds of audio; how long the caller must be kept waiting for them."""
        if self._limit is None:
            return 0.0
        self._left = min(self._limit, self._left + (now - self._since) * self._limit / 60) - seconds
        self._since = now
        return max(0.0, -self._left * 60 / self._limit)
