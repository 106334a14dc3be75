"""What speaks is chosen by the settings."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voxtral_service import config
from voxtral_service.assistant.all_voices import AllVoices
from voxtral_service.assistant.setup import synthesizer
from voxtral_service.assistant.speech_endpoint import SpeechEndpoint
from voxtral_service.audio.decode import read
from voxtral_service.cli.app import app
from voxtral_service.errors import InvalidOption


def test_what_is_installed_unless_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = synthesizer(config.load())
    assert isinstance(installed, AllVoices)
    assert installed.name == "hibari"
    monkeypatch.setenv("VOXTRAL_SPEECH_VOICE", "nobody")
    with pytest.raises(InvalidOption, match="there is no voice 'nobody'"):
        synthesizer(config.load())
    monkeypatch.setenv("VOXTRAL_SPEECH_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("VOXTRAL_SPEECH_KEY", "secret")
    assert isinstance(synthesizer(config.load()), SpeechEndpoint)
    assert "secret" not in repr(config.load())


def test_nothing_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert synthesizer(config.load()) is None


@pytest.mark.parametrize(("name", "voice"), [("a.wav", "de"), ("a.mp3", "heart"), ("a.ogg", "en-gb+f2")])
def test_say(name: str, voice: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["say", "--voice", voice, "-o", str(tmp_path / name), "Good evening."])
    assert result.exit_code == 0, result.output
    seconds = len(read(tmp_path / name)) / 16_000
    assert 0.5 < seconds < 3
    assert f"{name}: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "a.midi", "Hello"], "ends in no format"),
        (["--voice", "nobody", "Hello"], "there is no voice 'nobody'"),
        ([" "], "nothing to say"),
        (["--speed", "9", "Hello"], "speed must be"),
    ],
)
def test_what_cannot_be_said(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["say", *arguments])
    assert result.exit_code == 2
    assert says in result.stderr
    assert not list(tmp_path.iterdir())
