"""`voxtral bench`: steps and what follows from them."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from tests import tiny
from voxtral_service.cli.app import app


def bench(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_steps_and_streams(tmp_path: Path) -> None:
    model = tiny.write_model(tmp_path / "tiny", tiny.SHAPES["small"])
    told = json.loads(bench("--model", model, "--max-streams", "3", "--lag-bound", "60", "--json"))
    assert [step["streams"] for step in told["steps"]] == [1, 2, 3]
    assert all(step["seconds"] > 0 for step in told["steps"])
    assert (told["bound"], told["streams"], told["device"]) == (60.0, 3, "cpu")
    shown = bench("--model", model, "--max-streams", "1", "--lag-bound", "0.0001")
    assert "not one live stream with its final text within 0.1 ms" in shown


def test_only_engines_with_steps_can_be_measured(tmp_path: Path) -> None:
    from tests import tiny_whisper

    result = CliRunner().invoke(app, ["bench", "--model", str(tiny_whisper.write_whisper(tmp_path / "whisper"))])
    assert result.exit_code == 2
    assert "does not work in steps of 80 ms" in result.output
