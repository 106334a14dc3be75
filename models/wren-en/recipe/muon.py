"""Muon: momentum whose update is made orthogonal, for the matrices of a network (Jordan et al. 2024).

Scaled so that an update has the same root mean square whatever a matrix's shape (arXiv 2502.16982), which lets one
learning rate serve the whole network. Matrices of one shape are orthogonalised together as one batch.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Newton-Schulz coefficients of the original implementation."""


def orthogonal(batch: Tensor, steps: int = 5) -> Tensor:
    """Return about U V^T of each matrix of `batch` [n, rows, columns] with rows <= columns."""
    x = batch.bfloat16()
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.float()


class Muon(torch.optim.Optimizer):
    """Muon over parameters given with how their rows divide into independent matrices.

    `blocks` maps a parameter to the row counts of the projections that share it (queries, keys, values; gate, up).
    """

    def __init__(
        self, blocks: dict[Tensor, list[int]], lr: float, momentum: float = 0.95, weight_decay: float = 0.05
    ) -> None:
        super().__init__(list(blocks), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._blocks = blocks

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all parameters."""
        group = self.param_groups[0]
        lr, momentum = group["lr"], group["momentum"]
        shapes: defaultdict[tuple[int, int], list[tuple[Tensor, Tensor, bool]]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if "velocity" not in state:
                state["velocity"] = torch.zeros_like(parameter)
            velocity = state["velocity"].lerp_(parameter.grad, 1 - momentum)
            update = parameter.grad.lerp(velocity, momentum)
            parameter.mul_(1 - lr * group["weight_decay"])
            rows = self._blocks[parameter]
            for part, target in zip(update.split(rows), parameter.split(rows), strict=True):
                tall = part.shape[0] > part.shape[1]
                matrix = part.mT if tall else part
                shapes[(matrix.shape[0], matrix.shape[1])].append((matrix, target, tall))
        for shape, entries in shapes.items():
            updates = orthogonal(torch.stack([matrix for matrix, _, _ in entries]))
            for update, (_, target, tall) in zip(updates, entries, strict=True):
                target.add_(update.mT if tall else update, alpha=-0.2 * lr * max(shape) ** 0.5)
