"""Models that this project knows by name."""

from __future__ import annotations

from dataclasses import dataclass

from voxtral_service.engine.kinds import Kind


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
    kind: Kind = Kind.VOXTRAL_REALTIME
    translates: bool = False
    """Whether it was trained to translate into English."""


_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
)
WHISPER_LANGUAGES = tuple(_CODES.split())
"""Those of OpenAI's tokenizer, best known first; large-v3 added Cantonese."""
_CANTONESE = (*WHISPER_LANGUAGES, "yue")


def _whisper(name: str, parameters: int, languages: tuple[str, ...] = WHISPER_LANGUAGES, needs: str = "") -> KnownModel:
    """A conversion by Systran. Parameters: table 1 of the paper (Radford et al. 2022), and OpenAI's cards."""
    return KnownModel(
        name=f"whisper-{name}",
        repository=f"Systran/faster-whisper-{name}",
        languages=languages,
        licence="mit",
        parameters=parameters * 1_000_000,
        needs=needs or "any CPU",
        kind=Kind.WHISPER,
        translates=len(languages) > 1,
    )


RECOMMENDED = KnownModel(
    "voxtral-mini-4b-realtime",
    "mistralai/Voxtral-Mini-4B-Realtime-2602",
    ("en", "fr", "es", "de", "ru", "zh", "ja", "it", "pt", "nl", "ar", "hi", "ko"),
    "apache-2.0",
    parameters=4_430_000_000,
    size=8_860_000_000,
    needs="a CUDA GPU with 16 GB",
)
"""What to fetch for better transcripts than the bundled model's."""
_OFFLINE_LANGUAGES = ("en", "es", "fr", "pt", "hi", "de", "nl", "it", "ar")
_FAST_CPU = "a fast CPU, or a CUDA GPU"

CATALOG = (
    KnownModel("wren-en", None, ("en",), "apache-2.0"),
    KnownModel("wren-chat", None, ("en",), "apache-2.0", kind=Kind.CHAT),
    RECOMMENDED,
    KnownModel(
        "voxtral-mini-3b",
        "mistralai/Voxtral-Mini-3B-2507",
        _OFFLINE_LANGUAGES,
        "apache-2.0",
        parameters=4_670_000_000,
        size=9_300_000_000,
        needs="a CUDA GPU with 16 GB",
        kind=Kind.VOXTRAL,
    ),
    KnownModel(
        "voxtral-small-24b",
        "mistralai/Voxtral-Small-24B-2507",
        _OFFLINE_LANGUAGES,
        "apache-2.0",
        parameters=24_250_000_000,
        size=48_500_000_000,
        needs="a CUDA GPU with 60 GB",
        kind=Kind.VOXTRAL,
    ),
    _whisper("tiny", 39),
    _whisper("tiny.en", 39, ("en",)),
    _whisper("base", 74),
    _whisper("base.en", 74, ("en",)),
    _whisper("small", 244),
    _whisper("small.en", 244, ("en",)),
    _whisper("medium", 769, needs=_FAST_CPU),
    _whisper("medium.en", 769, ("en",), needs=_FAST_CPU),
    _whisper("large-v2", 1550, needs="a CUDA GPU"),
    _whisper("large-v3", 1550, _CANTONESE, needs="a CUDA GPU"),
    KnownModel(
        "whisper-large-v3-turbo",
        "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        _CANTONESE,
        "mit",
        parameters=809_000_000,
        needs="a CUDA GPU, or a fast CPU",
        kind=Kind.WHISPER,
    ),
)


def known(name: str) -> KnownModel | None:
    """The model of this alias or hub id."""
    return next((model for model in CATALOG if name in (model.name, model.repository)), None)
