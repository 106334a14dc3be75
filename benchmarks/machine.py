"""What this machine can do at best, measured: the yardstick that benchmark tables are held against."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch


@dataclass(frozen=True, slots=True)
class Machine:
    """One thread's measured limits."""

    name: str
    bytes_per_second: float
    """Reading memory that lies in no private cache."""
    flops: dict[torch.dtype, float]
    """Floating-point operations a second of a large matrix product."""

    def floor(self, *, read: float, operations: float, dtype: torch.dtype) -> float:
        """Seconds below which no implementation gets: the longer of reading so many bytes and of so many operations."""
        return max(read / self.bytes_per_second, operations / self.flops[dtype])


def measure() -> Machine:
    """Measure this machine with one thread; takes about a second."""
    big = torch.ones(64 * 2**20)
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(512, 1024, dtype=dtype), torch.ones(1024, 2048, dtype=dtype)
        rates[dtype] = 2 * 512 * 1024 * 2048 / best(partial(torch.matmul, a, b))
    return Machine(name(), big.numel() * 4 / best(big.sum), rates)


def best(function: Callable[[], object], rounds: int = 7) -> float:
    """The fastest of some calls, in seconds: what the machine can do when nobody disturbs it."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def typical(times: list[float]) -> float:
    """The median."""
    return median(times)


def name() -> str:
    """The processor's name and the number of cores this process may use."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def commit() -> str:
    """The short id of the commit that is checked out, with a plus sign when files differ from it."""
    describe = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    result = subprocess.run(describe, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return result.stdout.strip() or "unknown"
