"""What no implementation gets below: the bytes a step must read and the products it must compute, at measured rates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks import machine
from voxtral_service.engine.stream import SETTLED
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import (
    ENCODER_FRAMES_PER_TOKEN,
    LEFT_PAD_TOKENS,
    TOKEN_SECONDS,
    VoxtralRealtimeConfig,
)


@dataclass(frozen=True, slots=True)
class StepCost:
    """Of one step of a model: what is read and computed for any number of streams that far into their audio."""

    config: VoxtralRealtimeConfig
    weights: dict[str, int]
    """Parameters that a step reads, by tower."""

    @classmethod
    def of(cls, folder: Path) -> StepCost:
        """Counted in a model folder."""
        model = checkpoint.load(folder, dtype=torch.bfloat16)
        weights = {
            tower: sum(p.numel() for n, p in getattr(model, tower).named_parameters() if "delay_scale" not in n)
            for tower in ("encoder", "adapter", "decoder")
        }
        return cls(model.config, weights)

    def read(self, streams: int, dtype: torch.dtype, seconds: float = 60.0) -> int:
        """Bytes: every weight once, every stream's cached keys and values once."""
        encoder, decoder = self._cached(seconds)
        return dtype.itemsize * (sum(self.weights.values()) + streams * (encoder + decoder))

    def operations(self, streams: int, seconds: float = 60.0) -> int:
        """Floating-point operations; an encoder has four positions a step."""
        encoder, decoder = self._cached(seconds)
        groups = self.config.decoder.num_heads // self.config.decoder.num_kv_heads
        attention = 2 * ENCODER_FRAMES_PER_TOKEN * encoder + 2 * decoder * groups
        products = 2 * (sum(self.weights.values()) + (ENCODER_FRAMES_PER_TOKEN - 1) * self.weights["encoder"])
        return streams * (products + attention)

    def step(self, limits: machine.Machine, streams: int, dtype: torch.dtype, seconds: float = 60.0) -> float:
        """Seconds."""
        return limits.floor(
            read=self.read(streams, dtype, seconds), operations=self.operations(streams, seconds), dtype=dtype
        )

    def final(self, limits: machine.Machine, streams: int, dtype: torch.dtype) -> float:
        """Seconds from the last sound to the final text, with so many streams speaking.

        The positions behind the last sound follow one another: the last frame, the delay, the padding. Each is a step
        of all frames that have come during the one before; infinite when they come faster than they can be computed.
        """
        rows = 1.0
        for _ in range(100):
            rows = max(1.0, streams * self.step(limits, round(rows), dtype) / TOKEN_SECONDS)
            if rows > streams:
                return float("inf")
        turns = 1 + self.config.default_delay_tokens + SETTLED
        return turns * self.step(limits, round(rows), dtype)

    def _cached(self, seconds: float) -> tuple[int, int]:
        """Numbers in one stream's keys and values: of the encoder, of the decoder."""
        tokens = int(seconds / TOKEN_SECONDS) + LEFT_PAD_TOKENS
        encoder, decoder = self.config.encoder, self.config.decoder
        keys = min(ENCODER_FRAMES_PER_TOKEN * tokens, encoder.sliding_window), min(tokens, decoder.sliding_window)
        return (
            2 * encoder.num_layers * encoder.num_kv_heads * encoder.head_dim * keys[0],
            2 * decoder.num_layers * decoder.num_kv_heads * decoder.head_dim * keys[1],
        )
