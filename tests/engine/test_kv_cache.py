"""All ways of attending over rings agree with attention over everything, windowed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from voxtral_service.engine.kv_cache import GatheredSteps, RingCache, RowChunk, RowSteps, ShortSteps, ring_mask, steps
from voxtral_service.voxtral.layers import CausalWindow, KeyValues

HEADS, HEAD_DIM = 4, 8


def make_cache(window: int, step: int, kv_heads: int) -> RingCache:
    return RingCache(
        slots=3,
        layers=1,
        kv_heads=kv_heads,
        head_dim=HEAD_DIM,
        window=window,
        step=step,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize(("window", "step", "kv_heads"), [(10, 4, 4), (12, 1, 2), (7, 4, 2), (16, 1, 4)])
@pytest.mark.parametrize("way", ["rows", "short", "gathered", "biased", "chunks", "mixed"])
def test_rings_equal_the_sliding_window(window: int, step: int, kv_heads: int, way: str) -> None:
    torch.manual_seed(0)
    time = 60
    q = torch.randn(2, time, HEADS, HEAD_DIM)
    k, v = torch.randn(2, 2, time, kv_heads, HEAD_DIM)
    expected = CausalWindow(window).attend(0, q, k, v)
    cache = make_cache(window, step, kv_heads)
    slots = np.array([2, 0])
    got = torch.zeros_like(q)
    at = 0
    while at < time:
        if way == "chunks" or (way == "mixed" and at % 3 == 0):
            n = min(time - at, step * (at % 5 + 3))
            for row, slot in enumerate(slots.tolist()):
                part = slice(at, at + n)
                chunk = RowChunk(cache, slot, at, n)
                got[row, part] = chunk.attend(0, q[row, None, part], k[row, None, part], v[row, None, part])[0]
        else:
            n = step
            part = slice(at, at + n)
            starts = np.array([at, at])
            if way in ("gathered", "biased"):
                bias = cache.bias(starts) if way == "biased" else None
                kv: KeyValues = GatheredSteps(cache, torch.from_numpy(slots), torch.from_numpy(starts), bias)
            else:
                kv = (ShortSteps if way == "short" else RowSteps)(cache, slots, starts)
            got[:, part] = kv.attend(0, q[:, part], k[:, part], v[:, part])
        at += n
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_biases_are_those_of_every_position() -> None:
    cache = make_cache(10, 4, 2)
    starts = np.arange(0, 7 * cache.capacity, 4)
    new = torch.from_numpy(starts)[:, None] + torch.arange(4)
    torch.testing.assert_close(cache.bias(starts)[:, 0] == 0, ring_mask(new, cache, cache.capacity))


def test_only_short_rings_are_copied_side_by_side() -> None:
    slots, starts = np.array([0]), np.array([0])
    assert isinstance(steps(make_cache(128, 4, 2), slots, starts), ShortSteps)
    assert isinstance(steps(make_cache(750, 4, 2), slots, starts), RowSteps)


def test_a_ring_holds_the_window_and_one_step_and_never_wraps_within_a_step() -> None:
    cache = make_cache(750, 4, 2)
    assert cache.capacity == 756
    assert make_cache(8192, 1, 2).capacity == 8192


def test_a_restored_slot_sees_nothing_of_its_past() -> None:
    torch.manual_seed(0)
    cache = make_cache(8, 1, 2)

    def row(heads: int) -> torch.Tensor:
        return torch.randn(1, 1, heads, HEAD_DIM)

    for at in range(3):
        RowSteps(cache, np.array([0]), np.array([at])).attend(0, row(HEADS), row(2), row(2))
    snapshot = cache.snapshot(0, 3)
    for at in range(3, 30):
        RowSteps(cache, np.array([0]), np.array([at])).attend(0, row(HEADS), row(2), row(2))
    q, k, v = row(HEADS), row(2), row(2)
    for slot in (0, 1):
        cache.restore(slot, snapshot)
    both = [RowSteps(cache, np.array([slot]), np.array([3])).attend(0, q, k, v) for slot in (0, 1)]
    assert torch.equal(*both)
