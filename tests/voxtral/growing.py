"""The simplest cache: keys and values of all positions so far, for passes that come in steps."""

from __future__ import annotations

import torch
from torch import Tensor

from voxtral_service.voxtral.layers import attention, window_mask


class Growing:
    def __init__(self, window: int) -> None:
        self.window = window
        self._stored: dict[int, tuple[Tensor, Tensor]] = {}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if layer in self._stored:
            k, v = (torch.cat(pair, 1) for pair in zip(self._stored[layer], (k, v), strict=True))
        self._stored[layer] = k, v
        keys = torch.arange(k.shape[1])
        mask = window_mask(keys[-q.shape[1] :], keys, self.window)
        return attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask).transpose(1, 2)
