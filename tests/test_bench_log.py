"""What `make bench` writes into SPEED.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench


def test_a_row_goes_to_the_end_of_the_last_table() -> None:
    log = "# Log\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## More\n\n| c |\n|---|\n| 3 |\n\nWords | with bars.\n"
    assert bench.logged(log, "| 4 |") == log.replace("| 3 |\n", "| 3 |\n| 4 |\n")


def test_figures_become_a_row_and_a_failure_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(command: list[str], **_: object) -> object:
        if wrote:
            told = {"rows": [{"what": "import torch", "seconds": 1.5}]}
            Path(command[command.index("--json") + 1]).write_text(json.dumps(told))
        return type("Done", (), {"returncode": 0 if wrote else 1})

    monkeypatch.setattr("subprocess.run", ran)
    monkeypatch.setattr("benchmarks.machine.commit", lambda: "abc")
    monkeypatch.setattr("benchmarks.machine.name", lambda: "a machine")
    cold = next(benchmark for benchmark in bench.ALL if benchmark.name == "cold_start")
    wrote = True
    row = bench.run(cold, tmp_path)
    assert row is not None
    assert row.endswith("| `cold_start` | | import torch 1.50 s | |")
    wrote = False
    assert bench.run(cold, tmp_path) is None
