from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests import tiny
from tests.voxtral.test_encoder import mel_of
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.layouts import hugging_face_layout
from voxtral_service.voxtral.model import VoxtralRealtime


def inputs_of(model: VoxtralRealtime, seconds: float, rows: int) -> tuple[Tensor, Tensor]:
    """Mel frames and as many random tokens as they last."""
    mel = mel_of(model, seconds, rows)
    tokens = torch.randint(0, model.config.decoder.vocab_size, (rows, mel.shape[1] // 8))
    return mel, tokens


@pytest.mark.parametrize("delay", [1, 6, 30])
@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_logits_equal_those_of_transformers(
    reference: ModuleType,
    models: dict[str, VoxtralRealtime],
    theirs: dict[str, object],
    shape: str,
    delay: int,
) -> None:
    model = models[shape]
    mel, tokens = inputs_of(model, 5.6, 2)
    logits = model(mel, tokens, torch.tensor([delay, delay]))
    with torch.no_grad():
        expected = reference.logits(theirs[shape], mel, tokens, delay)
    assert logits.shape == (2, 70, model.config.decoder.vocab_size)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(logits.argmax(-1), expected.argmax(-1))
    assert len(logits.argmax(-1).unique()) > 20


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_rows_with_different_delays_equal_each_alone(models: dict[str, VoxtralRealtime], shape: str) -> None:
    model = models[shape]
    mel, tokens = inputs_of(model, 5.6, 4)
    delays = torch.tensor([1, 6, 30, 6])
    together = model(mel, tokens, delays)
    for i in range(4):
        alone = model(mel[i : i + 1], tokens[i : i + 1], delays[i : i + 1])[0]
        torch.testing.assert_close(together[i], alone, atol=1e-4, rtol=1e-4)
    assert (together - model(mel, tokens, delays.flip(0))).abs().max() > 0.1


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_loss_and_gradients_equal_those_of_transformers(
    reference: ModuleType, folders: dict[str, Path], shape: str
) -> None:
    model = checkpoint.load(folders[shape], dtype=torch.float32).requires_grad_(True).train()
    mel, tokens = inputs_of(model, 4, 2)
    logits = model(mel, tokens, torch.tensor([6, 6]))
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    other = reference.load(folders[shape]).train()
    expected = reference.loss(other, mel, tokens, 6)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    parameters, gradients = dict(model.named_parameters()), reference.stored_gradients(other)
    for stored in hugging_face_layout(model.config):
        gradient = parameters[stored.parameter].grad
        assert gradient is not None, stored.parameter
        ours, scale = stored.from_parameter(gradient), gradients[stored.name].abs().max()
        assert scale > 0
        torch.testing.assert_close(ours, gradients[stored.name], atol=float(scale) * 1e-3, rtol=1e-3)


def test_bfloat16_follows_float32(folders: dict[str, Path], models: dict[str, VoxtralRealtime]) -> None:
    model = checkpoint.load(folders["small"], dtype=torch.bfloat16)
    assert model.log_mel.window.dtype == model.log_mel.filters.dtype == torch.float32
    mel, tokens = inputs_of(model, 4, 2)
    logits = model(mel.bfloat16(), tokens, torch.tensor([1, 30]))
    assert logits.dtype == torch.bfloat16
    expected = models["small"](mel, tokens, torch.tensor([1, 30]))
    error = (logits.float() - expected).norm() / expected.norm()
    assert error < 0.1
