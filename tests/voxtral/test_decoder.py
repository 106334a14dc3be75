from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

from tests import tiny
from tests.voxtral.growing import Growing
from voxtral_service.voxtral.config import MAX_DELAY_TOKENS
from voxtral_service.voxtral.decoder import delay_embedding
from voxtral_service.voxtral.layers import CausalWindow, rotary, rotary_tables
from voxtral_service.voxtral.model import VoxtralRealtime

DELAYS = torch.arange(MAX_DELAY_TOKENS + 1)


@pytest.mark.parametrize("size", [24, 3072])
def test_delay_embedding(size: int) -> None:
    half = size // 2
    angles = np.outer(np.arange(31.0), 10_000.0 ** (-np.arange(half) / half))
    expected = np.hstack((np.cos(angles), np.sin(angles)))
    embedding = delay_embedding(DELAYS, size)
    assert embedding.dtype == torch.float32
    np.testing.assert_allclose(embedding.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_delay_scales_equal_those_of_transformers(
    reference: ModuleType, models: dict[str, VoxtralRealtime], theirs: dict[str, object], shape: str
) -> None:
    table = models[shape].decoder.delay_scales(DELAYS)
    config = models[shape].config.decoder
    assert table.shape == (31, config.num_layers, config.hidden_size)
    assert (table[1] - table[30]).abs().max() > 0.1
    with torch.no_grad():
        expected = torch.stack([reference.delay_scales(theirs[shape], int(delay)) for delay in DELAYS])
    torch.testing.assert_close(table, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_steps_equal_the_full_pass(models: dict[str, VoxtralRealtime], shape: str) -> None:
    decoder = models[shape].decoder
    delays = torch.tensor([1, 30])
    x = torch.randn(2, 70, decoder.config.hidden_size)
    scales = decoder.delay_scales(DELAYS)[delays]
    kv = Growing(decoder.config.sliding_window)
    angles = [decoder.angles(torch.tensor([[p]]), x.dtype) for p in range(x.shape[1])]
    steps = [decoder.transform(x[:, p, None], scales, angles[p], kv) for p in range(x.shape[1])]
    torch.testing.assert_close(torch.cat(steps, 1), decoder(x, delays), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_positions_far_out_change_nothing(models: dict[str, VoxtralRealtime], shape: str) -> None:
    decoder = models[shape].decoder
    x = torch.randn(2, 60, decoder.config.hidden_size)
    scales = decoder.delay_scales(torch.tensor([6]))
    window = decoder.config.sliding_window
    starts = torch.tensor([[1_080_000], [10_000_000]])
    far = decoder.transform(x, scales, decoder.angles(starts + torch.arange(60), x.dtype), CausalWindow(window))
    here = decoder.transform(x, scales, decoder.angles(torch.arange(60)[None], x.dtype), CausalWindow(window))
    torch.testing.assert_close(far, here, atol=2e-5, rtol=1e-5)


def test_the_head_is_the_embedding(models: dict[str, VoxtralRealtime]) -> None:
    decoder = models["small"].decoder
    hidden = torch.randn(3, 5, decoder.config.hidden_size)
    logits = decoder.logits(hidden)
    assert logits.shape == (3, 5, decoder.config.vocab_size)
    torch.testing.assert_close(logits, hidden @ decoder.embedding.weight.T)


def test_tables_are_the_angles() -> None:
    positions = torch.tensor([[0, 1, 2, 3], [4_320_000, 4_320_001, 4_320_002, 4_320_003]])
    cos, sin = rotary_tables(positions.numpy(), 64, 1e6)
    expected = rotary(positions, 64, 1e6, torch.float32)
    torch.testing.assert_close(torch.from_numpy(cos), expected.cos, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.from_numpy(sin), expected.sin, atol=1e-6, rtol=0)
