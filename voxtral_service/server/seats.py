"""How many live sessions and recordings there may be, in all and for each key, and how much audio a key may send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from voxtral_service import metrics
from voxtral_service.errors import LimitReached, Overloaded
from voxtral_service.server.keys import ApiKey

RETRY_AFTER = 5.0
"""Seconds; turns are short and sessions many, so places come free soon."""


class Seats:
    """Admission: refuses at once rather than serve everyone late.

    `places` are for live sessions, `files` for recordings; a key's limit is for both together. `speech` are for texts
    that are spoken, which no key's limit counts: they go with sessions.
    """

    def __init__(
        self, places: int, files: int = 8, speech: int = 64, *, late: Callable[[], bool] = lambda: False
    ) -> None:
        """`late` tells that no more live sessions can be served in time, whatever places there are."""
        self.places = places
        self.files = files
        self.speech = speech
        self.draining = False
        self._late = late
        self._spoken: Counter[str] = Counter()
        self._live: Counter[str] = Counter()
        self._recordings: Counter[str] = Counter()
        metrics.PLACES.set(places)

    @property
    def taken(self) -> int:
        """Live sessions that are open."""
        return self._live.total()

    @property
    def busy(self) -> int:
        """Live sessions that are open, recordings that are worked on, texts that are spoken."""
        return self._live.total() + self._recordings.total() + self._spoken.total()

    @contextmanager
    def seat(self, key: ApiKey) -> Iterator[None]:
        """A place for one session.

        Raises Overloaded when there is none or the sessions that are open hardly get their texts in time, LimitReached
        when the key may have no more.
        """
        if self._late() and self.taken:
            told = f"the {self.taken} sessions there are need all of this server; try again in {RETRY_AFTER:g} seconds"
            raise _refused(Overloaded, "late", told)
        with self._place(key, self._live, self.places, "places"):
            yield

    @contextmanager
    def file(self, key: ApiKey) -> Iterator[None]:
        """A place for one recording. Raises like `seat`."""
        with self._place(key, self._recordings, self.files, "places for recordings"):
            yield

    @contextmanager
    def speaking(self, key: ApiKey) -> Iterator[None]:
        """A place for one text that is spoken. Raises Overloaded when there is none."""
        with self._place(key, self._spoken, self.speech, "places for speech"):
            yield

    @contextmanager
    def _place(self, key: ApiKey, kind: Counter[str], most: int, noun: str) -> Iterator[None]:
        if self.draining:
            raise _refused(Overloaded, "draining", "the server is shutting down; connect to another or come back later")
        if kind.total() >= most:
            raise _refused(Overloaded, "full", f"all {most} {noun} are taken; try again in {RETRY_AFTER:g} seconds")
        most_of_key = None if kind is self._spoken else key.max_sessions
        if most_of_key is not None and self._live[key.name] + self._recordings[key.name] >= most_of_key:
            limit = f"the key {key.name!r} may have {most_of_key} sessions at once, and has them"
            raise _refused(LimitReached, "key", f"{limit}; close one first")
        kind[key.name] += 1
        try:
            yield
        finally:
            kind[key.name] -= 1


def _refused(kind: type[Overloaded], reason: str, message: str) -> Overloaded:
    metrics.REFUSED.labels(reason).inc()
    return kind(message, retry_after=RETRY_AFTER)


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
