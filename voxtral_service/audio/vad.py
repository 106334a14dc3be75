"""Where somebody speaks, 32 ms at a time: the Silero network that faster-whisper ships."""

from __future__ import annotations

import importlib.resources
from functools import cache
from typing import TYPE_CHECKING, Protocol

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
    """The network itself, without state: one serves every stream and file of a process, from any thread."""

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        file = importlib.resources.files("faster_whisper") / "assets" / "silero_vad_v6.onnx"
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, chunks: Samples, h: Samples, c: Samples) -> tuple[Samples, Samples, Samples]:
        """Speech probabilities (n,) of n chunks that follow each other (n, 576), and the state [1, 1, 128] after them.

        The network's recurrence runs over its first axis, so n chunks at once give what n calls give.
        """
        output, h, c = self._session.run(None, {"input": chunks, "h": h, "c": c})
        return output.ravel(), h, c

    def detector(self) -> SileroDetector:
        """A stream's own state."""
        return SileroDetector(self)


class Detector(Protocol):
    """Tells speech from everything else in one stream."""

    def probabilities(self, samples: Samples) -> Samples:
        """How likely each of the next whole chunks is speech, 0 to 1; `samples` are a multiple of `CHUNK` long."""
        ...


class SileroDetector:
    """The network's state for one stream."""

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._h = np.zeros((1, 1, STATE), np.float32)
        self._c = np.zeros((1, 1, STATE), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def probabilities(self, samples: Samples) -> Samples:
        """See `Detector`."""
        chunks = samples.reshape(-1, CHUNK)
        if not len(chunks):
            return np.zeros(0, np.float32)
        before = np.concatenate((self._context[None], chunks[:-1, -CONTEXT:]))
        probabilities, self._h, self._c = self._model.run(np.concatenate((before, chunks), 1), self._h, self._c)
        self._context = chunks[-1, -CONTEXT:].copy()
        return probabilities


@cache
def silero() -> SileroModel:
    """The network of this process, read at the first call."""
    return SileroModel()
