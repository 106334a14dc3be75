"""A recording from some sample on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import AudioReader
from voxtral_service.errors import InvalidAudio


class Recording:
    """The blocks of a recording behind its first `skip` seconds; they are decoded and thrown away.

    It must be opened first, and may be closed by another thread than the one that opens or reads it. `duration` is the
    whole recording's length in seconds, if its header tells, and only as true as that; `warnings` tell what was damaged
    or left out, so far. Raises InvalidAudio for sound beyond `max_seconds`: a small file may hold days of silence.
    """

    def __init__(self, path: Path, *, name: str, skip: float = 0.0, max_seconds: float = 12 * 3600.0) -> None:
        self.duration: float | None = None
        self.warnings: list[str] = []
        self._path = path
        self._name = name
        self._max_seconds = max_seconds
        self._left = round(max_seconds * SAMPLE_RATE)
        self._skip = round(skip * SAMPLE_RATE)
        self._lock = threading.Lock()
        self._reader: AudioReader | None = None
        self._closed = False

    def open(self) -> None:
        """Look at the header. Raises InvalidAudio like AudioReader."""
        with self._lock:
            if not self._closed:
                self._reader = AudioReader(self._path, name=self._name)
                self.duration, self.warnings = self._reader.duration, self._reader.warnings

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        with self._lock:
            while self._reader is not None and not self._closed:
                block = next(self._reader)
                self._left -= len(block)
                if self._left < 0:
                    raise InvalidAudio(
                        f"{self._name}: it is longer than {self._max_seconds / 3600:g} hours, the most that a job may "
                        "have; cut it into parts"
                    )
                if self._skip < len(block):
                    behind, self._skip = block[self._skip :], 0
                    return behind
                self._skip -= len(block)
        raise StopIteration

    def close(self) -> None:
        """There are no more blocks; waits for what another thread is at."""
        with self._lock:
            self._closed = True
            if self._reader is not None:
                self._reader.close()
