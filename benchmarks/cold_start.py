"""How long from nothing to the first words: the command line, a server that is ready, and what each part of it takes.

    python -m benchmarks.cold_start
    python -m benchmarks.cold_start --rounds 5 --json cold.json

Every figure is of a new process, the files warm in the system's cache; the median of the rounds, in turn. The floor is
reading the model's weights once, at the rate measured beside it. transformers' row is importing it and loading the same
model, before anything is heard.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.live_capacity import serving
from clients.load_test import SAMPLE

LOAD_OURS = """
import sys, torch
from pathlib import Path
from voxtral_service.voxtral import checkpoint
checkpoint.load(Path(sys.argv[1]), dtype=torch.float32)
"""
LOAD_THEIRS = """
import sys, torch
from transformers import VoxtralRealtimeForConditionalGeneration
VoxtralRealtimeForConditionalGeneration.from_pretrained(sys.argv[1], dtype=torch.float32)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; seconds."""

    what: str
    seconds: float
    floor: float | None = None


def python(*arguments: str) -> None:
    """Run a process to its end. Raises CalledProcessError."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=300)


def first_words(model: Path) -> float:
    """Seconds until `voxtral transcribe` has written something about the sample."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "voxtral_service.cli", "transcribe", "--quiet", "--model", str(model), str(SAMPLE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        os.read(process.stdout.fileno(), 1)
        seconds = time.perf_counter() - begun
        process.stdout.read()
    return seconds


def ready(model: Path, *flags: str) -> float:
    """Seconds until a server takes sessions."""
    begun = time.perf_counter()
    with serving(str(model), None, "--log-level", "error", "--no-jobs", *flags):
        return time.perf_counter() - begun


def timed(run: Callable[[], None]) -> float:
    """Seconds of a call."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def measure(model: Path, rounds: int) -> list[Row]:
    """All rows of the table."""
    parts: dict[str, Callable[[], float]] = {
        "an empty Python": lambda: timed(lambda: python("-c", "pass")),
        "import torch": lambda: timed(lambda: python("-c", "import torch")),
        "voxtral --help": lambda: timed(lambda: python("-m", "voxtral_service.cli", "--help")),
        "the model loaded": lambda: timed(lambda: python("-c", LOAD_OURS, str(model))),
        "the model loaded by transformers": lambda: timed(lambda: python("-c", LOAD_THEIRS, str(model))),
        "voxtral transcribe: first words": lambda: first_words(model),
        "voxtral serve: ready, capacity measured": lambda: ready(model),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, run in parts.items():
            times[name].append(run())
    read = sum(file.stat().st_size for file in model.glob("*.safetensors")) / machine.measure().bytes_per_second
    return [Row(name, median(own), read if "model" in name else None) for name, own in times.items()]


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table(title="from nothing", caption=machine.name())
    for column in ("", "s", "floor s"):
        table.add_column(column, justify="right" if column else "left")
    for row in rows:
        table.add_row(row.what, f"{row.seconds:.2f}", "" if row.floor is None else f"{row.floor:.4f}")
    Console().print(table)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SAMPLE.parent, help="model folder (default: the bundled one)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = measure(options.model, options.rounds)
    show(rows)
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit()}
        options.json.write_text(json.dumps({**record, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
