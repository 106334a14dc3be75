"""One recording from its first sample to its last segment, whatever the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.segments import Segment, segments
from voxtral_service.engine.base import Engine, Stream, StreamOptions
from voxtral_service.events import FileEvent, SegmentDelta, Token, TranscriptSegment, Word


async def transcribe_file(
    engine: Engine, blocks: Iterable[Samples], options: StreamOptions, *, lanes: int, first: int = 0, start: float = 0.0
) -> AsyncGenerator[FileEvent]:
    """What is said in a recording, segment by segment and in order; up to `lanes` streams of the engine work on it.

    `blocks` is read in a worker thread and no faster than the engine works. Each segment is heard as a recording of its
    own. To go on with a recording that was interrupted, hand in the blocks behind its last finished segment, with
    `first`, the number of the next segment, and `start`, the second at which it begins. Raises like `Engine.open` and
    the streams; leaving the generator frees all its streams.
    """
    opened: asyncio.Queue[tuple[Segment, Stream] | None] = asyncio.Queue()
    free = asyncio.Semaphore(lanes)
    streams: set[Stream] = set()
    longest = engine.capabilities.longest_segment
    cuts = segments(blocks, shortest=longest / 3, longest=longest)
    feeder = asyncio.create_task(_open_all(engine, cuts, options, free, opened, streams))
    feeder.add_done_callback(lambda _: opened.put_nowait(None))
    try:
        while (item := await opened.get()) is not None:
            segment, stream = item
            at = start + segment.start / SAMPLE_RATE
            async for event in _hear(stream, first, at, at + len(segment.samples) / SAMPLE_RATE):
                yield event
            first += 1
            streams.discard(stream)
            free.release()
        await feeder
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


async def _hear(stream: Stream, number: int, start: float, end: float) -> AsyncGenerator[FileEvent]:
    """One segment's deltas, then the segment itself."""
    text: list[str] = []
    words: list[Word] = []
    tokens: list[Token] = []
    async for hypothesis in stream:
        if hypothesis.delta:
            text.append(hypothesis.delta)
            yield SegmentDelta(number, hypothesis.delta)
        words += (Word(w.text, round(w.start + start, 3), round(w.end + start, 3)) for w in hypothesis.words)
        tokens += hypothesis.tokens
        language, score = hypothesis.language, hypothesis.score
    whole = "".join(text).strip()
    yield TranscriptSegment(number, round(start, 3), round(end, 3), whole, tuple(words), tuple(tokens), language, score)
