"""What docs/chat.md shows works against a real server with a tiny model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from tests import snippets
from tests.fakes import installed
from tests.server.conftest import running
from voxtral_service.engine import abilities, loading
from voxtral_service.engine.pool import EnginePool, LoadedModel
from voxtral_service.engine.registry import Registry

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
PAGE = (ROOT / "docs" / "chat.md").read_text("utf-8")
SNIPPETS = snippets.blocks(PAGE, "python")


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
        program = snippet.replace('model="voxtral-mini-3b",', 'model="voxtral-mini-3b", max_tokens=20,')
        answer = await snippets.printed(
            *snippets.PYTHON, program, folder=tmp_path, port=server.port, PYTHONIOENCODING="utf-8"
        )
    assert len(answer.strip()) > 2
