"""Models that this project knows by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model as its publishers describe it."""

    name: str
    repository: str | None
    """Its id on the Hugging Face hub; None if it only comes bundled."""
    languages: tuple[str, ...]
    licence: str
    parameters: int | None = None
    size: int | None = None
    """Bytes of its weights."""
    needs: str = ""


CATALOG = (
    KnownModel("wren-en", None, ("en",), "apache-2.0"),
    KnownModel(
        "voxtral-mini-4b-realtime",
        "mistralai/Voxtral-Mini-4B-Realtime-2602",
        ("en", "fr", "es", "de", "ru", "zh", "ja", "it", "pt", "nl", "ar", "hi", "ko"),
        "apache-2.0",
        parameters=4_430_000_000,
        size=8_860_000_000,
        needs="a CUDA GPU with 16 GB",
    ),
)
RECOMMENDED = CATALOG[-1]
"""What to fetch for better transcripts than the bundled model's."""


def known(name: str) -> KnownModel | None:
    """The model of this alias or hub id."""
    return next((model for model in CATALOG if name in (model.name, model.repository)), None)
