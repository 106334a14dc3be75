"""Whether somebody is speaking in a live stream, a chunk at a time."""

from __future__ import annotations

from voxtral_service.audio import Samples
from voxtral_service.audio.vad import SileroModel


class VoiceActivity:
    """The network's state for one stream."""

    def __init__(self, model: SileroModel) -> None:
        self._detector = model.detector()

    def probability(self, chunk: Samples) -> float:
        """How likely the next 512 samples are speech, from 0 to 1."""
        return float(self._detector.probabilities(chunk)[0])
