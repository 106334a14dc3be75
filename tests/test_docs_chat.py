"""What docs/chat.md shows works against a real server with a tiny model."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.fakes import installed
from tests.server.conftest import running
from voxtral_service.engine import abilities, loading
from voxtral_service.engine.pool import EnginePool, LoadedModel
from voxtral_service.engine.registry import Registry

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
PAGE = (ROOT / "docs" / "chat.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 2


def test_its_figures_are_those_of_the_code() -> None:
    longest = abilities.voxtral((), 131_072).longest_conversation
    assert f"{longest / 60:.0f} minutes" in " ".join(PAGE.split())
    assert f"{abilities.VOXTRAL_CONTEXT:,} tokens" in PAGE


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["openai", "mistral"])
async def test_a_snippet_prints_an_answer(snippet: str, offline_folder: Path, tmp_path: Path) -> None:
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    (tmp_path / "models" / "voxtral-mini-3b").parent.mkdir()
    (tmp_path / "models" / "voxtral-mini-3b").symlink_to(offline_folder)
    async with running() as server:
        server.state.pool = EnginePool(
            Registry(tmp_path / "models", tmp_path / "none", tmp_path / "none"),
            lambda model: loading.load(model, device=torch.device("cpu"), slots=1),
            budget=10**9,
            idle_seconds=60,
            default=LoadedModel(installed(), server.engine),
        )
        # The tiny model would go on for a thousand tokens.
        program = snippet.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
        program = program.replace('model="voxtral-mini-3b",', 'model="voxtral-mini-3b", max_tokens=20,')
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "ignore", "-c", program],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            env={"PYTHONIOENCODING": "utf-8"},
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) > 2
