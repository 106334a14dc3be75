"""One turn on its way through the engine: its audio in, its text out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.base import Engine, Stream, StreamOptions
from voxtral_service.errors import VoxtralError
from voxtral_service.events import SessionEvent, TranscriptDelta, TranscriptFailed, TranscriptFinal, Word

MAX_EARLY_SECONDS = 30.0
"""Audio a turn holds while the one before it still has the engine's attention."""


class TurnTranscript:
    """A turn has an engine stream of its own: its last words come at once when it ends, and silence costs nothing.

    Its stream is opened when the turn before has said all it had to: a session never takes more than one place in the
    engine, and its transcripts come in the order of their turns.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        options: StreamOptions,
        turn: int,
        start: float,
        emit: Callable[[SessionEvent], Awaitable[None]],
        before: asyncio.Event | None,
    ) -> None:
        """`before` is the `done` of the turn before; `emit` takes the turn's events."""
        self.turn, self.start = turn, start
        self.text = ""
        self.done = asyncio.Event()
        self._options = options
        self._emit = emit
        self._early: list[Samples] = []
        self._caught_up = asyncio.Event()
        self._stream: Stream | None = None
        self._samples = 0
        self._ended = False
        self._task = asyncio.create_task(self._run(engine, before))
        # Not at the end of the task itself: one that is cancelled before its first step never gets there.
        self._task.add_done_callback(self._finish)

    @property
    def end_time(self) -> float:
        """Where the turn's audio ends so far, in seconds on the session's clock."""
        return self.start + self._samples / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        """More of the turn's audio; waits while the engine is far behind."""
        self._samples += len(samples)
        if not self._caught_up.is_set() and sum(map(len, self._early)) > MAX_EARLY_SECONDS * SAMPLE_RATE:
            await self._caught_up.wait()
        if not self._caught_up.is_set():
            self._early.append(samples)
        elif self._stream is not None and not self.done.is_set():
            try:
                await self._stream.push(samples)
            except VoxtralError:
                # The stream's reader gets the same error and tells the caller; the session goes on without this turn.
                self._stream.cancel()

    def end(self) -> None:
        """The turn's audio is complete; its final transcript follows."""
        self._ended = True
        if self._caught_up.is_set() and self._stream is not None:
            self._stream.finish()

    def cancel(self) -> None:
        """Forget the turn; nothing more is emitted."""
        self._task.cancel()

    async def _run(self, engine: Engine, before: asyncio.Event | None) -> None:
        try:
            if before is not None:
                await before.wait()
            await self._transcribe(engine.open(self._options))
        except VoxtralError as error:
            await self._emit(TranscriptFailed(self.turn, error.code, str(error)))

    def _finish(self, _: asyncio.Task[None]) -> None:
        if self._stream is not None:
            self._stream.cancel()
        self._caught_up.set()
        self.done.set()

    async def _transcribe(self, stream: Stream) -> None:
        self._stream = stream
        while self._early:
            await stream.push(self._early.pop(0))
        self._caught_up.set()
        if self._ended:
            stream.finish()
        words: list[Word] = []
        async for hypothesis in stream:
            words += (
                Word(w.text, round(self.start + w.start, 3), round(self.start + w.end, 3)) for w in hypothesis.words
            )
            if hypothesis.delta:
                self.text += hypothesis.delta
                await self._emit(TranscriptDelta(self.turn, hypothesis.delta))
        await self._emit(
            TranscriptFinal(self.turn, self.text, tuple(words), self.start, self.end_time, self._options.language)
        )
