"""Whether a stream's memory and step time stay flat: hours of audio through one stream, as fast as it goes.

    python -m benchmarks.long_stream --hours 2 --plot long.png --json long.json

Frames are fed a few at a time, so that every one takes the single step that live audio takes, never the cheaper pass
over a backlog. Prints one line a simulated ten minutes: median and 99th percentile step time, resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks import machine
from benchmarks.engine_step import EIGHT_MILLION
from tests import tiny
from voxtral_service.engine.base import Stream, StreamOptions
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.scheduler import BACKLOG_FRAMES
from voxtral_service.engine.vocabulary import Boost
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import SAMPLES_PER_TOKEN
from voxtral_service.voxtral.tokenizer import Tokenizer

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Minute:
    """One simulated minute: milliseconds a step, and megabytes resident after it."""

    minute: int
    median_ms: float
    p99_ms: float
    resident_mb: float


class TimedRunner(ModelRunner):
    """A runner that remembers how long each step took."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        super().__init__(checkpoint.load(folder, dtype=dtype), Tokenizer.from_folder(folder), slots=1)
        self.times: list[float] = []
        self._started = 0.0

    def encode(self, slots: NDArray[np.int64], samples: NDArray[np.float32]) -> Tensor:
        self._started = time.perf_counter()
        return super().encode(slots, samples)

    def decode(
        self,
        slots: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        pad_penalties: NDArray[np.float32] | None = None,
        boosts: Sequence[tuple[int, Boost]] = (),
    ) -> NDArray[np.int64]:
        written = super().decode(slots, audio, tokens, pad_penalties, boosts)
        self.times.append(time.perf_counter() - self._started)
        return written


def resident_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def listen(runner: TimedRunner, minutes: int) -> list[Minute]:
    """Feed one stream for so many simulated minutes."""
    engine = VoxtralRealtimeEngine(runner)
    stream = engine.open(StreamOptions())
    reader = asyncio.create_task(_read(stream))
    sound = tiny.sound(60, 1)
    block = (BACKLOG_FRAMES - 1) * SAMPLES_PER_TOKEN
    pushed, done = 0.0, []
    for minute in range(1, minutes + 1):
        runner.times.clear()
        for at in range(0, len(sound), block):
            await stream.push(sound[at : at + block])
            pushed += len(sound[at : at + block]) / 16_000
            while stream.audio_seconds < pushed - 0.1:
                await asyncio.sleep(0.001)
        times = 1e3 * np.array(runner.times)
        done.append(Minute(minute, float(np.median(times)), float(np.quantile(times, 0.99)), resident_mb()))
    stream.cancel()
    await reader
    engine.close()
    return done


async def _read(stream: Stream) -> None:
    async for _ in stream:
        pass


def show(minutes: list[Minute], dtype: str) -> None:
    """Print one line for each ten minutes."""
    table = Table(title=f"one stream, {len(minutes)} simulated minutes, {dtype}, one thread", caption=machine.name())
    for column in ("minute", "step median ms", "step p99 ms", "resident MB"):
        table.add_column(column, justify="right")
    for m in minutes:
        if m.minute in (1, 2, 5) or m.minute % 10 == 0:
            table.add_row(str(m.minute), f"{m.median_ms:.2f}", f"{m.p99_ms:.2f}", f"{m.resident_mb:.0f}")
    Console().print(table)


def plot(minutes: list[Minute], path: Path) -> None:
    """Step time and memory over the stream's age."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(7, 5), sharex=True)
    age = [m.minute for m in minutes]
    above.plot(age, [m.median_ms for m in minutes], label="median")
    above.plot(age, [m.p99_ms for m in minutes], alpha=0.6, label="p99")
    above.set(ylabel="step, ms", ylim=(0, None))
    above.legend()
    below.plot(age, [m.resident_mb for m in minutes])
    below.set(xlabel="minutes of audio", ylabel="resident memory, MB", ylim=(0, None))
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder (default: a random one of 8 M parameters)")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or tiny.write_model(Path(folder), EIGHT_MILLION)
        runner = TimedRunner(model, DTYPES[options.dtype])
    minutes = asyncio.run(listen(runner, round(60 * options.hours)))
    show(minutes, options.dtype)
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit(), "dtype": options.dtype}
        options.json.write_text(json.dumps({**record, "minutes": [asdict(m) for m in minutes]}, indent=1) + "\n")
    if options.plot:
        plot(minutes, options.plot)


if __name__ == "__main__":
    main()
