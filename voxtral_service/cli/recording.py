"""The sound of one input of the command line."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from contextlib import suppress

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio import recording as audio
from voxtral_service.audio.pcm import PcmFormat
from voxtral_service.audio.source import Source
from voxtral_service.cli.inputs import Input
from voxtral_service.errors import InvalidAudio

FILE_BLOCK, LIVE_BLOCK = 1.0, 0.08
"""Seconds."""
_WAKE = 0.1
"""Seconds in which a wait for standard input notices that it has been closed."""


class Recording(audio.Recording):
    """An input as a recording; `realtime` hands its blocks out no faster than they would have been spoken."""

    def __init__(self, item: Input, *, pcm: PcmFormat | None = None, realtime: bool = False) -> None:
        self.input = item
        self.live = realtime or (item.path is None and not _seekable(sys.stdin.buffer))
        super().__init__(
            item.path or "-", name=item.name, pcm=pcm, block_seconds=LIVE_BLOCK if self.live else FILE_BLOCK
        )
        self._realtime = realtime
        self._started = 0.0

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Changes when the file does."""
        assert self.input.path is not None
        try:
            status = self.input.path.stat()
        except OSError as error:
            return (str(error),)
        return (str(self.input.path.absolute()), status.st_size, status.st_mtime_ns, str(self._pcm))

    @property
    def size(self) -> int:
        """In bytes; 1 if it cannot be told."""
        try:
            return max(1, self.input.path.stat().st_size) if self.input.path else 1
        except OSError:
            return 1

    def again(self) -> Recording:
        """The same file from its beginning."""
        return Recording(self.input, pcm=self._pcm, realtime=self._realtime)

    def stop(self) -> None:
        """See `hearing.Sound`."""
        self.close()

    def __next__(self) -> Samples:
        block = super().__next__()
        if self._realtime:
            self._started = self._started or time.monotonic()
            self._closed.wait(max(0.0, self._started + self._handed_out / SAMPLE_RATE - time.monotonic()))
        return block

    def _source(self) -> Source:
        if self.input.path is not None:
            return self.input.path
        if sys.stdin.isatty():
            raise InvalidAudio("standard input is the keyboard; pipe or redirect a recording into it")
        stream = sys.stdin.buffer
        with suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
            if not _seekable(stream) and os.name == "posix":
                return _Pipe(stream.fileno(), self._closed)
        return stream


class _Pipe:
    """A pipe whose reader can be stopped while nothing comes: a plain read would outlast Ctrl-C."""

    def __init__(self, descriptor: int, closed: threading.Event) -> None:
        self._descriptor, self._closed = descriptor, closed

    def read(self, size: int) -> bytes:
        while not self._closed.is_set():
            if select.select([self._descriptor], [], [], _WAKE)[0]:
                return os.read(self._descriptor, size)
        return b""


def _seekable(stream: object) -> bool:
    return bool(stream.seekable())  # type: ignore[attr-defined]
