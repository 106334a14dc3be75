"""transformers' streaming generate as a live service: one task a stream, as kindly as that can be done.

Every stream is a thread that runs its own `generate`, fed as its sound is spoken. A process for each core shares the
streams out, so that Python's lock holds no core idle. There is no wire, no voice activity detection and no mel features
to compute (they are made beforehand): all that works in its favour. The padding is the same as that of our engine.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from clients.live_streams import Clip, Pace

SAMPLES, FRAMES = 1280, 8
"""Of one token, 80 ms: samples and mel frames."""
LEFT, EXTRA_RIGHT = 32, 10
"""Tokens of padding; behind the clip there are `delay + 1` more."""
DELAY = 6
START, PAD = 1, 32
"""Token ids of Voxtral's tokenizer."""

_model: Any = None
_features: dict[str, Tensor] = {}


class LiveTransformers:
    """Processes with the model loaded; a context manager."""

    def __init__(self, folder: Path, clips: Sequence[Clip]) -> None:
        self._clips = clips
        spawn = get_context("spawn")
        self._processes = [
            ProcessPoolExecutor(1, spawn, initializer=_load, initargs=(folder, list(clips)))
            for _ in os.sched_getaffinity(0)
        ]

    def __enter__(self) -> Self:
        for ready in [process.submit(os.getpid) for process in self._processes]:
            ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.shutdown()

    def lags(self, streams: int, pace: Pace, ramp: float) -> list[float]:
        """Seconds from the end of each clip to its last token, with so many streams side by side."""
        begin = time.monotonic() + 0.5
        starts = [begin + ramp * number / streams for number in range(streams)]
        shares = [starts[number :: len(self._processes)] for number in range(len(self._processes))]
        parts = [
            process.submit(_serve, share, list(self._clips), pace)
            for process, share in zip(self._processes, shares, strict=True)
            if share
        ]
        return [lag for part in parts for lag in part.result()]


def _load(folder: Path, clips: list[Clip]) -> None:
    """Once a process: the model and the features of all clips."""
    global _model  # noqa: PLW0603  (a process of the pool is handed nothing but tasks)
    torch.set_num_threads(1)  # measured with many streams: a second thread for each step only gets in the way
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoProcessor, VoxtralRealtimeForConditionalGeneration
        from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    _model = VoxtralRealtimeForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    extractor = AutoProcessor.from_pretrained(folder).feature_extractor
    for clip in clips:
        sound = np.frombuffer(clip.pcm, "<i2").astype(np.float32) / 2**15
        tokens = LEFT + -(-len(sound) // SAMPLES) + DELAY + 1 + EXTRA_RIGHT
        padded = np.zeros(tokens * SAMPLES, np.float32)
        padded[LEFT * SAMPLES :][: len(sound)] = sound
        _features[clip.name] = extractor(padded, sampling_rate=16_000, return_tensors="pt").input_features


def _serve(starts: list[float], clips: list[Clip], pace: Pace) -> list[float]:
    with ThreadPoolExecutor(len(starts)) as threads:
        return [lag for lags in threads.map(lambda start: _speak(start, clips, pace), starts) for lag in lags]


def _speak(start: float, clips: list[Clip], pace: Pace) -> list[float]:
    """One stream, on the clock of `clients.live_streams`: a speaker who does not wait."""
    lags: list[float] = []
    now = start
    while not lags or now - start < pace.seconds:
        clip = clips[len(lags) % len(clips)]
        _generate(_features[clip.name], now, clip.seconds)
        lags.append(time.monotonic() - (now + clip.seconds))
        now += clip.seconds + pace.pause
    return lags


def _generate(features: Tensor, start: float, seconds: float) -> None:
    def spoken() -> Iterator[Tensor]:
        # What the prompt stands for: the padding before the sound, and the sound that the delay waits for.
        first = LEFT + DELAY + 1
        for token in range(first, features.shape[-1] // FRAMES + 1):
            due = start + min((token - LEFT) * SAMPLES / 16_000, seconds)
            time.sleep(max(0.0, due - time.monotonic()))
            yield features[..., (0 if token == first else FRAMES * (token - 1)) : FRAMES * token]

    _model.generate(
        input_ids=torch.tensor([[START] + [PAD] * (LEFT + DELAY)]),
        input_features=spoken(),
        num_delay_tokens=DELAY,
        do_sample=False,
        eos_token_id=None,
        max_new_tokens=features.shape[-1] // FRAMES,  # never reached: it ends with the sound
    )
