"""The one place where results cross from an engine's thread to asyncio."""

from __future__ import annotations

import asyncio
import threading

from voxtral_service.errors import VoxtralError
from voxtral_service.events import Hypothesis


class Mailbox:
    """Hypotheses of one stream, put from the engine's thread and taken in the stream's loop.

    What has not been taken yet is merged into one hypothesis, so a slow reader holds one growing value, no queue; the
    engine looks at `unread` and pauses the stream before that value grows large.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: Hypothesis | None = None
        self._error: VoxtralError | None = None
        self._closed = False
        self._arrived = asyncio.Event()

    @property
    def unread(self) -> int:
        """Characters that have been put and not taken."""
        waiting = self._waiting
        return len(waiting.delta) if waiting else 0

    def put(self, hypothesis: Hypothesis) -> None:
        """Add a hypothesis; from any thread."""
        with self._lock:
            wake = self._waiting is None
            self._waiting = merge(self._waiting, hypothesis) if self._waiting else hypothesis
        if wake:
            self._wake()

    def fail(self, error: VoxtralError) -> None:
        """Let the reader have this error after what was put before it; from any thread."""
        with self._lock:
            self._error = self._error or error
        self._wake()

    def close(self) -> None:
        """Let the reader have nothing more; from any thread."""
        with self._lock:
            self._closed, self._waiting = True, None
        self._wake()

    async def take(self) -> Hypothesis | None:
        """The next hypothesis; None when the mailbox was closed. Raises the error it was failed with."""
        while True:
            with self._lock:
                self._arrived.clear()
                if self._closed:
                    return None
                if self._waiting is not None:
                    taken, self._waiting = self._waiting, None
                    return taken
                if self._error is not None:
                    raise self._error
            await self._arrived.wait()

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)


def merge(first: Hypothesis, second: Hypothesis) -> Hypothesis:
    """Two hypotheses said at once."""
    return Hypothesis(
        delta=first.delta + second.delta,
        words=first.words + second.words,
        tail=second.tail,
        audio_seconds=second.audio_seconds,
        final=second.final,
        tokens=first.tokens + second.tokens,
        language=second.language or first.language,
        score=second.score or first.score,
    )
