"""Cutting a stream of samples into frames of one size."""

from __future__ import annotations

import numpy as np

from voxtral_service.audio import Samples


class Framer:
    """Blocks of any length in, frames of exactly `size` samples out; keeps less than one frame."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a frame of {size} samples; it needs at least 1")
        self._frame = np.empty(size, np.float32)
        self._filled = 0

    def push(self, samples: Samples) -> list[Samples]:
        """The frames that `samples` complete, each shape (size,) and its own memory."""
        frames = []
        while len(samples):
            taken = samples[: len(self._frame) - self._filled]
            self._frame[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            samples = samples[len(taken) :]
            if self._filled == len(self._frame):
                frames.append(self._frame)
                self._frame = np.empty_like(self._frame)
                self._filled = 0
        return frames

    def finish(self) -> Samples:
        """The incomplete last frame, shape (0 to size - 1,). The framer is then empty."""
        rest = self._frame[: self._filled].copy()
        self._filled = 0
        return rest
