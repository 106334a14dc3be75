"""Sample rate conversion for streams."""

from __future__ import annotations

import numpy as np
import soxr

from voxtral_service.audio import SAMPLE_RATE, Samples

MIN_SAMPLE_RATE = 1_000
MAX_SAMPLE_RATE = 384_000
"""Hz; no recorder writes rates outside these, and a header that claims one would turn a byte into seconds."""


class Resampler:
    """Blocks of one channel at `in_rate` in, the same sound at `out_rate` out; the cut into blocks changes
    nothing.

    Holds back 40 to 120 ms of sound (the filter's length) until more input or `finish` comes; memory is
    constant. In total `n * out_rate / in_rate` samples come out, rounded to nearest. Equal rates pass through
    untouched.

    Raises `ValueError` for a rate outside `MIN_SAMPLE_RATE` to `MAX_SAMPLE_RATE`.
    """

    def __init__(self, in_rate: int, out_rate: int = SAMPLE_RATE) -> None:
        for rate in (in_rate, out_rate):
            if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
                raise ValueError(f"sample rate {rate} is outside {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}")
        self.in_rate = in_rate
        self.out_rate = out_rate
        self._soxr = None if in_rate == out_rate else soxr.ResampleStream(in_rate, out_rate, 1, dtype="float32")

    def push(self, samples: Samples) -> Samples:
        """What is ready after `samples`, shape (m,), possibly none."""
        return self._process(samples, last=False)

    def finish(self) -> Samples:
        """What was held back, shape (m,). The resampler is then as new."""
        tail = self._process(np.empty(0, np.float32), last=True)
        if self._soxr is not None:
            self._soxr.clear()
        return tail

    def _process(self, samples: Samples, *, last: bool) -> Samples:
        if self._soxr is None:
            return samples
        output: Samples = self._soxr.resample_chunk(samples, last=last)
        return output
