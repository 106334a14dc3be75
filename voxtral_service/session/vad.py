"""Whether somebody is speaking, 32 ms at a time: the Silero network that faster-whisper ships, run as a stream."""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    import onnxruntime

CHUNK = 512
"""Samples the network hears at once, with 64 more before them."""
CHUNK_SECONDS = CHUNK / SAMPLE_RATE
CONTEXT = 64
STATE = 128


class SileroModel:
    """The network itself, without state: one serves every stream of a process."""

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        file = importlib.resources.files("faster_whisper") / "assets" / "silero_vad_v6.onnx"
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, chunk: Samples, h: Samples, c: Samples) -> tuple[float, Samples, Samples]:
        """Speech probability of a chunk [576] and the recurrent state [1, 1, 128] after it."""
        output, h, c = self._session.run(None, {"input": chunk[None], "h": h, "c": c})
        return float(output.ravel()[0]), h, c


class VoiceActivity:
    """The network's state for one stream."""

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._h = np.zeros((1, 1, STATE), np.float32)
        self._c = np.zeros((1, 1, STATE), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def probability(self, chunk: Samples) -> float:
        """How likely the next 512 samples are speech, from 0 to 1."""
        probability, self._h, self._c = self._model.run(np.concatenate((self._context, chunk)), self._h, self._c)
        self._context = chunk[-CONTEXT:]
        return probability
