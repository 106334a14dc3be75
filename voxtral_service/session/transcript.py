"""One turn on its way through the engine: its audio in, its text out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.base import Engine, Stream, StreamOptions
from voxtral_service.errors import VoxtralError
from voxtral_service.events import SessionEvent, TranscriptDelta, TranscriptFailed, TranscriptFinal, Word

MAX_EARLY_SECONDS = 30.0
"""Audio a turn holds while the one before it still has the engine's attention."""
MAX_KEPT_SECONDS = 600.0
"""Audio of a turn that is kept for whoever wants to hear it; of a longer turn the end is missing."""


@dataclass(slots=True, eq=False)
class _Part:
    """A stretch of a turn that has an engine stream of its own; `start` in seconds on the session's clock."""

    options: StreamOptions
    start: float
    early: list[Samples] = field(default_factory=list)
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    stream: Stream | None = None
    ended: bool = False

    def end(self) -> None:
        """Its audio is complete."""
        self.ended = True
        if self.caught_up.is_set() and self.stream is not None:
            self.stream.finish()


class TurnTranscript:
    """A turn has an engine stream of its own: its last words come at once when it ends, and silence costs nothing.

    Its stream is opened when the turn before has said all it had to: a session never takes more than one place in the
    engine, and its transcripts come in the order of their turns. When the options change within a turn, another stream
    follows the first in the same way.
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
        keeps: bool = False,
    ) -> None:
        """`before` is the `done` of the turn before; `emit` takes the turn's events; `keeps` its audio for `sound`."""
        self.turn, self.start = turn, start
        self.text = ""
        self.done = asyncio.Event()
        self._emit = emit
        self._language: str | None = None
        self._parts = deque([_Part(options, start)])
        self._samples = 0
        self._kept: list[Samples] | None = [] if keeps else None
        self._task = asyncio.create_task(self._run(engine, before))
        # Not at the end of the task itself: one that is cancelled before its first step never gets there.
        self._task.add_done_callback(self._finish)

    @property
    def end_time(self) -> float:
        """Where the turn's audio ends so far, in seconds on the session's clock."""
        return self.start + self._samples / SAMPLE_RATE

    @property
    def options(self) -> StreamOptions:
        """What counts for the audio that comes next."""
        return self._parts[-1].options

    async def push(self, samples: Samples) -> None:
        """More of the turn's audio; waits while the engine is far behind."""
        if self._kept is not None and self._samples < MAX_KEPT_SECONDS * SAMPLE_RATE:
            self._kept.append(samples)
        self._samples += len(samples)
        part = self._parts[-1]
        if not part.caught_up.is_set() and sum(map(len, part.early)) > MAX_EARLY_SECONDS * SAMPLE_RATE:
            await part.caught_up.wait()
        if not part.caught_up.is_set():
            part.early.append(samples)
        elif part.stream is not None and not self.done.is_set():
            try:
                await part.stream.push(samples)
            except VoxtralError:
                # The stream's reader gets the same error and tells the caller; the session goes on without this turn.
                part.stream.cancel()

    def change(self, options: StreamOptions) -> bool:
        """Use other options from here on; call it in a pause, since a word across this point would be lost.

        False where the change before this one is still on its way, and then nothing is changed.
        """
        if len(self._parts) > 1 or self.done.is_set():
            return False
        self._parts.append(_Part(options, self.end_time))
        self._parts[0].end()
        return True

    def sound(self) -> bytes:
        """The turn's audio, as TurnAudio has it; nothing unless it was kept."""
        return b"".join(samples.astype("<f4").tobytes() for samples in self._kept or ())

    def end(self) -> None:
        """The turn's audio is complete; its final transcript follows."""
        self._parts[-1].end()

    def cancel(self) -> None:
        """Forget the turn; nothing more is emitted."""
        self._task.cancel()

    async def _run(self, engine: Engine, before: asyncio.Event | None) -> None:
        try:
            if before is not None:
                await before.wait()
            await self._transcribe(engine)
        except VoxtralError as error:
            await self._emit(TranscriptFailed(self.turn, error.code, str(error)))

    def _finish(self, _: asyncio.Task[None]) -> None:
        self.done.set()
        for part in self._parts:
            if part.stream is not None:
                part.stream.cancel()
            part.caught_up.set()

    async def _transcribe(self, engine: Engine) -> None:
        words = await self._transcribe_part(self._parts[0], engine)
        while len(self._parts) > 1:
            self._parts.popleft()
            words += await self._transcribe_part(self._parts[0], engine)
        language = self.options.language or self._language
        await self._emit(TranscriptFinal(self.turn, self.text, tuple(words), self.start, self.end_time, language))

    async def _transcribe_part(self, part: _Part, engine: Engine) -> list[Word]:
        part.stream = stream = engine.open(part.options)
        while part.early:
            await stream.push(part.early.pop(0))
        part.caught_up.set()
        if part.ended:
            stream.finish()
        words: list[Word] = []
        between = " " if self.text else ""
        async for hypothesis in stream:
            words += (
                Word(w.text, round(part.start + w.start, 3), round(part.start + w.end, 3)) for w in hypothesis.words
            )
            self._language = hypothesis.language or self._language
            if hypothesis.delta:
                delta, between = between + hypothesis.delta, ""
                self.text += delta
                await self._emit(TranscriptDelta(self.turn, delta, part.start + hypothesis.audio_seconds))
        stream.cancel()  # it has ended; its place is free for the part behind it
        return words
