"""What the README shows works, word for word."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests import snippets
from tests.server.conftest import running

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"


def commands() -> list[str]:
    return [line for block in snippets.blocks(README, "sh") for line in block.splitlines() if "voxtral " in line]


def test_it_is_short_enough_to_be_read() -> None:
    assert 2000 <= len(README.encode()) <= 6144


def test_it_names_no_file_that_is_not_there() -> None:
    links = re.findall(r"\]\(([^):#]+)\)", README)
    promised = {"models/wren-en/README.md"} if not SAMPLE.exists() else set()
    assert [link for link in links if link not in promised and not (ROOT / link).exists()] == []


def test_its_two_commands_are_targets() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = [line for block in snippets.blocks(README, "sh") for line in block.splitlines()]
    targets = [line.split()[1] for line in lines if line.startswith("make ")]
    assert targets == ["run", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the bundled model is not in this checkout")
@pytest.mark.parametrize("command", commands())
def test_its_commands_run(command: str, tmp_path: Path) -> None:
    shutil.copy(SAMPLE, tmp_path / "talk.mp3")  # recognised by its content, whatever it is called
    (tmp_path / "recordings").mkdir()
    shutil.copy(SAMPLE, tmp_path / "recordings" / "one.wav")
    shutil.copy(SAMPLE, tmp_path / "recordings" / "two.wav")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = snippets.run("bash", "-c", command, folder=tmp_path, PATH=path, VOXTRAL_MODELS_DIR=str(tmp_path / "models"))
    written = [file for file in tmp_path.rglob("*") if file.suffix in (".srt", ".json")]
    assert said.strip() or (written and all(file.stat().st_size for file in written))


async def test_its_program_runs(tmp_path: Path) -> None:
    """Word for word but for the port; the fake engine spells how loud each tenth of a second is."""
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    [program] = snippets.blocks(README, "python")
    async with running() as server:
        said = await snippets.printed(*snippets.PYTHON, program, folder=tmp_path, port=server.port)
    assert len(said.split()) > 20
