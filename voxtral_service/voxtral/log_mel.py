"""Log-mel spectrogram with a constant ceiling, so that a stream's frames never depend on what comes later.

Source: the feature extraction of Voxtral Realtime in transformers 5.23 and vLLM: 400-sample periodic Hann
window, hop 160, power spectrum, Slaney mel filters from 0 to 8 kHz, log10 clamped to 8 decades under the
constant maximum 1.5.
"""

from __future__ import annotations

import torch
from mistral_common.audio import mel_filter_bank
from torch import Tensor, nn

from voxtral_service.voxtral.config import HOP, LOOK_AHEAD, LOOK_BACK, SAMPLE_RATE, WINDOW

GLOBAL_LOG_MEL_MAX = 1.5
DYNAMIC_RANGE = 8.0
"""Decades kept under the maximum; digital silence comes out as (1.5 - 8 + 4) / 4 = -0.625."""


class LogMel(nn.Module):
    """Turns 16 kHz samples into log-mel frames; has no trained parameters and always computes in float32."""

    window: Tensor
    filters: Tensor

    def __init__(self, num_mel_bins: int) -> None:
        super().__init__()
        filters = mel_filter_bank(
            num_frequency_bins=1 + WINDOW // 2,
            num_mel_bins=num_mel_bins,
            min_frequency=0.0,
            max_frequency=SAMPLE_RATE / 2,
            sampling_rate=SAMPLE_RATE,
        )
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("filters", torch.tensor(filters, dtype=torch.float32), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Frames of samples that already carry their margins.

        `samples` is float32 [..., 160 n + 240]: 200 samples of look-back, n hops, 40 samples of look-ahead.
        Returns float32 [..., n, num_mel_bins], each value in [-0.625, about 1.6].
        """
        frames = samples.unfold(-1, WINDOW, HOP) * self.window
        power = torch.view_as_real(torch.fft.rfft(frames)).square().sum(-1)
        log_mel = (power @ self.filters).clamp_(min=1e-10).log10_()
        return log_mel.clamp_(min=GLOBAL_LOG_MEL_MAX - DYNAMIC_RANGE).add_(4.0).mul_(0.25)

    def whole(self, samples: Tensor) -> Tensor:
        """All frames of a clip [..., 160 n], silence on both sides: [..., n, num_mel_bins]."""
        return self.forward(nn.functional.pad(samples, (LOOK_BACK, LOOK_AHEAD)))
