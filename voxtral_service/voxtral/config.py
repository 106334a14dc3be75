"""The shape of a Voxtral Realtime model, and the constants of time that all such models share.

Sources: the model card and `params.json` of mistralai/Voxtral-Mini-4B-Realtime-2602, arXiv 2602.11298, and
the `voxtral_realtime` configuration of transformers 5.23.
"""

from __future__ import annotations

from dataclasses import dataclass

SAMPLE_RATE = 16_000
"""Hz; mono."""
HOP = 160
"""Samples from one mel frame to the next: 100 mel frames a second."""
WINDOW = 400
"""Samples under one mel frame's Hann window; frame m spans samples [160 m - 200, 160 m + 200)."""
SAMPLES_PER_TOKEN = 1280
"""80 ms: 8 mel frames, 4 encoder frames, 1 decoder position."""
TOKEN_SECONDS = SAMPLES_PER_TOKEN / SAMPLE_RATE
MEL_PER_TOKEN = 8
ENCODER_FRAMES_PER_TOKEN = 4
LOOK_BACK = WINDOW // 2
"""Samples before a token's own 1280 that its first mel frame reaches back to."""
LOOK_AHEAD = WINDOW // 2 - HOP
"""Samples after a token's own 1280 that its last mel frame needs: 40, that is 2.5 ms."""
LEFT_PAD_TOKENS = 32
"""Tokens of silence before the audio; the first of them carries BOS."""
EXTRA_RIGHT_PAD_TOKENS = 10
"""Allowance, past delay + 1 tokens, for writing out one long last word."""
MAX_DELAY_TOKENS = 30
"""2,400 ms, the largest delay the model is trained for."""

ADA_RANK = 32
"""Inner width of the delay conditioning; fixed in every public implementation."""


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Causal audio encoder: multi-head attention over a sliding window, SwiGLU, RMSNorm, rotary positions."""

    hidden_size: int = 1280
    intermediate_size: int = 5120
    num_layers: int = 32
    num_heads: int = 32
    head_dim: int = 64
    num_mel_bins: int = 128
    sliding_window: int = 750
    rope_theta: float = 1e6
    rms_norm_eps: float = 1e-5

    @property
    def num_kv_heads(self) -> int:
        """The encoder has as many key and value heads as query heads."""
        return self.num_heads


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """Decoder: grouped-query attention over a sliding window, delay-conditioned RMSNorm, tied head."""

    vocab_size: int = 131_072
    hidden_size: int = 3072
    intermediate_size: int = 9216
    num_layers: int = 26
    num_heads: int = 32
    num_kv_heads: int = 8
    head_dim: int = 128
    sliding_window: int = 8192
    rope_theta: float = 1e6
    rms_norm_eps: float = 1e-5


@dataclass(frozen=True, slots=True)
class VoxtralRealtimeConfig:
    """A whole model; the defaults are the public 4B checkpoint's."""

    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    default_delay_tokens: int = 6
