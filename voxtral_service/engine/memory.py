"""How much memory there is to give away."""

from __future__ import annotations

import os
from pathlib import Path

import torch


def available(device: torch.device) -> int:
    """Bytes that models could still take on a device; on a CPU, in a container, what the container leaves."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    return main_memory()


def main_memory(root: Path = Path("/")) -> int:
    """Bytes of main memory that can be taken without swapping."""
    free = _machine(root / "proc/meminfo")
    limit, used = (_number(root / f"sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit is None or used is None:
        return free
    return min(free, max(0, limit - used))


def _machine(meminfo: Path) -> int:
    try:
        lines = meminfo.read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):  # not Linux
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _number(file: Path) -> int | None:
    """What a file of the control group says; None where there is none, or `max`, which is no limit."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return None
