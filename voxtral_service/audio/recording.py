"""A recording on its way to an engine: blocks that one thread reads and another may end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Self

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import AudioReader
from voxtral_service.audio.pcm import PcmFormat
from voxtral_service.audio.source import Source
from voxtral_service.errors import InvalidAudio


class Recording:
    """Blocks of mono 16 kHz samples, for one worker thread at a time; `close` may come from any other.

    `source`, `pcm`, `name` and `block_seconds` as of `AudioReader`. The first `skip` seconds are decoded and thrown
    away. `duration` is the whole recording's length in seconds, once it is open and if its header tells, and only as
    true as that; `warnings` tell what was damaged or left out so far. Raises InvalidAudio like AudioReader, and for
    sound beyond `max_seconds`: a small file may hold days of silence. Its errors name `field`.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        pcm: PcmFormat | None = None,
        block_seconds: float = 1.0,
        skip: float = 0.0,
        max_seconds: float = float("inf"),
        field: str | None = None,
    ) -> None:
        self.name = name
        self.duration: float | None = None
        self.warnings: list[str] = []
        self._from, self._pcm, self._block_seconds = source, pcm, block_seconds
        self._max_seconds, self._field = max_seconds, field
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._reader: AudioReader | None = None
        self._first: Samples | None = None
        self._decoded = self._handed_out = 0
        self.skip(skip)

    @property
    def seconds(self) -> float:
        """How much has been handed out."""
        return round(self._handed_out / SAMPLE_RATE, 3)

    def skip(self, seconds: float) -> None:
        """Leave out that much at the beginning; to be said before the first block."""
        self._skip = round(seconds * SAMPLE_RATE)

    def open(self) -> None:
        """Look at the header; harmless when open, or closed."""
        with self._lock:
            self._open()

    def look(self) -> None:
        """Decode the first block, so that what is no sound is known before any work begins."""
        with self._lock:
            if not self._closed.is_set():
                self._first = self._decode()

    def close(self) -> None:
        """End the blocks, and close what was opened here once no block is being decoded."""
        self._closed.set()
        with self._lock:
            if self._reader is not None:
                self._reader.close()

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        with self._lock:
            while not self._closed.is_set():
                block, self._first = self._first, None
                if block is None:
                    block = self._decode()
                skipped = min(self._skip, len(block))
                self._skip -= skipped
                if skipped < len(block):
                    self._handed_out += len(block) - skipped
                    return block[skipped:]
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _source(self) -> Source:
        return self._from

    def _open(self) -> None:
        """Call with the lock held, as `_decode`."""
        if self._reader is not None or self._closed.is_set():
            return
        try:
            self._reader = AudioReader(self._source(), pcm=self._pcm, name=self.name, block_seconds=self._block_seconds)
        except InvalidAudio as error:
            raise InvalidAudio(str(error), field=self._field) from error
        self.duration, self.warnings = self._reader.duration, self._reader.warnings

    def _decode(self) -> Samples:
        self._open()
        assert self._reader is not None
        try:
            block = next(self._reader)
        except InvalidAudio as error:
            raise InvalidAudio(str(error), field=self._field) from error
        self._decoded += len(block)
        if self._decoded > self._max_seconds * SAMPLE_RATE:
            raise InvalidAudio(
                f"{self.name}: it is longer than {self._max_seconds / 3600:g} hours, the most that is taken at once; "
                "cut it into parts",
                field=self._field,
            )
        return block
