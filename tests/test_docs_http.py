"""What docs/http.md shows works against a real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import running
from tests.server.test_transcriptions import EVERYTHING

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
PAGE = (ROOT / "docs" / "http.md").read_text("utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
((SHELL,)) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CURLS = SHELL.replace("\\\n", " ").splitlines()


def test_there_are_snippets() -> None:
    assert (len(PYTHON), len(CURLS)) == (3, 7)


async def printed(tmp_path: Path, *command: str) -> str:
    """What a command prints, run beside a recording, against a server whose fake engine spells how loud it is."""
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    async with running(capabilities=EVERYTHING) as server:
        done = await asyncio.to_thread(
            subprocess.run,
            [part.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}") for part in command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("snippet", PYTHON, ids=["openai", "openai-stream", "mistral"])
async def test_a_python_snippet_prints_a_transcript(snippet: str, tmp_path: Path) -> None:
    words = (await printed(tmp_path, sys.executable, "-W", "ignore", "-c", snippet)).split()
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
