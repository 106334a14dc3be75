"""Weights laid out the way the CPU's matrix instructions read them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """A linear layer for inference whose weight oneDNN has reordered once, not at every call.

    In bfloat16 on a CPU with AMX, against `nn.Linear` on the layer shapes of an 8 M model: 1.5 to 1.8 times as fast for
    the 1 to 4 rows of one stream, 1.4 to 1.7 times for 128 rows (SPEED.md). In float32 it gains nothing.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """X [..., in_features] -> [..., out_features]."""
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, self.bias, "none", [], "")  # type: ignore[no-any-return]


def pack_linears(module: nn.Module) -> None:
    """Replace the linear layers below a module by packed ones; their own weights are freed."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child))
        else:
            pack_linears(child)


def packing_pays(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether this machine multiplies packed weights of this type faster."""
    return device.type == "cpu" and dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
