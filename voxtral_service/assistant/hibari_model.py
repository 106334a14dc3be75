"""Hibari: natural English by a network of 8 MB, distilled from Kokoro, in its wheel (`hibari-tts`, Apache-2.0).

Its other voices are used where they have been fetched before; nothing is downloaded here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Literal

from voxtral_service.assistant.speech import Voice
from voxtral_service.audio import Samples
from voxtral_service.errors import InvalidOption

SAMPLE_RATE = 24_000
SLOWEST, FASTEST = 0.5, 2.0
"""Speeds that it was made for; others sound like the nearest."""
MISSING = "hibari is not installed; run: pip install 'voxtral-service[voices]'"


def installed() -> bool:
    """Whether the wheel is here."""
    return importlib.util.find_spec("hibari") is not None


class Hibari:
    """A `SentenceModel`. Raises InvalidOption where the wheel is not installed."""

    name = "hibari"

    def __init__(self) -> None:
        if not installed():
            raise InvalidOption(MISSING)
        from hibari.voices import DEFAULT, VOICES

        here = [name for name in VOICES if _file(name) is not None]
        self._about = {name: VOICES[name] for name in sorted(here, key=lambda name: name != DEFAULT)}
        self._loaded: dict[str, Any] = {}

    def voices(self) -> tuple[Voice, ...]:
        """See `SentenceModel`."""
        return tuple(_voice(name, about) for name, about in self._about.items())

    def make(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        """See `SentenceModel`. The same text sounds the same each time."""
        if voice not in self._loaded:
            import hibari

            self._loaded[voice] = hibari.Hibari(voice=voice, threads=1)
        samples: Samples = self._loaded[voice](text, speed=min(max(speed, SLOWEST), FASTEST), seed=0)
        return samples, SAMPLE_RATE


def _voice(name: str, about: dict[str, Any]) -> Voice:
    gender: Literal["female", "male", ""] = about["gender"] if about["gender"] in ("female", "male") else ""
    return Voice(name, about["language"], f"{about['accent']} English, natural", gender, natural=True)


def _file(name: str) -> Path | None:
    from hibari.voices import voice_path

    try:
        return Path(voice_path(name, download_missing=False))
    except OSError:
        return None
