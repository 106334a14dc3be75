"""Tiny models of every shape, loaded once a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests import tiny
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.vocabulary import Boost
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.tokenizer import Tokenizer


class RecordingRunner(ModelRunner):
    """A runner that remembers which tokens each stream was given: one list a join, in order of joining."""

    def __init__(self, folder: Path, slots: int) -> None:
        model = checkpoint.load(folder, dtype=torch.float32)
        super().__init__(model, Tokenizer.from_folder(folder), slots)
        self.written: list[list[int]] = []
        self.batches: list[int] = []
        self._list_of: dict[int, list[int]] = {}

    def join(self, slot: int, delay: int) -> None:
        super().join(slot, delay)
        self._list_of[slot] = []
        self.written.append(self._list_of[slot])

    def decode(
        self,
        slots: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        pad_penalties: NDArray[np.float32] | None = None,
        boosts: Sequence[tuple[int, Boost]] = (),
    ) -> NDArray[np.int64]:
        written = super().decode(slots, audio, tokens, pad_penalties, boosts)
        self.batches.append(len(slots))
        for slot, token in zip(slots.tolist(), written.tolist(), strict=True):
            self._list_of[slot].append(token)
        return written


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model folder for each shape in `tiny.SHAPES`."""
    return {name: tiny.write_model(tmp_path_factory.mktemp(name), config) for name, config in tiny.SHAPES.items()}


@pytest.fixture
def make_engine(
    folders: dict[str, Path],
) -> Iterator[Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]]:
    """Starts engines over recording runners and closes them."""
    engines: list[VoxtralRealtimeEngine] = []

    def make(shape: str = "small", slots: int = 4, reserve: int = 0) -> tuple[VoxtralRealtimeEngine, RecordingRunner]:
        runner = RecordingRunner(folders[shape], slots)
        engines.append(VoxtralRealtimeEngine(runner, reserve=reserve))
        return engines[-1], runner

    yield make
    for engine in engines:
        engine.close()
