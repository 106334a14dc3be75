"""A session's audio bytes become 16 kHz samples, whatever they come in."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

import numpy as np

from voxtral_service.audio import Samples
from voxtral_service.audio.decode import AudioReader
from voxtral_service.audio.pcm import PcmDecoder, PcmFormat
from voxtral_service.audio.resample import Resampler
from voxtral_service.errors import InvalidAudio
from voxtral_service.events import AudioFormat

CONTAINER = "container"
MAX_UNREAD_BYTES = 8 * 2**20
"""Bytes of a container that may wait for its decoder; minutes of any compressed format."""


class Intake(Protocol):
    """Bytes in, samples out."""

    def push(self, data: bytes) -> Samples:
        """The samples that are ready; raises InvalidAudio when the bytes are not what they were said to be."""
        ...

    def flush(self) -> Samples:
        """What can be given now of what was held back, because a turn ends here; audio may go on behind it."""
        ...

    def finish(self) -> Samples:
        """What was held back; may take as long as decoding it does. Raises like `push`."""
        ...

    def close(self) -> None:
        """Give up what is held back, at once. Harmless after `finish`."""
        ...


def intake(audio_format: AudioFormat) -> Intake:
    """The intake for a format; raises InvalidOption when there is no such format."""
    return ContainerIntake() if audio_format.encoding == CONTAINER else PcmIntake(audio_format)


class PcmIntake:
    """Headerless samples of any rate."""

    def __init__(self, audio_format: AudioFormat) -> None:
        """Raises InvalidOption for a format that does not exist."""
        pcm = PcmFormat.parse(f"{audio_format.encoding}:{audio_format.sample_rate}:{audio_format.channels}")
        self._decoder = PcmDecoder(pcm)
        self._resampler = Resampler(pcm.sample_rate)

    def push(self, data: bytes) -> Samples:
        """See `Intake`."""
        return self._resampler.push(self._decoder.push(data))

    def flush(self) -> Samples:
        """See `Intake`; the resampler's filter starts afresh."""
        return self._resampler.finish()

    def finish(self) -> Samples:
        """See `Intake`; a sample cut in half at the end is dropped."""
        self._decoder.finish()
        return self._resampler.finish()

    def close(self) -> None:
        """See `Intake`; there is nothing to give up."""


class ContainerIntake:
    """A self-describing stream such as a browser's MediaRecorder makes.

    FFmpeg's demuxers pull their bytes and cannot be asked to come back later, so each of these has a thread of its own;
    it sleeps while there is nothing to decode.
    """

    def __init__(self) -> None:
        self._pipe = _Pipe()
        self._ready: deque[Samples] = deque()
        self._error: InvalidAudio | None = None
        self._thread = threading.Thread(target=self._decode, name="container-intake", daemon=True)
        self._thread.start()

    def push(self, data: bytes) -> Samples:
        """See `Intake`."""
        self._pipe.write(data)
        return self._drain()

    def flush(self) -> Samples:
        """See `Intake`."""
        return self._drain()

    def finish(self) -> Samples:
        """See `Intake`."""
        self.close()
        self._thread.join()
        return self._drain()

    def close(self) -> None:
        """See `Intake`; the thread ends by itself."""
        self._pipe.close()

    def _decode(self) -> None:
        try:
            with AudioReader(self._pipe, name="the audio sent", block_seconds=0.1) as reader:
                self._ready.extend(reader)
        except InvalidAudio as error:
            self._error = error

    def _drain(self) -> Samples:
        if self._error and not self._ready:
            raise self._error
        blocks = [self._ready.popleft() for _ in range(len(self._ready))]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


class _Pipe:
    """What one thread writes another reads; a reader waits for bytes, a writer never."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bytes = bytearray()
        self._closed = False

    def write(self, data: bytes) -> None:
        """Raises InvalidAudio when the reader is hopelessly behind."""
        with self._changed:
            if len(self._bytes) + len(data) > MAX_UNREAD_BYTES:
                raise InvalidAudio("the audio comes faster than it can be decoded; send it no faster than it plays")
            self._bytes += data
            self._changed.notify()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, at least one unless the stream has ended."""
        with self._changed:
            while not self._bytes and not self._closed:
                self._changed.wait()
            taken = bytes(self._bytes[:size])
            del self._bytes[:size]
            return taken

    def close(self) -> None:
        """No more will be written."""
        with self._changed:
            self._closed = True
            self._changed.notify()
