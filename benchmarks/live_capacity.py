"""How many live streams this machine serves in time, beside transformers' streaming generate on the same clips.

    python -m benchmarks.live_capacity
    python -m benchmarks.live_capacity --quick
    python -m benchmarks.live_capacity --model path/to/folder --json capacity.json --plot capacity.png talk.wav

Starts `voxtral serve` on loopback and lets more and more streams speak to it at once, clip after clip with pauses, as
`clients.load_test` does; then the same for transformers, one task a stream (`benchmarks.transformers_live`). The number
of streams doubles until the finals come too late, then is narrowed down. In time: 99 of 100 final texts come within
half a second of the end of their clip, and nothing fails. The clients run on the same cores as the server, and their
share counts against it; transformers has no wire and no clients. `--quick` cuts the clips short and narrows down less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.floor import StepCost
from benchmarks.transformers_live import LiveTransformers
from clients.live_dialects import DIALECTS
from clients.live_streams import Clip, Pace, StreamLog, run_streams
from clients.load_test import SAMPLE, load, percentiles, references, report
from voxtral_service.engine import compiled_step
from voxtral_service.engine.loading import pick_dtype

OURS, THEIRS = "voxtral serve", "transformers"
IN_TIME = 0.5
"""Seconds."""
LOAD_SECONDS = 120.0
"""How long a server may take to start."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Some streams at once: how late their finals were, in seconds, and what went wrong."""

    engine: str
    streams: int
    p50: float
    p95: float
    p99: float
    faults: int
    load_average: float
    """Of the minute before; above the trial's own load, others use the machine."""
    floor: float = 0.0
    """Seconds that a final text takes at least: `StepCost.final` in bfloat16."""
    over_time: tuple[tuple[float, float], ...] = ()
    """When each clip ended, in seconds of the trial, and how late its final text was."""

    @property
    def held(self) -> bool:
        """Whether the streams were served in time."""
        return self.p99 < IN_TIME and not self.faults


@dataclass(frozen=True, slots=True)
class Plan:
    """What every trial plays, and how finely capacity is told (a part of itself)."""

    clips: Sequence[Clip]
    pace: Pace
    resolution: float

    @property
    def ramp(self) -> float:
        """Starts spread over a clip and its pause make finals come evenly, as those of strangers do."""
        return self.clips[0].seconds + self.pace.pause


def search(trial: Callable[[int], Trial], *, first: int, most: int, resolution: float) -> list[Trial]:
    """Double while it holds, then halve what lies between; all trials, in their order."""
    trials = []
    good, bad, streams = 0, most + 1, first
    while bad - good > max(1, resolution * good) and streams <= most:
        trials.append(trial(streams))
        if trials[-1].held:
            good = streams
        else:
            bad = streams
        streams = 2 * good if bad > most else (good + bad) // 2
        streams = max(streams, 1)
    return trials


def capacity(trials: Sequence[Trial]) -> int:
    """The most streams that were served in time."""
    return max((trial.streams for trial in trials if trial.held), default=0)


