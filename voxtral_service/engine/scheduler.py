"""Which streams have a place, and which of them take part in the next step."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from voxtral_service.engine.stream import RealtimeStream

CHUNK_FRAMES = 32
"""Most frames encoded in one pass (2.56 s); bounds how long a live stream waits behind a file."""
BACKLOG_FRAMES = 4
"""From this many waiting frames on, a stream is encoded in a pass of its own instead of a frame at a time,"""
CROWD = 12
"""unless it is one of so many live streams: there is a step nearly all the time then, in which a late frame costs less
than in a pass of its own (0.3 ms against 0.45 to 1.3), and the frames of a flush are heard as fast as they are decoded,
one a turn. Only `CHUNK_FRAMES` and more still make a pass."""


@dataclass(slots=True)
class Work:
    """What one turn of the engine does, in this order."""

    joins: list[RealtimeStream] = field(default_factory=list)
    steps: list[RealtimeStream] = field(default_factory=list)
    """Streams of which one frame is encoded, all together."""
    chunks: list[tuple[RealtimeStream, int]] = field(default_factory=list)
    """Streams of which several frames are encoded, each alone."""
    decodes: list[RealtimeStream] = field(default_factory=list)
    """Streams of which one position is decoded, all together; includes those just encoded."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.decodes)


class Scheduler:
    """Places and turns. Not thread-safe: the engine holds its lock around every call."""

    def __init__(self, slots: int) -> None:
        self._free = list(range(slots))
        self._streams: dict[int, RealtimeStream] = {}

    @property
    def streams(self) -> list[RealtimeStream]:
        """The streams that have a place."""
        return list(self._streams.values())

    @property
    def free(self) -> int:
        """Slots that are not taken."""
        return len(self._free)

    def take_slot(self) -> int | None:
        """The lowest free slot, or None when all are taken."""
        return heapq.heappop(self._free) if self._free else None

    def youngest_bulk(self) -> RealtimeStream | None:
        """The file's stream that came last, which has the least to lose; None when all streams are live."""
        return next((stream for stream in reversed(self._streams.values()) if stream.bulk), None)

    def add(self, stream: RealtimeStream) -> None:
        """Let a stream take part from its slot."""
        self._streams[stream.slot] = stream

    def remove(self, stream: RealtimeStream) -> None:
        """Free a stream's slot; the next stream in it starts with a join, which leaves nothing of this one."""
        if self._streams.get(stream.slot) is stream:  # it may have ended before, and its slot be another's by now
            del self._streams[stream.slot]
            heapq.heappush(self._free, stream.slot)

    def next_work(self, *, files: bool = True) -> Work:
        """What can be done now: every stream with a frame or an encoded vector advances by one position.

        One backlog is worked on a turn. Files come after live streams: their audio is encoded only in turns in which no
        live stream has any to encode, and nothing is done for them where `files` says no.
        """
        work = Work()
        backlogs: list[RealtimeStream] = []
        crowded = sum(not stream.bulk for stream in self._streams.values()) >= CROWD
        late = CHUNK_FRAMES if crowded else BACKLOG_FRAMES
        for stream in self._streams.values():
            if stream.bulk and not files:
                continue
            if stream.has_vectors:
                work.decodes.append(stream)
            elif (frames := stream.frames) and (stream.bulk or frames >= late):
                backlogs.append(stream)
            elif frames:
                work.steps.append(stream)
        live = [stream for stream in backlogs if not stream.bulk]
        if live or not work.steps:
            work.chunks = [(stream, min(stream.frames, CHUNK_FRAMES)) for stream in (live or backlogs)[:1]]
        encoded = work.steps + [stream for stream, _ in work.chunks]
        work.joins = [stream for stream in encoded if not stream.joined]
        work.decodes += encoded
        return work
