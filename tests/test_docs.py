"""What the pages of docs/ show works against a real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import running

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
LIVE = (ROOT / "docs" / "live.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", LIVE, re.MULTILINE | re.DOTALL)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 2


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["openai", "mistral"])
async def test_a_snippet_prints_a_transcript(snippet: str, tmp_path: Path) -> None:
    """Word for word but for the port; the fake engine spells how loud each tenth of a second is."""
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    async with running() as server:
        program = snippet.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        run = asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "ignore", "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        done = await run
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert len(words) > 20
    assert all(word.isdigit() for word in words)
