"""Draw the curves of one or more runs for the model card: losses and word error rates over hours of sound heard.

python plot.py --run RUN [--run RUN2] --out curves.png
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

LOSSES = {"phones": "phones (CTC)", "pieces": "pieces (CTC)", "words": "decoder"}


def entries(runs: list[Path]) -> list[dict[str, Any]]:
    """Read the curves of runs that followed one another; hours go on from one run to the next."""
    rows: list[dict[str, Any]] = []
    for run in runs:
        for line in (run / "curves.jsonl").read_text(encoding="utf-8").splitlines():
            rows.append(json.loads(line))
    return rows


def hours(rows: list[dict[str, Any]]) -> list[float]:
    """Return how much sound had been heard at each row."""
    return [row["hours"] for row in rows]


def draw(rows: list[dict[str, Any]], out: Path) -> None:
    """Draw the losses above the word error rates; a line stops where a stage does not have it."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 8), sharex=True, layout="constrained")
    for key, label in LOSSES.items():
        if any(key in row for row in rows):
            above.plot(hours(rows), [row.get(key, math.nan) for row in rows], label=label, linewidth=1)
    above.set_yscale("log")
    above.set_ylabel("loss per label")
    above.legend()
    watched = [row for row in rows if "wer" in row]
    for name in sorted({name for row in watched for name in row["wer"]}):
        points = [100 * row["wer"].get(name, math.nan) for row in watched]
        style = "--" if name.startswith("ctc") else "-"
        below.plot(hours(watched), points, style, label=name, linewidth=1, marker=".", markersize=4)
    below.set_ylabel("word error rate (%), 40 utterances each")
    below.set_xlabel("hours of sound processed")
    below.set_ylim(0, 105)
    below.legend(fontsize=7, ncols=2)
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.savefig(out, dpi=100)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, action="append", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    draw(entries(options.run), options.out)


if __name__ == "__main__":
    main()
