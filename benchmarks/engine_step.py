"""How long an 80 ms step takes, by number of streams, beside transformers' own streaming generate.

    python -m benchmarks.engine_step
    python -m benchmarks.engine_step --model path/to/folder --json step.json --plot step.png

Every figure is of one thread. Each round runs transformers and this engine one after the other on the same checkpoint,
so that a disturbance of the machine hits both; the table shows the median of each. Streams are measured with their
encoder windows full (`--seconds` in), the steady state of a live stream. The engine's step is compiled first where that
is worth it (short windows, a C++ compiler). transformers serves one stream per generate call, so N streams cost it N
times one; its figure does not include making the mel features, ours does.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.floor import StepCost
from tests import tiny
from voxtral_service.engine import compiled_step
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.step import SAMPLES_PER_STEP
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import DecoderConfig, EncoderConfig, VoxtralRealtimeConfig
from voxtral_service.voxtral.tokenizer import Tokenizer

EIGHT_MILLION = VoxtralRealtimeConfig(
    EncoderConfig(256, 896, 4, 4, 64, 128, sliding_window=750),
    DecoderConfig(tiny.SPECIAL_TOKENS + tiny.TEXT_TOKENS, 256, 896, 4, 4, 2, 64, sliding_window=1024),
)
"""The shape a first measurement of transformers was published for: hidden size 256, 4 + 4 layers, 8 M parameters."""
STREAMS = (1, 2, 4, 8, 16, 32, 64)
STEPS = 12
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; times in seconds."""

    engine: str
    dtype: str
    streams: int
    step: float
    floor: float
    operations: int
    read: int
    """Bytes."""

    @property
    def per_stream(self) -> float:
        """One stream's share of a step."""
        return self.step / self.streams


def transformers_step(folder: Path, seconds: float, dtype: torch.dtype) -> Iterator[float]:
    """Step times of `generate` fed by a generator, from `seconds` of audio on; one list of steps a call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import VoxtralRealtimeForConditionalGeneration
        from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = VoxtralRealtimeForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
    bins = model.config.audio_config.num_mel_bins
    prompt = torch.tensor([[1] + [32] * 38])
    before = int(seconds * 12.5)
    while True:
        marks: list[float] = []

        def features(marks: list[float] = marks) -> Iterator[torch.Tensor]:
            yield torch.randn(1, bins, 39 * 8).to(dtype)
            chunks = [torch.randn(1, bins, 8).to(dtype) for _ in range(before + STEPS)]
            for chunk in chunks:
                marks.append(time.perf_counter())
                yield chunk

        model.generate(
            input_ids=prompt, input_features=features(), num_delay_tokens=6, do_sample=False, eos_token_id=None
        )
        yield machine.typical(np.diff(marks)[before:].tolist())


def our_step(runner: ModelRunner, streams: int, seconds: float) -> float:
    """The median time of a step of so many streams, each that far into its audio."""
    slots = np.arange(streams)
    for slot in slots.tolist():
        runner.join(slot, 6)
    runner._encoded[slots] = runner._decoded[slots] = int(seconds * 12.5) + 32
    samples = (0.1 * np.random.default_rng(0).standard_normal((streams, SAMPLES_PER_STEP))).astype(np.float32)
    tokens = np.full(streams, 32)
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        runner.decode(slots, runner.encode(slots, samples), tokens)
        times.append(time.perf_counter() - start)
    return machine.typical(times)


def runner_of(folder: Path, dtype: torch.dtype, *, compiled: bool) -> ModelRunner:
    """A runner with room for all streams, its step compiled first if that is wanted and worth it."""
    model = checkpoint.load(folder, dtype=dtype)
    step = compiled_step.find_or_make(folder, model.config, dtype) if compiled else None
    return ModelRunner(model, Tokenizer.from_folder(folder), max(STREAMS), step)


def measure(folder: Path, seconds: float, rounds: int, *, compiled: bool) -> list[Row]:
    """All rows of the table."""
    limits, cost = machine.measure(), StepCost.of(folder)
    runners = {name: runner_of(folder, dtype, compiled=compiled) for name, dtype in DTYPES.items()}
    theirs = {name: transformers_step(folder, seconds, dtype) for name, dtype in DTYPES.items()}
    times: dict[tuple[str, str, int], list[float]] = {}
    for _ in range(rounds):
        for name in DTYPES:
            times.setdefault(("transformers", name, 1), []).append(next(theirs[name]))
            for streams in STREAMS:
                times.setdefault(("this engine", name, streams), []).append(our_step(runners[name], streams, seconds))
    return [
        Row(
            engine,
            name,
            streams,
            machine.typical(measured),
            cost.step(limits, streams, DTYPES[name], seconds),
            cost.operations(streams, seconds),
            cost.read(streams, DTYPES[name], seconds),
        )
        for (engine, name, streams), measured in times.items()
    ]


def show(rows: list[Row], seconds: float, parameters: float) -> None:
    """Print the table: how many times as fast as the faster of transformers' two figures each row is."""
    theirs = min(row.step for row in rows if row.engine == "transformers")
    table = Table(
        title=f"80 ms step, {parameters / 1e6:.1f} M parameters, one thread, {seconds:g} s into the audio",
        caption=f"{machine.name()}; floor: bytes and operations over measured bandwidth and rate",
    )
    for column in ("engine", "dtype", "streams", "step ms", "per stream ms", "x transformers", "floor ms", "x floor"):
        table.add_column(column, justify="left" if column in ("engine", "dtype") else "right")
    for row in rows:
        table.add_row(
            row.engine,
            row.dtype,
            str(row.streams),
            f"{1e3 * row.step:.2f}",
            f"{1e3 * row.per_stream:.3f}",
            f"{theirs / row.per_stream:.1f}",
            f"{1e3 * row.floor:.2f}",
            f"{row.step / row.floor:.1f}",
        )
    Console().print(table)


