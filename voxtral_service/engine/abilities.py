"""What a model can do, told without loading it."""

from __future__ import annotations

from voxtral_service.engine.base import Capabilities
from voxtral_service.engine.catalog import known
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.registry import InstalledModel
from voxtral_service.voxtral.config_files import HUGGING_FACE_CONFIG, read_json

WHISPER_SEGMENT = 30.0
"""Seconds that a Whisper model hears at once."""
VOXTRAL_CONTEXT = 32_768
"""Tokens of question and answer, by the models' cards; their position tables would allow four times as many."""
VOXTRAL_CHUNK, VOXTRAL_CHUNK_TOKENS = 30.0, 375
"""Seconds that are heard at once, and the tokens that they take however little of them is sound."""
TEXT_TOKENS = 1024
"""Tokens of the context that are kept for words when the longest audio of a conversation is told."""


def capabilities(model: InstalledModel) -> Capabilities:
    """What the engine of this model will say of itself."""
    return _BY_KIND[model.kind](model)


def _realtime(model: InstalledModel) -> Capabilities:
    """The architecture has no place for a language, a prompt or a task, and decodes greedily."""
    return Capabilities(languages=model.languages, live=True, uses_vocabulary=True)


def voxtral(languages: tuple[str, ...], positions: int) -> Capabilities:
    """Voxtral 2507: its transcription prompt has a place for the language and for nothing else."""
    chunks = max(0, min(VOXTRAL_CONTEXT, positions) - TEXT_TOKENS) // VOXTRAL_CHUNK_TOKENS
    return Capabilities(
        languages=languages,
        translates=True,
        logprobs=True,
        uses_temperature=True,
        longest_segment=VOXTRAL_CHUNK,
        whole_windows=True,
        word_times="estimated",
        longest_conversation=chunks * VOXTRAL_CHUNK,
    )


def _voxtral(model: InstalledModel) -> Capabilities:
    config = read_json(model.folder / HUGGING_FACE_CONFIG).get("text_config")
    positions = config.get("max_position_embeddings") if isinstance(config, dict) else None
    return voxtral(model.languages, positions if isinstance(positions, int) else VOXTRAL_CONTEXT)


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
        whole_windows=True,
    )


_BY_KIND = {Kind.VOXTRAL_REALTIME: _realtime, Kind.VOXTRAL: _voxtral, Kind.WHISPER: _whisper}
