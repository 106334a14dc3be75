"""One long recording as several streams at once: its segments side by side, its text in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import replace

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.segments import Segment, segments
from voxtral_service.engine.base import Engine, Stream, StreamOptions
from voxtral_service.events import Hypothesis, Word


async def hypotheses_side_by_side(
    engine: Engine, blocks: Iterable[Samples], options: StreamOptions, *, lanes: int
) -> AsyncGenerator[Hypothesis]:
    """The hypotheses of one recording as they come, the last one final; up to `lanes` streams of the engine work on it.

    Segments are cut in pauses and each is heard as a recording of its own, so across a cut the model has no memory.
    Text is given in order: what later segments have said waits in their streams. Raises like `Engine.open`.
    """
    opened: asyncio.Queue[tuple[Segment, Stream] | None] = asyncio.Queue()
    free = asyncio.Semaphore(lanes)
    streams: set[Stream] = set()
    feeder = asyncio.create_task(_open_all(engine, segments(blocks), options, free, opened, streams))
    feeder.add_done_callback(lambda _: opened.put_nowait(None))
    said, end = False, 0.0
    try:
        while (item := await opened.get()) is not None:
            segment, stream = item
            gap = " " if said else ""
            async for hypothesis in stream:
                shifted = _shifted(hypothesis, segment.start / SAMPLE_RATE, gap)
                if shifted.delta:
                    said, gap = True, ""
                end = shifted.audio_seconds
                yield shifted
            streams.discard(stream)
            free.release()
        await feeder
        yield Hypothesis("", audio_seconds=end, final=True)
    finally:
        feeder.cancel()
        for stream in streams:
            stream.cancel()


async def _open_all(
    engine: Engine,
    cuts: Iterator[Segment],
    options: StreamOptions,
    free: asyncio.Semaphore,
    opened: asyncio.Queue[tuple[Segment, Stream] | None],
    streams: set[Stream],
) -> None:
    while (segment := await asyncio.to_thread(next, cuts, None)) is not None:
        await free.acquire()
        stream = engine.open(options)
        streams.add(stream)
        opened.put_nowait((segment, stream))
        await stream.push(segment.samples)
        stream.finish()


def _shifted(hypothesis: Hypothesis, by: float, gap: str) -> Hypothesis:
    """A segment's hypothesis on the recording's clock; `gap` parts its first words from what was said before."""
    words = tuple(Word(w.text, round(w.start + by, 3), round(w.end + by, 3)) for w in hypothesis.words)
    delta = gap + hypothesis.delta if hypothesis.delta else ""
    return replace(hypothesis, delta=delta, words=words, audio_seconds=hypothesis.audio_seconds + by, final=False)