def plot(rows: list[Row], path: Path) -> None:
    """Step time over streams, with the floors below and transformers' cost of as many streams above."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    theirs = min(row.step for row in rows if row.engine == "transformers")
    axes.plot(STREAMS, [1e3 * theirs * n for n in STREAMS], "k--", label="transformers, one call a stream")
    for dtype, colour in (("float32", "tab:blue"), ("bfloat16", "tab:orange")):
        ours = [row for row in rows if row.engine == "this engine" and row.dtype == dtype]
        axes.plot([r.streams for r in ours], [1e3 * r.step for r in ours], "o-", color=colour, label=f"engine, {dtype}")
        axes.plot([r.streams for r in ours], [1e3 * r.floor for r in ours], ":", color=colour, label=f"floor, {dtype}")
    axes.axhline(80, color="tab:red", linewidth=0.8)
    axes.text(1, 84, "80 ms: real time", color="tab:red", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="live streams", ylabel="step, ms")
    axes.set_xticks(STREAMS, [str(n) for n in STREAMS])
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def plot_roofline(rows: list[Row], limits: machine.Machine, path: Path) -> None:
    """How fast each step computes, over how much it computes for each byte it must read, under what is possible."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    ours = [row for row in rows if row.engine == "this engine"]
    intensities = [row.operations / row.read for row in ours]
    xs = np.geomspace(min(intensities) / 2, 2 * max(intensities), 50)
    for name, colour in (("float32", "tab:blue"), ("bfloat16", "tab:orange")):
        own = [row for row in ours if row.dtype == name]
        at = [row.operations / row.read for row in own]
        label = f"{name}, {own[0].streams} to {own[-1].streams} streams"
        axes.plot(at, [row.operations / row.step / 1e9 for row in own], "o-", color=colour, label=label)
        possible = np.minimum(limits.flops[DTYPES[name]], xs * limits.bytes_per_second) / 1e9
        axes.plot(xs, possible, ":", color=colour, label=f"possible, {name}")
    axes.set(xscale="log", yscale="log", xlabel="operations for each byte that must be read", ylabel="GFLOP/s")
    axes.legend(fontsize=8)
    axes.set_title(machine.name(), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder (default: a random one of 8 M parameters)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how far into the audio (default 20)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--roofline", type=Path, help="where to draw how near the machine's limits each step comes")
    parser.add_argument("--uncompiled", action="store_true", help="the step as it runs where there is no compiler")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or tiny.write_model(Path(folder), EIGHT_MILLION)
        parameters = sum(p.numel() for p in checkpoint.load(model, dtype=torch.float32).parameters())
        rows = measure(model, options.seconds, options.rounds, compiled=not options.uncompiled)
    show(rows, options.seconds, parameters)
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit(), "parameters": parameters}
        options.json.write_text(json.dumps({**record, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    if options.plot:
        plot(rows, options.plot)
    if options.roofline:
        plot_roofline(rows, machine.measure(), options.roofline)


if __name__ == "__main__":
    main()
