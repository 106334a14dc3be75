"""What speaks is chosen by the settings."""

from __future__ import annotations

import importlib.util

import pytest

from voxtral_service import config
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.speech_endpoint import SpeechEndpoint
from voxtral_service.cli.serve import synthesizer
from voxtral_service.errors import InvalidOption


def test_espeak_unless_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(synthesizer(config.load()), Espeak)
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
