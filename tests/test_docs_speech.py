"""What docs/speech.md shows works against a real server that really speaks."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests import snippets
from tests.server.conftest import running
from voxtral_service.assistant.espeak import MOST_UTTERANCES, Espeak
from voxtral_service.audio.decode import read
from voxtral_service.config import Settings
from voxtral_service.server.seats import Seats
from voxtral_service.wire.speech_request import LONGEST

PAGE = (Path(__file__).parents[1] / "docs" / "speech.md").read_text("utf-8")
SNIPPETS = snippets.blocks(PAGE, "python")


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 2


async def test_its_figures_are_those_of_the_code() -> None:
    assert f"{LONGEST:,} characters" in PAGE
    assert f"{MOST_UTTERANCES} texts" in PAGE
    assert Seats(1).speech == MOST_UTTERANCES
    voices = await Espeak().voices()
    assert len({voice.name for voice in voices if "+" not in voice.name}) > 130
    assert len([voice for voice in voices if "+" in voice.name]) == 13


def test_its_settings_are_some() -> None:
    [text] = snippets.blocks(PAGE, "toml")
    Settings(**tomllib.loads(text))


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["openai", "mistral"])
async def test_a_snippet_writes_speech(snippet: str, tmp_path: Path) -> None:
    async with running(speech=Espeak()) as server:
        await snippets.printed(*snippets.PYTHON, snippet, folder=tmp_path, port=server.port)
    assert 1 < len(read(tmp_path / "speech.wav")) / 16_000 < 4
