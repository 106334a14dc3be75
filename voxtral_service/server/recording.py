"""The sound of one upload on its way to an engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import AudioReader
from voxtral_service.errors import InvalidAudio


class Recording:
    """Blocks of an uploaded recording, for one worker thread at a time; `close` may come from another.

    Opening decodes the first block, so that what is no sound is known before work begins. Raises InvalidAudio, also
    for sound beyond `max_seconds`: a small file may hold days of silence.
    """

    def __init__(self, stream: BinaryIO, *, name: str, max_seconds: float) -> None:
        self._max = int(max_seconds * SAMPLE_RATE)
        self._max_seconds = max_seconds
        self._name = name
        self._taken = 0
        self._lock = threading.Lock()
        self._closed = False
        with _blamed_on_the_file():
            self._reader = AudioReader(stream, name=name)
        try:
            self._first: Samples | None = self._decoded()
        except BaseException:
            self._reader.close()
            raise

    @property
    def seconds(self) -> float:
        """How much sound has been handed out."""
        return round(self._taken / SAMPLE_RATE, 3)

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        with self._lock:
            if self._closed:
                raise StopIteration
            block, self._first = self._first, None
            if block is None:
                block = self._decoded()
            self._taken += len(block)
            if self._taken > self._max:
                raise InvalidAudio(
                    f"{self._name}: it is longer than {self._max_seconds / 3600:g} hours, the most that is taken at "
                    "once; cut it into parts",
                    field="file",
                )
            return block

    def _decoded(self) -> Samples:
        with _blamed_on_the_file():
            return next(self._reader)

    def close(self) -> None:
        """There are no more blocks; waits for the one that is being decoded."""
        with self._lock:
            self._closed = True
            self._reader.close()


@contextmanager
def _blamed_on_the_file() -> Iterator[None]:
    """Errors about the sound name the field that it came in."""
    try:
        yield
    except InvalidAudio as error:
        raise InvalidAudio(str(error), field="file") from error
