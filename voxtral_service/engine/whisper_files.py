"""What the files of a Whisper model for CTranslate2 say about it, without loading it."""

from __future__ import annotations

import json
from pathlib import Path

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config_files import HUGGING_FACE_CONFIG, read_json

MULTILINGUAL_VOCABULARY = 51_865
"""Tokens of the first multilingual Whisper; those of English-only models are fewer by one (the empty token)."""


def whisper_languages(folder: Path) -> tuple[str, ...]:
    """The languages whose tokens the model knows; ("en",) for an English-only one.

    The vocabularies of English-only models hold the others' tokens too; CTranslate2 tells them apart by their size, or
    by the empty token. Raises CheckpointError if the vocabulary cannot be read.
    """
    vocabulary = _vocabulary(folder)
    if len(vocabulary) < MULTILINGUAL_VOCABULARY and "" not in vocabulary:
        return ("en",)
    ids = read_json(folder / HUGGING_FACE_CONFIG).get("lang_ids") or ()
    try:
        return tuple(vocabulary[i].removeprefix("<|").removesuffix("|>") for i in ids)
    except (IndexError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{folder / HUGGING_FACE_CONFIG} and the vocabulary beside it contradict each other"
        ) from error


def _vocabulary(folder: Path) -> list[str]:
    """`vocabulary.json`, or `vocabulary.txt` of older conversions, one token a line."""
    new, old = folder / "vocabulary.json", folder / "vocabulary.txt"
    try:
        if not new.is_file():
            return old.read_text("utf-8").split("\n")
        tokens = json.loads(new.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the model in {folder} has no vocabulary that can be read ({error})") from error
    if not isinstance(tokens, list):
        raise CheckpointError(f"{new} holds no list of tokens; fetch the model again")
    return tokens
