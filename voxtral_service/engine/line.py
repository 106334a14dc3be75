"""Segments of one recording, heard side by side and given out in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.segments import Segment
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.hearing import Hearing
from voxtral_service.engine.lanes import Lanes

AHEAD = 3
"""Segments in the works for each lane; those that are through wait, as text, for an earlier one that is not."""


class Cuts:
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


class Line:
    """Segments being heard side by side, given out in order."""

    def __init__(
        self,
        engine: Engine,
        cuts: Cuts,
        options: StreamOptions,
        lanes: int | Lanes,
        *,
        handed_on: Callable[[], None] = lambda: None,
        heard: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`lanes` of its own, or some that it shares; `handed_on` is called when the engine has the last segment,
        `heard` with every further stretch that has been heard, in seconds.
        """
        self._engine, self._cuts, self._options, self._progress = engine, cuts, options, heard
        self._lanes = lanes if isinstance(lanes, Lanes) else Lanes(lanes)
        self._room = asyncio.Semaphore(AHEAD * self._lanes.count)
        self._heard: asyncio.Queue[tuple[Segment, Hearing | None] | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._feeder = asyncio.create_task(self._feed())
        self._feeder.add_done_callback(lambda _: self._heard.put_nowait(None))
        self._feeder.add_done_callback(lambda _: handed_on())

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
                hearing = Hearing(segment.samples, self._progress)
                task = asyncio.create_task(hearing.run(self._engine, self._options))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(lambda _: self._lanes.release())
            else:
                self._progress((segment.end - segment.start) / SAMPLE_RATE)
            self._heard.put_nowait((segment, hearing))
