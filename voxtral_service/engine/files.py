"""One recording from its first sample to its last segment, whatever the engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial

from voxtral_service.audio import Samples
from voxtral_service.audio.segments import Pauses, segments
from voxtral_service.audio.vad import Detector
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.lanes import Lanes
from voxtral_service.engine.line import Cuts, Line
from voxtral_service.engine.part import Part
from voxtral_service.events import FileEvent

EARLY, FULL = 1 / 3, 0.85
"""How much of its longest a segment has at least: little where that keeps more lanes busy, or else nearly all."""


async def transcribe_file(
    engine: Engine,
    blocks: Iterable[Samples],
    options: StreamOptions,
    *,
    lanes: int | Lanes,
    handed_on: Callable[[], None] = lambda: None,
    heard: Callable[[float], None] = lambda _: None,
    first: int = 0,
    start: float = 0.0,
    longest: float | None = None,
    skip_silence: bool = True,
    pauses: Pauses | None = None,
    detector: Callable[[], Detector] | None = None,
) -> AsyncGenerator[FileEvent]:
    """What is said in a recording, segment by segment and in order; up to `lanes` streams of the engine work on it.

    Recordings that are heard at the same time may share `Lanes`. `handed_on` is called once all of this one has been
    read and is with the engine (or work on it has ended): the time to begin with another. `heard`
    is called with every further stretch in seconds, whichever segment it is of, for what shows how far the work is.

    `blocks` is read in a worker thread and no faster than the engine works; at most `lanes` + 1 segments of sound are
    held. They are cut as `audio.segments` says (`skip_silence`, `pauses`, `detector` too), each is heard as a recording
    of its own, and where two had to overlap their texts are joined. A segment's text is the sum of its deltas; one in
    which nobody speaks has none. `longest` is their greatest length in seconds, by default as long as the engine takes.

    To go on with a recording that was interrupted, hand in the sound behind its last finished segment, with `first`,
    the number of the next one, and `start`, the second at which it begins.

    With `options.bulk`, streams wait for a place as long as live ones take all there are. Raises like `Engine.open`,
    the streams and `blocks`; leaving the generator frees all its streams and lets go of `blocks`.
    """
    longest = longest or engine.capabilities.longest_segment
    shortest = longest * (FULL if engine.capabilities.whole_windows else EARLY)
    cut = partial(
        segments, shortest=shortest, longest=longest, skip_silence=skip_silence, pauses=pauses, detector=detector
    )
    line = Line(engine, Cuts(cut, blocks), options, lanes, handed_on=handed_on, heard=heard)
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
