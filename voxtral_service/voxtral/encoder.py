"""The causal audio encoder: convolutions, transformer layers at 50 Hz, adapter to the decoder's 12.5 Hz."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voxtral_service.voxtral.config import ENCODER_FRAMES_PER_TOKEN, EncoderConfig
from voxtral_service.voxtral.layers import Attention, CausalWindow, KeyValues, Rotary, SwiGLU, rotary

KERNEL = 3


class StemState(NamedTuple):
    """What the convolutions remember: mel [batch, 2, num_mel_bins], hidden [batch, 1, hidden_size]."""

    mel: Tensor
    hidden: Tensor


class ConvStem(nn.Module):
    """Two causal convolutions of kernel 3, strides 1 and 2: 100 mel frames a second become 50.

    Each is a matrix product over three neighbouring frames laid side by side (the weights of a frame at a
    time, oldest first), which for steps of 8 frames is several times faster on a CPU than `conv1d` and
    takes the same path in all passes.
    """

    def __init__(self, num_mel_bins: int, hidden_size: int) -> None:
        super().__init__()
        self.num_mel_bins, self.hidden_size = num_mel_bins, hidden_size
        self.conv1 = nn.Linear(KERNEL * num_mel_bins, hidden_size)
        self.conv2 = nn.Linear(KERNEL * hidden_size, hidden_size)

    def initial_state(self, batch: int, like: Tensor) -> StemState:
        """Zeros of another tensor's type and device, as the public implementations pad on the left."""
        return StemState(like.new_zeros(batch, 2, self.num_mel_bins), like.new_zeros(batch, 1, self.hidden_size))

    def forward(self, mel: Tensor, state: StemState) -> tuple[Tensor, StemState]:
        """Mel [batch, 2 n, num_mel_bins] -> [batch, n, hidden_size] and the state after it."""
        mel = torch.cat((state.mel, mel), 1)
        n = mel.shape[1] - 2
        x = F.gelu(self.conv1(torch.cat((mel[:, :n], mel[:, 1 : n + 1], mel[:, 2:]), -1)))
        x = torch.cat((state.hidden, x), 1)
        y = F.gelu(self.conv2(torch.cat((x[:, :-1:2], x[:, 1::2], x[:, 2::2]), -1)))
        return y, StemState(mel[:, -2:], x[:, -1:])


class EncoderLayer(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size, eps = config.hidden_size, config.rms_norm_eps
        self.attention_norm = nn.RMSNorm(size, eps=eps)
        self.attention = Attention(size, config.num_heads, config.num_kv_heads, config.head_dim, bias=True)
        self.ffn_norm = nn.RMSNorm(size, eps=eps)
        self.ffn = SwiGLU(size, config.intermediate_size, bias=True)

    def forward(self, x: Tensor, layer: int, angles: Rotary, kv: KeyValues) -> Tensor:
        """X [batch, time, hidden_size] -> the same."""
        x = x + self.attention(self.attention_norm(x), layer, angles, kv)
        return x + self.ffn(self.ffn_norm(x))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Log-mel frames in, one vector per 20 ms out; nothing looks ahead."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvStem(config.num_mel_bins, config.hidden_size)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, mel: Tensor) -> Tensor:
        """A full pass: mel [batch, 2 n, num_mel_bins] -> [batch, n, hidden_size]."""
        x, _ = self.stem(mel, self.stem.initial_state(mel.shape[0], mel))
        positions = torch.arange(x.shape[1], device=x.device)[None]
        return self.transform(x, self.angles(positions, x.dtype), CausalWindow(self.config.sliding_window))

    def angles(self, positions: Tensor, dtype: torch.dtype) -> Rotary:
        """Of int64 positions [batch or 1, n]; the same for all layers."""
        return rotary(positions, self.config.head_dim, self.config.rope_theta, dtype)

    def transform(self, x: Tensor, angles: Rotary, kv: KeyValues) -> Tensor:
        """The layers over stem outputs x [batch, n, hidden_size] at positions with these angles."""
        for i, layer in enumerate(self.layers):
            x = layer(x, i, angles, kv)
        return self.norm(x)  # type: ignore[no-any-return]


class Adapter(nn.Module):
    """Four consecutive encoder frames become one vector of the decoder's width."""

    def __init__(self, encoder_size: int, decoder_size: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(ENCODER_FRAMES_PER_TOKEN * encoder_size, decoder_size, bias=False)
        self.linear2 = nn.Linear(decoder_size, decoder_size, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames [batch, 4 n, encoder_size] -> [batch, n, decoder_size]."""
        batch, time, size = frames.shape
        stacked = frames.reshape(batch, time // ENCODER_FRAMES_PER_TOKEN, ENCODER_FRAMES_PER_TOKEN * size)
        return self.linear2(F.gelu(self.linear1(stacked)))  # type: ignore[no-any-return]
