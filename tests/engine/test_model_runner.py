"""The runner's ways of computing a step agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.packed import PackedLinear, pack_linears, packing_pays
from voxtral_service.engine.step import SAMPLES_PER_STEP
from voxtral_service.engine.vocabulary import Boost
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.tokenizer import Tokenizer

MakeRunner = Callable[..., ModelRunner]


@pytest.fixture
def make_runner(folders: dict[str, Path]) -> MakeRunner:
    def make(shape: str, dtype: torch.dtype = torch.float32, device: str = "cpu") -> ModelRunner:
        model = checkpoint.load(folders[shape], dtype=dtype, device=device)
        return ModelRunner(model, Tokenizer.from_folder(folders[shape]), slots=5)

    return make


BOOSTS = [
    (0, Boost(np.array([40, 300]), np.array([9.0, 3.0], np.float32))),
    (1, Boost(np.array([41, 40]), np.array([9.0, 1.0], np.float32))),
]
"""So large that 40 and 41 come first, and more seldom than every step."""


def run(runner: ModelRunner, steps: int = 30) -> list[list[int]]:
    """Tokens of two streams with different delays, one starting later.

    The padding is penalised in some steps, other tokens are made likelier in some.
    """
    sounds = [np.pad(tiny.sound(steps * 0.08 + 1, seed), (200, 0)) for seed in (1, 2)]
    runner.join(3, 2)
    tokens = {3: 32, 1: 32}
    written: list[list[int]] = []
    for step in range(steps):
        if step == 4:
            runner.join(1, 9)
        slots = np.array([3] if step < 4 else [3, 1])
        at = step * 1280
        samples = np.stack([s[at : at + SAMPLES_PER_STEP] for s in sounds[: len(slots)]])
        audio = runner.encode(slots, samples)
        given = np.array([tokens[int(slot)] for slot in slots])
        penalties = np.full(len(slots), 2.0, np.float32) if step % 3 else None
        new = runner.decode(slots, audio, given, penalties, BOOSTS[: len(slots)] if step % 4 == 1 else ())
        tokens.update(zip(slots.tolist(), new.tolist(), strict=True))
        written.append(new.tolist())
    return written


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_steps_of_fixed_shape_equal_row_by_row_steps(
    make_runner: MakeRunner, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a CUDA graph captures, computed here without one."""
    expected = run(make_runner(shape))
    runner = make_runner(shape)
    monkeypatch.setattr(runner, "_encode_graphs", lambda *rows: (runner._encode_rows(*rows),))
    monkeypatch.setattr(runner, "_decode_graphs", runner._decode_rows)
    assert run(runner) == expected
    assert len({token for row in expected for token in row}) > 5


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_captured_graphs_equal_the_cpu(make_runner: MakeRunner, shape: str) -> None:
    assert run(make_runner(shape, device="cuda")) == run(make_runner(shape))


@pytest.mark.skipif(
    not packing_pays(torch.bfloat16, torch.device("cpu")), reason="needs a CPU with bfloat16 instructions"
)
def test_packed_layers_equal_plain_ones(folders: dict[str, Path]) -> None:
    plain, packed = (checkpoint.load(folders["wide"], dtype=torch.bfloat16) for _ in range(2))
    pack_linears(packed)
    assert isinstance(packed.decoder.layers[0].ffn.down, PackedLinear)  # type: ignore[union-attr]
    mel = plain.log_mel.whole(torch.from_numpy(tiny.sound(2))).bfloat16()[None, : 8 * 25]
    got, expected = packed.encode(mel).float(), plain.encode(mel).float()
    assert (got - expected).norm() < 0.02 * expected.norm()