@contextmanager
def serving(model: str, places: int | None, *options: str) -> Iterator[str]:
    """A server of its own on a free port of loopback, with more options; gives its address.

    Without a number of places it finds one itself.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["--model", model, "--port", str(port), "--no-auth", *options]
    flags += ["--max-streams", str(places)] if places else []
    server = subprocess.Popen([sys.executable, "-m", "voxtral_service.cli", "serve", *flags])
    try:
        deadline = time.monotonic() + LOAD_SECONDS
        while not _ready(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start; its own words are above")
            time.sleep(0.2)
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False


def our_trials(model: str, plan: Plan, *, first: int, most: int) -> list[Trial]:
    """Streams of the OpenAI dialect at a server."""
    dialect = DIALECTS["openai"]()
    with serving(model, most, "--log-level", "warning") as url:
        expected = asyncio.run(references(url, dialect, plan.clips))

        def trial(streams: int) -> Trial:
            logs = asyncio.run(run_streams(url, dialect, plan.clips, streams, plan.pace, ramp=plan.ramp))
            result = report(logs, expected)
            faults = len(result.errors) + result.refused + len(result.different)
            return replace(_told(OURS, streams, result.final, faults), over_time=_over_time(logs))

        return search(trial, first=first, most=most, resolution=plan.resolution)


def _over_time(logs: Sequence[StreamLog]) -> tuple[tuple[float, float], ...]:
    said = [u for log in logs for u in log.utterances if u.final_lag is not None]
    begun = min((u.started for u in said), default=0.0)
    return tuple(sorted((u.ended - begun, u.final_lag) for u in said if u.final_lag is not None))


def their_trials(folder: Path, plan: Plan, *, first: int, most: int) -> list[Trial]:
    """Streams of transformers."""
    with LiveTransformers(folder, plan.clips) as live:

        def trial(streams: int) -> Trial:
            return _told(THEIRS, streams, percentiles(live.lags(streams, plan.pace, plan.ramp)), 0)

        trial(1)  # the first steps of a process are slow
        return search(trial, first=first, most=most, resolution=plan.resolution)


def _told(engine: str, streams: int, lags: dict[str, float], faults: int) -> Trial:
    p50, p95, p99 = lags.values() if lags else (float("inf"),) * 3
    trial = Trial(engine, streams, p50, p95, p99, faults, os.getloadavg()[0])
    verdict = "held" if trial.held else "too late" if not faults else f"{faults} faults"
    print(f"{engine}: {streams} streams, p99 {1e3 * p99:.0f} ms: {verdict}", file=sys.stderr, flush=True)
    return trial


def show(trials: Sequence[Trial]) -> None:
    """Print all trials, and how the capacities compare."""
    caption = f"{machine.name()}; floor: the steps behind the last sound, bytes and operations over measured rates"
    table = Table(title="final lag by number of live streams", caption=caption)
    lags = ("p50 ms", "p95 ms", "p99 ms", "floor ms", "x floor")
    for column in ("engine", "streams", *lags, "faults", "load", "in time"):
        table.add_column(column, justify="left" if column == "engine" else "right")
    for t in sorted(trials, key=lambda t: (t.engine, t.streams)):
        times = (f"{1e3 * lag:.0f}" for lag in (t.p50, t.p95, t.p99))
        table.add_row(
            t.engine,
            str(t.streams),
            *times,
            f"{1e3 * t.floor:.1f}",
            f"{t.p50 / t.floor:.0f}",
            str(t.faults),
            f"{t.load_average:.1f}",
            "yes" if t.held else "no",
        )
    console = Console()
    console.print(table)
    ours, theirs = (capacity([t for t in trials if t.engine == engine]) for engine in (OURS, THEIRS))
    ratio = f"{ours / theirs:.1f} times as many" if theirs else "transformers did not hold one"
    console.print(f"in time: {OURS} {ours}, {THEIRS} {theirs}: {ratio}")


def plot(trials: Sequence[Trial], path: Path) -> None:
    """Lag over number of streams."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for engine, colour in ((OURS, "tab:blue"), (THEIRS, "tab:orange")):
        own = sorted((t for t in trials if t.engine == engine and t.p99 < float("inf")), key=lambda t: t.streams)
        axes.plot([t.streams for t in own], [1e3 * t.p99 for t in own], "o-", color=colour, label=f"{engine}, p99")
        axes.plot([t.streams for t in own], [1e3 * t.p50 for t in own], ":", color=colour, label=f"{engine}, p50")
    axes.axhline(1e3 * IN_TIME, color="tab:red", linewidth=0.8)
    axes.text(1, 1.05e3 * IN_TIME, f"{1e3 * IN_TIME:g} ms: too late", color="tab:red", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="live streams", ylabel="final text after end of clip, ms")
    ticks = sorted({t.streams for t in trials})
    axes.set_xticks(ticks, [str(n) for n in ticks], fontsize=7)
    axes.minorticks_off()
    axes.legend(fontsize=8)
    axes.set_title(machine.name(), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def plot_over_time(trials: Sequence[Trial], path: Path) -> None:
    """How late each final text was, over the time of the trial, for the largest crowd that was held."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    most = max((t for t in trials if t.held and t.over_time), key=lambda t: t.streams, default=None)
    if most is None:
        return
    figure, axes = plt.subplots(figsize=(7, 3.5))
    axes.plot(*zip(*[(at, 1e3 * lag) for at, lag in most.over_time], strict=True), ".", color="tab:blue")
    axes.axhline(1e3 * IN_TIME, color="tab:red", linewidth=0.8)
    axes.set(xlabel="end of speech, s into the trial", ylabel="final text after it, ms", ylim=(0, 1100 * IN_TIME))
    axes.set_title(f"{most.streams} live streams, {machine.name()}", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def planned(files: Sequence[Path], *, quick: bool) -> Plan:
    """Two clips a stream in a quick run, three otherwise."""
    clips = load(files)
    if quick:
        clips = [replace(clip, pcm=clip.pcm[: 4 * 2 * 16_000]) for clip in clips]
    period = min(clip.seconds for clip in clips) + Pace(0).pause
    return Plan(clips, Pace(1.1 * period if quick else 2.1 * period), resolution=0.25 if quick else 0.1)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path, default=[SAMPLE], help="recordings (default: the bundled one)")
    parser.add_argument("--model", type=Path, default=SAMPLE.parent, help="model folder (default: the bundled one)")
    parser.add_argument("--first", type=int, default=8, help="streams to begin with (default 8; transformers: 1)")
    parser.add_argument("--most", type=int, default=256, help="streams to end with (default 256)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--over-time", type=Path, help="where to draw the lags of the largest crowd that was held")
    options = parser.parse_args()
    plan = planned(options.clips, quick=options.quick)
    limits, cost = machine.measure(), StepCost.of(options.model)
    dtype = pick_dtype("auto", torch.device("cpu"), packs=True)
    compiled_step.find_or_make(options.model, cost.config, dtype)  # as a server has it from its second start on
    trials = our_trials(str(options.model), plan, first=options.first, most=options.most)
    trials += their_trials(options.model, plan, first=1, most=options.most)
    trials = [replace(t, floor=cost.final(limits, t.streams, dtype)) for t in trials]
    show(trials)
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit(), "seconds": plan.pace.seconds}
        options.json.write_text(json.dumps({**record, "trials": [asdict(t) for t in trials]}, indent=1) + "\n")
    if options.plot:
        plot(trials, options.plot)
    if options.over_time:
        plot_over_time(trials, options.over_time)


if __name__ == "__main__":
    main()
