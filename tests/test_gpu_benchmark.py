"""The program for a GPU runs on a CPU, where it has a small model and nothing to prove about speed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu


def test_it_checks_and_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "gpu.json"
    flags = ["--shape", "small", "--device", "cpu", "--dtype", "float32", "--most", "2", "--minutes", "1"]
    monkeypatch.setattr(sys, "argv", ["gpu", *flags, "--json", str(figures)])
    assert gpu.main() == 0
    assert "differs from the CPU by 0.0e+00" in capsys.readouterr().out
    rows = json.loads(figures.read_text("utf-8"))["rows"]
    ours = [(row["minutes"], row["streams"]) for row in rows if row["engine"] == "this engine"]
    assert ours == [(minutes, streams) for minutes in ("1", "10", "full") for streams in (1, 2)]
    assert all(row["step"] > 0 for row in rows)


def test_a_step_that_is_wrong_is_told_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", "--shape", "small", "--device", "cpu"])
    monkeypatch.setattr(gpu, "disagreement", lambda _: float("inf"))
    assert gpu.main() == 1
    assert "the step is wrong on this device" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu"])
    assert gpu.main() == 2
    assert "torch sees no CUDA device" in capsys.readouterr().err


def test_transformers_has_the_same_weights() -> None:
    """Both networks make the same of the same frames."""
    model = gpu.random_model(gpu.SHAPES["small"], torch.device("cpu"), torch.float32)
    network = gpu.transformers_of(model)
    mel = torch.randn(1, 128, 160, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = network.get_audio_features(mel).pooler_output
        ours = model.encode(mel.transpose(1, 2))
    torch.testing.assert_close(ours, theirs.view_as(ours), atol=1e-4, rtol=1e-4)
