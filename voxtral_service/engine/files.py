"""One recording from its first sample to its last segment, whatever the engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

from voxtral_service.audio import Samples
from voxtral_service.audio.segments import Segment, segments
from voxtral_service.audio.vad import Detector
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.hearing import Hearing
from voxtral_service.engine.part import Part
from voxtral_service.events import FileEvent

AHEAD = 3
"""Segments in the works for each lane; those that are through wait, as text, for an earlier one that is not."""


async def transcribe_file(
    engine: Engine,
    blocks: Iterable[Samples],
    options: StreamOptions,
    *,
    lanes: int,
    first: int = 0,
    start: float = 0.0,
    skip_silence: bool = True,
    detector: Callable[[], Detector] | None = None,
) -> AsyncGenerator[FileEvent]:
    """What is said in a recording, segment by segment and in order; up to `lanes` streams of the engine work on it.

    `blocks` is read in a worker thread and no faster than the engine works; at most `lanes` + 1 segments of sound are
    held. They are cut as `audio.segments` says (`skip_silence`, `detector` too), each is heard as a recording of its
    own, and where two had to overlap their texts are joined. A segment's text is the sum of its deltas; one in which
    nobody speaks has none.

    To go on with a recording that was interrupted, hand in the sound behind its last finished segment, with `first`,
    the number of the next one, and `start`, the second at which it begins.

    With `options.bulk`, streams wait for a place as long as live ones take all there are. Raises like `Engine.open`,
    the streams and `blocks`; leaving the generator frees all its streams and lets go of `blocks`.
    """
    longest = engine.capabilities.longest_segment
    cuts = _Cuts(
        lambda source: segments(
            source, shortest=longest / 3, longest=longest, skip_silence=skip_silence, detector=detector
        ),
        blocks,
    )
    line = _Line(engine, cuts, options, lanes)
    before: Part | None = None
    try:
        async for segment, hearing in line:
            part = Part(first, start, segment, hearing)
            async for event in part.events(before):
                yield event
            before = part if part.is_open else None
            line.done()
            first += 1
    finally:
        await line.close()


class _Cuts:
    """Segments, each cut in a worker thread when it is asked for."""

    def __init__(self, cut: Callable[[Iterable[Samples]], Iterator[Segment]], blocks: Iterable[Samples]) -> None:
        self._stopped = threading.Event()
        self._segments = cut(self._until_stopped(blocks))
        self._cutting: asyncio.Future[Segment | None] | None = None

    async def next(self) -> Segment | None:
        """The next segment, None behind the last."""
        self._cutting = asyncio.ensure_future(asyncio.to_thread(next, self._segments, None))
        return await asyncio.shield(self._cutting)

    async def close(self) -> None:
        """Wait until no thread reads the blocks any more: one block's time."""
        self._stopped.set()
        if self._cutting is not None:
            await asyncio.gather(self._cutting, return_exceptions=True)

    def _until_stopped(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            if self._stopped.is_set():
                return
            yield block


class _Line:
    """Segments being heard side by side, given out in order."""

    def __init__(self, engine: Engine, cuts: _Cuts, options: StreamOptions, lanes: int) -> None:
        self._engine, self._cuts, self._options = engine, cuts, options
        self._lanes = asyncio.Semaphore(lanes)
        self._room = asyncio.Semaphore(AHEAD * lanes)
        self._heard: asyncio.Queue[tuple[Segment, Hearing | None] | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._feeder = asyncio.create_task(self._feed())
        self._feeder.add_done_callback(lambda _: self._heard.put_nowait(None))

    async def __aiter__(self) -> AsyncGenerator[tuple[Segment, Hearing | None]]:
        """Each segment and what is heard of it, None if there is nothing to hear; raises what the blocks do."""
        while (item := await self._heard.get()) is not None:
            yield item
        await self._feeder

    def done(self) -> None:
        """The segment given out last has been dealt with."""
        self._room.release()

    async def close(self) -> None:
        """End what is still being heard."""
        for task in (self._feeder, *self._tasks):
            task.cancel()
        await asyncio.gather(self._feeder, *self._tasks, return_exceptions=True)
        await self._cuts.close()

    async def _feed(self) -> None:
        while (segment := await self._cuts.next()) is not None:
            await self._room.acquire()
            hearing = None
            if len(segment.samples):
                await self._lanes.acquire()
                hearing = Hearing(segment.samples)
                task = asyncio.create_task(hearing.run(self._engine, self._options))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(lambda _: self._lanes.release())
            self._heard.put_nowait((segment, hearing))
