"""The sound of one input on its way to an engine."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import AudioReader
from voxtral_service.audio.pcm import PcmFormat
from voxtral_service.audio.source import Source
from voxtral_service.cli.inputs import Input
from voxtral_service.errors import InvalidAudio

FILE_BLOCK, LIVE_BLOCK = 1.0, 0.08
"""Seconds."""
_WAKE = 0.1
"""Seconds in which a wait for standard input notices that it has been stopped."""


class Recording:
    """Blocks of an input, for one worker thread to iterate over; opened at the first one, closed after the last.

    `realtime` hands them out no faster than they would have been spoken.
    """

    def __init__(self, item: Input, *, pcm: PcmFormat | None = None, realtime: bool = False) -> None:
        self.input = item
        self.live = realtime or (item.path is None and not _seekable(sys.stdin.buffer))
        self._pcm, self._realtime = pcm, realtime
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._reader: AudioReader | None = None
        self._started = 0.0
        self._handed_out = 0.0
        self._skip = 0

    @property
    def duration(self) -> float | None:
        """Seconds, as far as the header tells; None before the first block."""
        return self._reader.duration if self._reader else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was cut short, damaged or left out so far."""
        return tuple(self._reader.warnings) if self._reader else ()

    def open(self) -> None:
        """Look at the input's header; raises InvalidAudio when it is no audio. Harmless when open."""
        if self._reader is None:
            self._reader = AudioReader(
                self._source(),
                pcm=self._pcm,
                name=self.input.name,
                block_seconds=LIVE_BLOCK if self.live else FILE_BLOCK,
            )

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Changes when the file does."""
        assert self.input.path is not None
        try:
            status = self.input.path.stat()
        except OSError as error:
            return (str(error),)
        return (str(self.input.path.absolute()), status.st_size, status.st_mtime_ns, str(self._pcm))

    def skip(self, seconds: float) -> None:
        """Leave out that much at the beginning; to be said before the first block."""
        self._skip = round(seconds * SAMPLE_RATE)

    def again(self) -> Recording:
        """The same file from its beginning."""
        return Recording(self.input, pcm=self._pcm, realtime=self._realtime)

    def stop(self) -> None:
        """End the iteration, from any thread, and close the input once no block is being decoded."""
        self._stopped.set()
        with self._lock:
            if self._reader is not None:
                self._reader.close()

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        with self._lock:
            if self._stopped.is_set():
                raise StopIteration
            self.open()
            assert self._reader is not None
            block = next(self._reader)
            while self._skip:
                skipped = min(self._skip, len(block))
                self._skip -= skipped
                block = block[skipped:] if skipped < len(block) else next(self._reader)
        if self._realtime:
            self._wait_for(len(block) / SAMPLE_RATE)
        return block

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _source(self) -> Source:
        if self.input.path is not None:
            return self.input.path
        if sys.stdin.isatty():
            raise InvalidAudio("standard input is the keyboard; pipe or redirect a recording into it")
        stream = sys.stdin.buffer
        with suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
            if not _seekable(stream) and os.name == "posix":
                return _Pipe(stream.fileno(), self._stopped)
        return stream

    def _wait_for(self, seconds: float) -> None:
        self._started = self._started or time.monotonic()
        self._handed_out += seconds
        self._stopped.wait(max(0.0, self._started + self._handed_out - time.monotonic()))


class _Pipe:
    """A pipe whose reader can be stopped while nothing comes: a plain read would outlast Ctrl-C."""

    def __init__(self, descriptor: int, stopped: threading.Event) -> None:
        self._descriptor, self._stopped = descriptor, stopped

    def read(self, size: int) -> bytes:
        while not self._stopped.is_set():
            if select.select([self._descriptor], [], [], _WAKE)[0]:
                return os.read(self._descriptor, size)
        return b""


def _seekable(stream: object) -> bool:
    return bool(stream.seekable())  # type: ignore[attr-defined]
