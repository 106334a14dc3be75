from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests import tiny
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.layers import Attention, CausalWindow, attention, rotary, rotate, window_mask
from voxtral_service.voxtral.model import VoxtralRealtime

FAR = 10_000_000
"""Encoder frames: 55 hours."""


def slow_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """The definition, one query at a time, on [batch, time, heads, head_dim]."""
    out = torch.empty_like(q)
    group = q.shape[2] // k.shape[2]
    for b, t, h in np.ndindex(*q.shape[:3]):
        seen = slice(max(0, t - window + 1), t + 1)
        scores = k[b, seen, h // group] @ q[b, t, h] / q.shape[-1] ** 0.5
        out[b, t, h] = scores.softmax(0) @ v[b, seen, h // group]
    return out


@pytest.mark.parametrize("theta", [1e4, 1e6])
@pytest.mark.parametrize("head_dim", [8, 64])
def test_rotary_far_out_equals_float64(theta: float, head_dim: int) -> None:
    positions = [0, 1, 749, 131_072, FAR, FAR + 1]
    angles = rotary(torch.tensor([positions]), head_dim, theta, torch.float32)
    assert angles.cos.shape == angles.sin.shape == (1, len(positions), 1, head_dim)
    frequencies = [theta ** (-2 * i / head_dim) for i in range(head_dim // 2)]
    expected = np.outer(np.array(positions, np.float64), frequencies)
    cos, sin = angles.cos[0, :, 0].double().numpy(), angles.sin[0, :, 0].double().numpy()
    np.testing.assert_allclose(cos, np.tile(np.cos(expected), 2), atol=1e-7)
    np.testing.assert_allclose(sin, np.hstack((-np.sin(expected), np.sin(expected))), atol=1e-7)


def test_rotate_turns_pairs_of_halves() -> None:
    x = torch.randn(1, 5, 2, 8, dtype=torch.float64)
    positions = torch.tensor([[0, 3, 8, 100, FAR]])
    turned = rotate(x, rotary(positions, 8, 1e4, torch.float64))
    turns = torch.polar(
        torch.ones(5, 4, dtype=torch.float64),
        positions[0, :, None] * 1e4 ** (-torch.arange(4, dtype=torch.float64) / 4),
    )
    expected = torch.complex(x[..., :4], x[..., 4:]) * turns[None, :, None]
    torch.testing.assert_close(turned, torch.cat((expected.real, expected.imag), -1), atol=1e-8, rtol=0)


@given(offset=st.integers(0, 750), start=st.integers(0, FAR))
def test_scores_depend_on_the_distance_only(offset: int, start: int) -> None:
    q, k = torch.randn(2, 1, 1, 1, 64, generator=torch.Generator().manual_seed(offset))

    def score(position: int) -> Tensor:
        angles = rotary(torch.tensor([[position, position + offset]]), 64, 1e6, torch.float32)
        turned = rotate(torch.cat((k, q), 1), angles)
        return turned[0, 0, 0] @ turned[0, 1, 0]

    torch.testing.assert_close(score(start), score(0), atol=2e-5, rtol=0)


@given(
    queries=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    keys=st.lists(st.integers(0, 30), min_size=1, max_size=8),
    window=st.integers(1, 12),
)
def test_window_mask(queries: list[int], keys: list[int], window: int) -> None:
    mask = window_mask(torch.tensor(queries), torch.tensor(keys), window)
    assert mask.tolist() == [[q - window < k <= q for k in keys] for q in queries]


@pytest.mark.parametrize("time", [1, 7, 8, 21])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_a_full_pass_attends_by_definition(time: int, kv_heads: int) -> None:
    torch.manual_seed(time)
    q = torch.randn(2, time, 4, 8)
    k, v = torch.randn(2, 2, time, kv_heads, 8)
    window = CausalWindow(7)
    for layer in range(2):
        attended = window.attend(layer, q, k, v)
        torch.testing.assert_close(attended, slow_attention(q, k, v, 7), atol=1e-5, rtol=0)


def test_attention_takes_a_mask_for_each_row() -> None:
    q, k, v = torch.randn(3, 2, 2, 5, 8)
    seen = torch.zeros(2, 1, 5, 5, dtype=torch.bool)
    seen[0, :, :, :2] = seen[1, :, :, 3] = True
    out = attention(q, k, v, seen)
    torch.testing.assert_close(out[1], v[1, :, 3:4].expand(-1, 5, -1))
    torch.testing.assert_close(out[:1], attention(q[:1], k[:1, :, :2], v[:1, :, :2]))


def fresh(folder: Path) -> VoxtralRealtime:
    return VoxtralRealtime(tiny.SHAPES["small"])


def loaded(folder: Path) -> VoxtralRealtime:
    return checkpoint.load(folder, dtype=torch.float32).requires_grad_(True).train()


def copied(folder: Path) -> VoxtralRealtime:
    return copy.deepcopy(loaded(folder))


@pytest.mark.parametrize("make", [fresh, loaded, copied])
def test_training_gives_keys_no_bias(folders: dict[str, Path], make: Callable[[Path], VoxtralRealtime]) -> None:
    model = make(folders["small"])
    attentions = [module for module in model.modules() if isinstance(module, Attention)]
    encoder = attentions[: len(model.encoder.layers)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model.encode(torch.randn(2, 16, 128)).square().mean().backward()  # type: ignore[no-untyped-call]
        for one in encoder:
            gradient = one.qkv.bias.grad
            assert gradient is not None
            keys = torch.zeros(len(gradient), dtype=torch.bool)
            keys[one.qkv.key_rows] = True
            assert (gradient[keys] == 0).all()
            assert (gradient[~keys] != 0).any()
        optimizer.step()
    assert all((one.qkv.bias[one.qkv.key_rows] == 0).all() for one in encoder)
    assert all(one.qkv.bias is None for one in attentions[len(encoder) :])
