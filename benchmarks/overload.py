"""Twice as many callers at once as the server found that it holds: are those that are let in still served in time?

    python -m benchmarks.overload
    python -m benchmarks.overload --times 3 --json overload.json

Starts `voxtral serve` on loopback, which measures how many live streams this machine holds, and lets a multiple of that
many speakers come at the same moment, as `clients.load_test` does. Printed: how many were let in, the final lag of
theirs, and how long others, who come one after another while these speak, wait for their refusal. The clients run on
the same cores and count against the server.

Exit status: 0 if 99 of 100 finals kept the bound, nothing failed, and all refusals came within 100 ms; else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from benchmarks import machine
from benchmarks.live_capacity import IN_TIME, planned, serving
from clients.live_dialects import DIALECTS, Dialect
from clients.live_streams import TOO_MANY, StreamLog, run_stream
from clients.load_test import SAMPLE, percentiles, references, report

REFUSED_WITHIN = 0.1
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds; `final` of those let in, `refusal` of the others from their connecting to the answer."""

    capacity: int
    came: int
    admitted: int
    final: dict[str, float]
    refusal: dict[str, float]
    faults: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether everybody got what they were promised."""
        late = not self.final or self.final["p99"] >= IN_TIME
        return not (late or self.faults or self.refusal.get("p99", 0.0) > REFUSED_WITHIN)


async def refusal(url: str, dialect: Dialect) -> float:
    """Seconds until a caller who comes too late knows it. Raises RuntimeError for one who is let in."""
    begun = time.perf_counter()
    try:
        async with connect(url + dialect.path, compression=None, proxy=None):
            raise RuntimeError("a place was free")
    except InvalidStatus as error:
        if error.response.status_code not in TOO_MANY or "Retry-After" not in error.response.headers:
            raise
    return time.perf_counter() - begun


async def crowd(url: str, dialect: Dialect, plan_seconds: float, capacity: int, came: int) -> Outcome:
    """All at once; then, while those who were let in speak, as many more, one after another."""
    plan = planned([SAMPLE], quick=True)
    expected = await references(url, dialect, plan.clips)
    # They come at once; that they also stop speaking at once, each time, is not to be feared of strangers.
    waits_before = [plan.ramp * (number * 0.618 % 1) for number in range(came)]
    speakers = [
        asyncio.create_task(run_stream(url, dialect, plan.clips, replace(plan.pace, wait=wait)))
        for wait in waits_before
    ]
    await asyncio.sleep(2.0)
    waits = []
    for _ in range(came - capacity):
        waits.append(await refusal(url, dialect))
        await asyncio.sleep(plan_seconds / came)
    logs: list[StreamLog] = await asyncio.gather(*speakers)
    admitted = [log for log in logs if not log.refused]
    told = report(admitted, expected)
    return Outcome(
        capacity, came, len(admitted), told.final, percentiles(waits), (*told.errors, *map(repr, told.different))
    )


def show(outcome: Outcome) -> None:
    """Print the table."""
    table = Table(
        title=f"{outcome.came} callers at once, {outcome.capacity} places, {outcome.admitted} let in",
        caption=machine.name(),
    )
    for column in ("ms", "p50", "p95", "p99", "bound"):
        table.add_column(column, justify="right" if column != "ms" else "left")
    for name, values, bound in (
        ("final text", outcome.final, IN_TIME),
        ("refusal", outcome.refusal, REFUSED_WITHIN),
    ):
        table.add_row(name, *(f"{1e3 * value:.0f}" for value in values.values()), f"{1e3 * bound:.0f}")
    console = Console()
    console.print(table)
    console.print(f"faults: {len(outcome.faults)}; {'held' if outcome.held else 'NOT HELD'}")


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=SAMPLE.parent, help="model folder (default: the bundled one)")
    parser.add_argument("--times", type=float, default=2.0, help="callers for each place (default 2)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with serving(str(options.model), None, "--log-level", "warning") as url:
        with urlopen(url.replace("ws:", "http:") + "/ready", timeout=5) as answer:
            capacity = json.load(answer)["places"]
        came = int(np.ceil(options.times * capacity))
        outcome = asyncio.run(crowd(url, DIALECTS["openai"](), 4.0, capacity, came))
    show(outcome)
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit(), **asdict(outcome)}
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if outcome.held else 1


if __name__ == "__main__":
    sys.exit(main())
