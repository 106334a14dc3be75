"""The text decoder: one token per 80 ms, told by its normalisation how long to wait before a word."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voxtral_service.voxtral.config import ADA_RANK, DecoderConfig
from voxtral_service.voxtral.layers import Attention, CausalWindow, KeyValues, Rotary, SwiGLU, rotary


def delay_embedding(delays: Tensor, size: int) -> Tensor:
    """Sinusoids of delays in tokens: [n] -> float32 [n, size], cosines first (arXiv 2602.11298)."""
    half = size // 2
    frequencies = 10_000.0 ** (-torch.arange(half, dtype=torch.float32, device=delays.device) / half)
    angles = delays[:, None].float() * frequencies
    return torch.cat((angles.cos(), angles.sin()), -1)


class DelayScale(nn.Module):
    """1 + g(delay), by which a layer scales the input of its feed-forward block."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.down = nn.Linear(hidden_size, ADA_RANK, bias=False)
        self.up = nn.Linear(ADA_RANK, hidden_size, bias=False)

    def forward(self, embedding: Tensor) -> Tensor:
        """Embedding [n, hidden_size] -> [n, hidden_size]."""
        return 1 + self.up(F.gelu(self.down(embedding)))  # type: ignore[no-any-return]


class DecoderLayer(nn.Module):
    """Pre-norm attention and delay-conditioned feed-forward."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        size, eps = config.hidden_size, config.rms_norm_eps
        self.attention_norm = nn.RMSNorm(size, eps=eps)
        self.attention = Attention(size, config.num_heads, config.num_kv_heads, config.head_dim, bias=False)
        self.ffn_norm = nn.RMSNorm(size, eps=eps)
        self.delay_scale = DelayScale(size)
        self.ffn = SwiGLU(size, config.intermediate_size, bias=False)

    def forward(self, x: Tensor, layer: int, scale: Tensor, angles: Rotary, kv: KeyValues) -> Tensor:
        """X [batch, time, hidden_size], scale [batch or 1, 1, hidden_size] -> like x."""
        x = x + self.attention(self.attention_norm(x), layer, angles, kv)
        return x + self.ffn(self.ffn_norm(x) * scale)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Embedding sums in, logits out; the output head is the embedding."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def delay_scales(self, delays: Tensor) -> Tensor:
        """The scales of every layer for delays [n] in tokens: [n, num_layers, hidden_size].

        They depend on nothing else, so an engine computes them once for all delays and looks them up.
        """
        embedding = delay_embedding(delays, self.config.hidden_size).to(self.embedding.weight.dtype)
        return torch.stack([layer.delay_scale(embedding) for layer in self.layers], 1)  # type: ignore[operator]

    def forward(self, x: Tensor, delays: Tensor) -> Tensor:
        """A full pass: x [batch, n, hidden_size], embedding plus audio; delays [batch] -> a tensor like x."""
        positions = torch.arange(x.shape[1], device=x.device)[None]
        kv = CausalWindow(self.config.sliding_window)
        return self.transform(x, self.delay_scales(delays), self.angles(positions, x.dtype), kv)

    def angles(self, positions: Tensor, dtype: torch.dtype) -> Rotary:
        """Of int64 positions [batch or 1, n]; the same for all layers."""
        return rotary(positions, self.config.head_dim, self.config.rope_theta, dtype)

    def transform(self, x: Tensor, scales: Tensor, angles: Rotary, kv: KeyValues) -> Tensor:
        """The layers over x [batch, n, hidden_size] at positions with these angles.

        `scales` are those of `delay_scales`, [batch or 1, num_layers, hidden_size].
        """
        for i, layer in enumerate(self.layers):
            x = layer(x, i, scales[:, i, None], angles, kv)
        return self.norm(x)  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden [..., hidden_size] -> [..., vocab_size]."""
        return F.linear(hidden, self.embedding.weight)
