"""What the pages of docs/ show works against a real server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import snippets
from tests.server.conftest import running

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
LIVE = (ROOT / "docs" / "live.md").read_text("utf-8")
SNIPPETS = snippets.blocks(LIVE, "python")


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 2


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["openai", "mistral"])
async def test_a_snippet_prints_a_transcript(snippet: str, tmp_path: Path) -> None:
    """Word for word but for the port; the fake engine spells how loud each tenth of a second is."""
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    async with running() as server:
        words = (await snippets.printed(*snippets.PYTHON, snippet, folder=tmp_path, port=server.port)).split()
    assert len(words) > 20
    assert all(word.isdigit() for word in words)
