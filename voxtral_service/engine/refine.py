"""Two passes: every segment at once from a fast model, and once more, better, from a slower one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from functools import partial

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.segments import Segment
from voxtral_service.audio.vad import Detector
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.lanes import Lanes
from voxtral_service.engine.line import Cuts, Line
from voxtral_service.engine.part import Part
from voxtral_service.events import FileEvent, TranscriptSegment


async def transcribe_twice(
    fast: Engine,
    better: Engine,
    open_blocks: Callable[[], Iterable[Samples]],
    options: StreamOptions,
    *,
    lanes: int,
    detector: Callable[[], Detector] | None = None,
) -> AsyncGenerator[FileEvent]:
    """All that `transcribe_file` gives with the fast engine; then each segment again, with the better one's text.

    A segment of the second pass has the id and the times of the one that it replaces; deltas come in the first pass
    only. `open_blocks` is called for each pass. Segments are as long as both engines take.
    """
    first: list[TranscriptSegment] = []
    longest = min(fast.capabilities.longest_segment, better.capabilities.longest_segment)
    passed = transcribe_file(fast, open_blocks(), options, lanes=lanes, longest=longest, detector=detector)
    async with aclosing(passed):
        async for event in passed:
            if isinstance(event, TranscriptSegment):
                first.append(event)
            yield event
    async with aclosing(refine(better, open_blocks(), first, options, lanes=lanes)) as refined:
        async for segment in refined:
            yield segment


async def refine(
    engine: Engine,
    blocks: Iterable[Samples],
    segments: Sequence[TranscriptSegment],
    options: StreamOptions,
    *,
    lanes: int | Lanes,
) -> AsyncGenerator[TranscriptSegment]:
    """Segments of a recording heard anew, with the same ids and times, in order; those without text are left alone.

    `blocks` begin where the first of the segments does. Raises like `transcribe_file`.
    """
    spoken = [segment for segment in segments if segment.text]
    line = Line(engine, Cuts(partial(_stretches, segments=spoken, origin=_start(segments)), blocks), options, lanes)
    numbers = iter(spoken)
    try:
        async for stretch, hearing in line:
            old = next(numbers)
            part = Part(old.id, old.start - stretch.start / SAMPLE_RATE, stretch, hearing)
            async for event in part.events(None):
                if isinstance(event, TranscriptSegment):
                    yield event
            line.done()
    finally:
        await line.close()


def _start(segments: Sequence[TranscriptSegment]) -> float:
    return segments[0].start if segments else 0.0


def _stretches(blocks: Iterable[Samples], *, segments: Sequence[TranscriptSegment], origin: float) -> Iterator[Segment]:
    """The sound of each segment; holds one of them."""
    held, at = np.zeros(0, np.float32), 0
    source = iter(blocks)
    for segment in segments:
        begin, end = (round((seconds - origin) * SAMPLE_RATE) for seconds in (segment.start, segment.end))
        while at + len(held) < end and (block := next(source, None)) is not None:
            drop = min(len(held), max(0, begin - at))
            held, at = np.concatenate((held[drop:], block)), at + drop
        samples = held[begin - at : end - at]
        yield Segment(begin, end, samples.copy())
