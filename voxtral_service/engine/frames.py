"""Samples of one stream on their way to the encoder."""

from __future__ import annotations

import numpy as np

from voxtral_service.audio import Samples
from voxtral_service.voxtral.config import LOOK_AHEAD, LOOK_BACK, SAMPLES_PER_TOKEN

MARGIN = LOOK_BACK + LOOK_AHEAD
"""Samples that neighbouring frames share."""


class FrameBuffer:
    """Holds samples that wait to be encoded; hands them out in whole 80 ms frames with their margins.

    Starts with the one frame of silence that precedes a stream's audio in the model's prompt and already looks ahead
    into it.
    """

    def __init__(self) -> None:
        self._samples: Samples = np.zeros(LOOK_BACK + SAMPLES_PER_TOKEN, np.float32)

    @property
    def frames(self) -> int:
        """How many whole frames can be taken."""
        return max(0, len(self._samples) - MARGIN) // SAMPLES_PER_TOKEN

    def push(self, samples: Samples) -> None:
        """Add samples behind those that wait."""
        self._samples = np.concatenate((self._samples, samples))

    def take(self, frames: int) -> Samples:
        """The oldest frames as one run of 1280 frames + 240 samples: 200 before and 40 after their own."""
        taken = self._samples[: frames * SAMPLES_PER_TOKEN + MARGIN]
        self._samples = self._samples[frames * SAMPLES_PER_TOKEN :]
        return taken
