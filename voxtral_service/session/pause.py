"""Where a turn can be cut without cutting a word."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from voxtral_service.audio import Samples
from voxtral_service.audio.vad import CHUNK, CHUNK_SECONDS

PAUSE_SECONDS = 0.16
"""Longer than the closure of any consonant; phrases are set apart by more."""
WARM_UP_SECONDS = 0.2
"""What a fresh voice activity detector may take to notice that somebody is speaking."""
QUIET = 0.35
"""A speech probability below which nobody speaks: the usual threshold less the hysteresis of turns."""


class PauseFinder:
    """Listens along until the speaker pauses. Has a detector of its own, since not every turn is found by one."""

    def __init__(self, probability: Callable[[Samples], float]) -> None:
        """`probability` tells how likely the next 512 samples are speech; it must be fresh."""
        self._probability = probability
        self._chunk = np.zeros(0, np.float32)
        self._heard = 0.0
        self._quiet = 0.0

    def find(self, samples: Samples) -> int | None:
        """How many of these samples, which follow those before, come before the end of a pause; None without one."""
        before, taken = len(self._chunk), 0
        waiting = np.concatenate((self._chunk, samples))
        while len(waiting) - taken >= CHUNK:
            quiet = self._probability(waiting[taken : taken + CHUNK]) < QUIET
            taken += CHUNK
            self._heard += CHUNK_SECONDS
            self._quiet = self._quiet + CHUNK_SECONDS if quiet else 0.0
            if self._heard > WARM_UP_SECONDS and self._quiet >= PAUSE_SECONDS - 1e-6:
                return taken - before
        self._chunk = waiting[taken:]
        return None
