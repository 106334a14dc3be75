"""What docs/http.md shows works against a real server."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests import snippets
from tests.server.conftest import running
from tests.server.test_transcriptions import EVERYTHING

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
PAGE = (ROOT / "docs" / "http.md").read_text("utf-8")
PYTHON = snippets.blocks(PAGE, "python")
(SHELL,) = snippets.blocks(PAGE, "sh")
CURLS = SHELL.replace("\\\n", " ").splitlines()


def test_there_are_snippets() -> None:
    assert (len(PYTHON), len(CURLS)) == (3, 7)


async def printed(tmp_path: Path, *command: str) -> str:
    """What a command prints, run beside a recording, against a server whose fake engine spells how loud it is."""
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    async with running(capabilities=EVERYTHING) as server:
        return await snippets.printed(*command, folder=tmp_path, port=server.port)


@pytest.mark.parametrize("snippet", PYTHON, ids=["openai", "openai-stream", "mistral"])
async def test_a_python_snippet_prints_a_transcript(snippet: str, tmp_path: Path) -> None:
    words = (await printed(tmp_path, *snippets.PYTHON, snippet)).split()
    assert len(words) > 20
    assert all(word.isdigit() for word in words)


BEGINS = {
    "text": r"\d+ \d+",
    "srt": r"1\n00:00:0",
    "vtt": "WEBVTT",
    "json": r'\{"text"',
    "verbose_json": r'\{"task".*"words": \[',
    "stream": "data: ",
    "mistral": r'\{"model"',
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("line", "begins"), list(zip(CURLS, BEGINS.values(), strict=True)), ids=list(BEGINS))
async def test_a_line_of_curl_gets_its_format(line: str, begins: str, tmp_path: Path) -> None:
    assert re.match(begins, await printed(tmp_path, "sh", "-c", line))
