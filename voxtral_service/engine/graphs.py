"""CUDA graphs of a step: one per batch bucket, replayed instead of launching hundreds of kernels one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BUCKETS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512)
"""Batch sizes that are captured; a step runs in the smallest that holds its rows."""


@dataclass(frozen=True, slots=True)
class _Graph:
    inputs: list[Tensor]
    output: tuple[Tensor, ...]
    graph: torch.cuda.CUDAGraph


class BucketedGraphs:
    """Runs a function from row tensors to row tensors through captured graphs, the idle rows of a bucket filled up.

    The function must be made of CUDA work of fixed shapes that reads its rows from its arguments alone. Graphs are
    captured on first use and share one memory pool.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], idle: Sequence[Tensor]) -> None:
        """`idle` are the arguments of one row that changes nothing anybody sees, each [1, ...]."""
        self._function = function
        self._idle = list(idle)
        self._graphs: dict[int, _Graph] = {}
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, *rows: Tensor) -> tuple[Tensor, ...]:
        """What the function gives for n rows [n, ...]; valid until the next call."""
        n = len(rows[0])
        bucket = next((size for size in BUCKETS if size >= n), n)
        if bucket not in self._graphs:
            self._graphs[bucket] = self._capture(bucket)
        captured = self._graphs[bucket]
        for static, given, idle in zip(captured.inputs, rows, self._idle, strict=True):
            static[:n].copy_(given, non_blocking=True)
            static[n:].copy_(idle.expand_as(static[n:]))
        captured.graph.replay()
        return tuple(tensor[:n] for tensor in captured.output)

    def _capture(self, bucket: int) -> _Graph:
        inputs = [idle.expand(bucket, *idle.shape[1:]).clone() for idle in self._idle]
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries choose their algorithms and workspaces before capture, never in it
            self._function(*inputs)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            output = self._function(*inputs)
        return _Graph(inputs, output, graph)
