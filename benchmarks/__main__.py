"""All tables, one after another: what `make bench` runs.

    python -m benchmarks
    python -m benchmarks --only step cold --out figures/

Each benchmark is a process of its own. Its table is printed; its figures and plots go to a folder, and with them a
dated row of SPEED.md's form (`rows.md`), which `--log` appends to SPEED.md itself.

Exit status: 1 if one of them failed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine

Json = Any
SPEED = Path(__file__).with_name("SPEED.md")


def logged(log: str, row: str) -> str:
    """The log with a row more at the end of its last table."""
    at = log.rindex("\n| ")
    end = log.index("\n", at + 1)
    return f"{log[:end]}\n{row}{log[end:]}"


def _step(told: Json) -> str:
    ours = [row for row in told["rows"] if row["engine"] == "this engine"]
    most = min(ours, key=lambda row: row["step"] / row["streams"])
    theirs = min(row["step"] for row in told["rows"] if row["engine"] != "this engine")
    own = most["step"] / most["streams"]
    return (
        f"{most['streams']} streams, {most['dtype']}: {1e3 * own:.2f} ms a stream, {theirs / own:.1f} times "
        f"transformers ({1e3 * theirs:.2f} ms), {most['step'] / most['floor']:.1f} times the floor"
    )


def _capacity(told: Json) -> str:
    held: dict[str, int] = {}
    for trial in told["trials"]:
        if trial["p99"] < 0.5 and not trial["faults"]:
            held[trial["engine"]] = max(held.get(trial["engine"], 0), trial["streams"])
    return ", ".join(f"{engine} {streams}" for engine, streams in held.items()) or "none held"


def _overload(told: Json) -> str:
    return (
        f"{told['came']} came, {told['admitted']} let in: final p99 {1e3 * told['final']['p99']:.0f} ms, "
        f"refusal p99 {1e3 * told['refusal']['p99']:.0f} ms"
    )


def _cold(told: Json) -> str:
    return ", ".join(f"{row['what']} {row['seconds']:.2f} s" for row in told["rows"])


def _files(told: Json) -> str:
    return ", ".join(f"{row['what']} {row['audio'] / row['cpu']:.0f} s/s" for row in told["rows"])


def _turns(told: Json) -> str:
    return f"times of {', '.join(told)} in the JSON file"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module here, its flags, whether it draws, and how its figures read in a line."""

    name: str
    flags: tuple[str, ...]
    plots: tuple[str, ...]
    """Flags that draw, each into a file of its name."""
    finding: Callable[[Json], str]


ALL = (
    Benchmark("engine_step", ("--model", "models/wren-en"), ("--plot", "--roofline"), _step),
    Benchmark("live_capacity", ("--quick",), ("--plot", "--over-time"), _capacity),
    Benchmark("overload", (), (), _overload),
    Benchmark("files", ("--minutes", "10", "--peer-minutes", "2", "--rounds", "1"), (), _files),
    Benchmark("turn_latency", (), (), _turns),
    Benchmark("cold_start", (), (), _cold),
)


def run(benchmark: Benchmark, folder: Path) -> str | None:
    """Run one, its table on the screen; its row for SPEED.md, or None if it failed."""
    figures = folder / f"{benchmark.name}.json"
    flags = [*benchmark.flags, "--json", str(figures)]
    for plot in benchmark.plots:
        name = benchmark.name if plot == "--plot" else f"{benchmark.name}{plot[1:]}"
        flags += [plot, str(folder / f"{name}.png")]
    figures.unlink(missing_ok=True)
    status = subprocess.run([sys.executable, "-m", f"benchmarks.{benchmark.name}", *flags], check=False).returncode
    if not figures.exists():
        return None
    command = " ".join((benchmark.name, *benchmark.flags))
    finding = benchmark.finding(json.loads(figures.read_text("utf-8")))
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    bound = "" if status == 0 else "; its bound was not kept"
    return f"| {today} | {machine.name()}, {machine.commit()} | `{command}` | | {finding}{bound} | |"


def main() -> int:
    """Run those that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="those with one of these in their names")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="folder for figures (default %(default)s)")
    parser.add_argument("--log", action="store_true", help="append the rows to SPEED.md")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for benchmark in ALL:
        if not any(part in benchmark.name for part in options.only):
            continue
        row = run(benchmark, options.out)
        if row is None:
            failed.append(benchmark.name)
            continue
        with (options.out / "rows.md").open("a", encoding="utf-8") as rows:
            rows.write(row + "\n")
        if options.log:
            SPEED.write_text(logged(SPEED.read_text("utf-8"), row), "utf-8")
    print(f"figures, plots and rows for SPEED.md: {options.out}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
