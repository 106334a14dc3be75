"""Building blocks that encoder and decoder share.

The same modules serve a full pass (training, files) and an 80 ms step (streams). What differs is where a
layer's keys and values live, and that is behind one small protocol, `KeyValues`.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F


class Rotary(NamedTuple):
    """Cosine and signed sine of rotary angles for rotated halves, [batch or 1, time, 1, head_dim]."""

    cos: Tensor
    sin: Tensor


def rotary(positions: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> Rotary:
    """Angles for int64 positions [batch or 1, time].

    Computed in float64, whatever the model's type: float32 holds a position of a day-long stream (4.3 million
    encoder frames) to the unit, but not its product with a frequency to a fraction of a turn.
    """
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float64, device=positions.device) / head_dim
    angles = positions[..., None].double() * theta**-exponents
    cos, sin = angles.cos(), angles.sin()
    return Rotary(
        torch.cat((cos, cos), -1).to(dtype).unsqueeze(2),
        torch.cat((-sin, sin), -1).to(dtype).unsqueeze(2),
    )


def rotary_tables(
    positions: NDArray[np.int64], head_dim: int, theta: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The same for positions [batch, time] in numpy and float32, for steps of a few rows.

    There a dozen calls of torch take longer than the arithmetic, above all in a server: each gives Python's lock away
    and waits for it again.
    """
    angles = positions[..., None] * theta ** (-np.arange(0, head_dim, 2) / head_dim)
    shape = (*positions.shape, 1, head_dim)
    cos, sin = np.empty(shape, np.float32), np.empty(shape, np.float32)
    half = head_dim // 2
    cos[..., 0, :half] = cos[..., 0, half:] = np.cos(angles)
    sin[..., 0, half:] = np.sin(angles)
    np.negative(sin[..., 0, half:], out=sin[..., 0, :half])
    return cos, sin


def rotate(x: Tensor, angles: Rotary) -> Tensor:
    """Turn the pairs (i, i + head_dim / 2) of x [batch, time, heads, head_dim] by their angles."""
    return torch.addcmul(x * angles.cos, x.roll(x.shape[-1] // 2, -1), angles.sin)


class KeyValues(Protocol):
    """Where the keys and values of all layers of one tower live during a pass."""

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of new queries over stored and new keys, which it may store.

        q [batch, time, heads, head_dim]; k, v [batch, time, kv_heads, head_dim]; returns a tensor like q.
        """
        ...


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, causal: bool = False) -> Tensor:
    """Scaled dot-product attention on [batch, heads, time, head_dim]; key heads serve groups of queries'."""
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped)


def small_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """The same, written out as two batched matrix products, for many rows of a few queries over a few hundred keys.

    `bias` [batch, 1, 1 or time, keys] is added to the scores: 0 where a query sees a key, minus infinity where not.
    On a CPU `attention` costs 40 us a row of these; this, 20, the copies of the keys included (SPEED.md).
    """
    batch, heads, time, head_dim = q.shape
    kv_heads, keys = k.shape[1], k.shape[2]
    grouped = q.reshape(batch * kv_heads, heads // kv_heads * time, head_dim)
    scores = torch.bmm(grouped * head_dim**-0.5, k.view(batch * kv_heads, keys, head_dim).transpose(1, 2))
    weights = scores.view(batch, heads, time, keys).add_(bias).softmax(-1).view_as(scores)
    return torch.bmm(weights, v.view(batch * kv_heads, keys, head_dim)).view(batch, heads, time, head_dim)


class CausalWindow:
    """Keys and values of a full pass: none is stored, a position sees itself and window - 1 before it."""

    def __init__(self, window: int) -> None:
        self.window = window
        self._mask: Tensor | None = None

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `KeyValues`."""
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        time = q.shape[2]
        if time <= self.window:
            return attention(q, k, v, causal=True).transpose(1, 2)
        if self._mask is None:
            position = torch.arange(time, device=q.device)
            self._mask = window_mask(position, position, self.window)
        return attention(q, k, v, self._mask).transpose(1, 2)


def window_mask(queries: Tensor, keys: Tensor, window: int) -> Tensor:
    """True where query position [..., q] sees key position [..., k]: its own and the window - 1 before it."""
    age = queries[..., :, None] - keys[..., None, :]
    return (age >= 0) & (age < window)


class JoinedProjection(nn.Linear):
    """Queries, keys and values in one matrix product.

    With `bias`, queries and values have one and keys have none, as in the public layouts: the keys' part of
    the joint bias is zero, and a model in training neither adds it nor gives it a gradient.
    """

    def __init__(self, in_features: int, q_rows: int, kv_rows: int, *, bias: bool) -> None:
        super().__init__(in_features, q_rows + 2 * kv_rows, bias=bias)
        self.key_rows = slice(q_rows, q_rows + kv_rows)
        if bias:
            with torch.no_grad():
                self.bias[self.key_rows] = 0

    def forward(self, input: Tensor) -> Tensor:
        """Input [..., in_features] -> [..., queries, then keys, then values]."""
        bias: Tensor | None = self.bias
        if bias is not None and bias.requires_grad:
            rows = self.key_rows
            zeros = bias.new_zeros(rows.stop - rows.start)
            bias = torch.cat((bias[: rows.start], zeros, bias[rows.stop :]))
        return F.linear(input, self.weight, bias)


class Attention(nn.Module):
    """Self-attention; with `bias`, queries, values and the output have one."""

    def __init__(self, hidden_size: int, num_heads: int, num_kv_heads: int, head_dim: int, *, bias: bool) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_dim = num_heads, num_kv_heads, head_dim
        self.qkv = JoinedProjection(hidden_size, num_heads * head_dim, num_kv_heads * head_dim, bias=bias)
        self.out = nn.Linear(num_heads * head_dim, hidden_size, bias=bias)

    def forward(self, x: Tensor, layer: int, angles: Rotary, kv: KeyValues) -> Tensor:
        """X [batch, time, hidden_size] -> the same."""
        heads, kv_heads = self.num_heads, self.num_kv_heads
        qkv = self.qkv(x).unflatten(-1, (heads + 2 * kv_heads, self.head_dim))
        qk = rotate(qkv[:, :, : heads + kv_heads], angles)
        attended = kv.attend(layer, qk[:, :, :heads], qk[:, :, heads:], qkv[:, :, heads + kv_heads :])
        return self.out(attended.flatten(2))  # type: ignore[no-any-return]


class SwiGLU(nn.Module):
    """Feed-forward block with gate and up projection in one matrix."""

    def __init__(self, hidden_size: int, intermediate_size: int, *, bias: bool) -> None:
        super().__init__()
        self.gate_up = nn.Linear(hidden_size, 2 * intermediate_size, bias=False)
        self.down = nn.Linear(intermediate_size, hidden_size, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """X [..., hidden_size] -> the same."""
        gate, up = self.gate_up(x).chunk(2, -1)
        return self.down(F.silu(gate) * up)  # type: ignore[no-any-return]
