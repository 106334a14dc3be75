"""What a model can do, told without loading it."""

from __future__ import annotations

from voxtral_service.engine.base import Capabilities
from voxtral_service.engine.catalog import known
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.registry import InstalledModel

WHISPER_SEGMENT = 30.0
"""Seconds that a Whisper model hears at once."""


def capabilities(model: InstalledModel) -> Capabilities:
    """What the engine of this model will say of itself."""
    return _BY_KIND[model.kind](model)


def _realtime(model: InstalledModel) -> Capabilities:
    """The architecture has no place for a language, a prompt or a task, and decodes greedily."""
    return Capabilities(languages=model.languages, live=True)


def _voxtral(model: InstalledModel) -> Capabilities:
    """Voxtral 2507: its transcription prompt has a place for the language and for nothing else."""
    return Capabilities(
        languages=model.languages, translates=True, logprobs=True, uses_temperature=True, longest_segment=30.0
    )


def _whisper(model: InstalledModel) -> Capabilities:
    multilingual = len(model.languages) > 1
    alias = known(model.name)
    return Capabilities(
        languages=model.languages,
        live=True,
        # Distilled and turbo models were not trained to; of a stranger nobody can tell.
        translates=alias.translates if alias else multilingual,
        detects_language=multilingual,
        logprobs=True,
        uses_prompt=True,
        uses_vocabulary=True,
        uses_temperature=True,
        longest_segment=WHISPER_SEGMENT,
    )


_BY_KIND = {Kind.VOXTRAL_REALTIME: _realtime, Kind.VOXTRAL: _voxtral, Kind.WHISPER: _whisper}
