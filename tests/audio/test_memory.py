"""Hours of sound, made as they are read, in a few megabytes."""

from __future__ import annotations

import resource
import tracemalloc

import pytest

from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.decode import AudioReader
from voxtral_service.audio.pcm import PcmEncoding, PcmFormat


class Endless:
    """A pipe of `length` bytes: a head, then one block over and over."""

    def __init__(self, head: bytes, length: int) -> None:
        self._head = head
        self._block = bytes(range(256)) * 256
        self._left = length

    def read(self, size: int) -> bytes:
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
        else:
            data = self._block[: min(size, self._left)]
        self._left -= len(data)
        return data


def wav_head(rate: int) -> bytes:
    """8-bit mono of unknown length."""
    fmt = (16).to_bytes(4, "little") + b"\1\0\1\0" + rate.to_bytes(4, "little") * 2 + b"\1\0\x08\0"
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + fmt + b"data\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("head", "pcm", "hours"),
    [
        (b"", PcmFormat(PcmEncoding.MULAW, 16_000), 3.0),
        (wav_head(16_000), None, 0.25),
    ],
    ids=["pcm", "wav"],
)
def test_memory_is_constant(head: bytes, pcm: PcmFormat | None, hours: float) -> None:
    length = round(hours * 3600 * SAMPLE_RATE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = 0
    tracemalloc.start()
    try:
        with AudioReader(Endless(head, length), pcm=pcm) as reader:
            for block in reader:
                total += len(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == length - len(head)
    assert reader.warnings == []
    assert peak < 8_000_000
    # tracemalloc does not see what FFmpeg holds.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000
