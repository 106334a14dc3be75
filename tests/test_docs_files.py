"""What docs/files.md shows works, word for word."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import snippets
from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.decode import read
from voxtral_service.audio.write import write_wav
from voxtral_service.cli.app import app

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
PAGE = (ROOT / "docs" / "files.md").read_text("utf-8")

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason="the bundled model is not in this checkout")


COMMANDS = [
    shlex.split(line, comments=True)[1:] for block in snippets.blocks(PAGE, "sh") for line in block.splitlines()
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recordings").mkdir()
    for name in ("talk.mp3", "recordings/one.wav", "recordings/two.wav"):
        write_wav(tmp_path / name, read(SAMPLE)[: 3 * SAMPLE_RATE])  # recognised by its content, whatever it is called
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOXTRAL_MODELS_DIR", str(tmp_path / "models"))
    return tmp_path


def test_its_commands_run_one_after_the_other(folder: Path) -> None:
    said = []
    for command in COMMANDS:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (command, done.stderr)
        said.append((done.stdout, done.stderr.splitlines()[-1]))
    assert len(COMMANDS) == 10
    text, words = said[0][0], said[3][0]
    assert text.split() == [line.split("\t")[2] for line in words.splitlines()]
    assert (folder / "talk.srt").read_text().startswith("1\n00:00:0")
    # The next two find what the third has done; a forced one does it again.
    assert [line.partition(" in ")[0] for _, line in said[5:8]] == [
        "0 transcribed, 2 done before (--force does them again)",
        "0 transcribed, 2 done before (--force does them again)",
        "2 transcribed; 0:00:06 of audio",
    ]
    made = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    names = [f"transcripts/{name}.{suffix}" for name in ("one", "two") for suffix in ("json", "vtt")]
    names += [f"shared/{name}.json" for name in ("one", "two")] + [f"refined/{name}.txt" for name in ("one", "two")]
    assert {Path(name) for name in names} <= made
    assert not [path for path in made if path.name.startswith(".")]
    assert (folder / "refined" / "one.txt").read_text() == text


def test_its_program_runs(folder: Path) -> None:
    [program] = snippets.blocks(PAGE, "python")
    assert len(snippets.run(*snippets.PYTHON, program, folder=folder).split()) > 1
