"""What a Wyoming server says about itself when asked to `describe`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from voxtral_service.wire.frames import JsonObject


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who made something, and where it is from. Clients refuse whatever has none."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class AsrModel:
    """A speech-to-text model; Home Assistant offers its languages to the user."""

    name: str
    attribution: Attribution
    languages: tuple[str, ...]
    description: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class AsrProgram:
    """The service. Home Assistant looks at the first program only, so there is one."""

    name: str
    attribution: Attribution
    models: tuple[AsrModel, ...]
    description: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class TtsVoice:
    """A voice; Home Assistant offers those of the language that the user has chosen."""

    name: str
    attribution: Attribution
    languages: tuple[str, ...]
    description: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class TtsProgram:
    """What speaks."""

    name: str
    attribution: Attribution
    voices: tuple[TtsVoice, ...]
    description: str | None = None
    version: str | None = None


OTHER_DOMAINS = ("handle", "intent", "wake", "mic", "snd")


def info(program: AsrProgram, speech: TtsProgram | None = None) -> JsonObject:
    """The data of an `info` event; without `speech` nothing speaks here."""
    described = {
        **asdict(program),
        "installed": True,
        "models": [{**asdict(model), "installed": True} for model in program.models],
        "supports_transcript_streaming": True,
        # The client says when a command is over; Home Assistant has listened for that by then.
        "requires_external_vad": True,
    }
    speaks = [] if speech is None else [_speaks(speech)]
    return {"asr": [described], "tts": speaks, **{domain: [] for domain in OTHER_DOMAINS}}


def _speaks(program: TtsProgram) -> JsonObject:
    return {
        **asdict(program),
        "installed": True,
        "voices": [{**asdict(voice), "installed": True} for voice in program.voices],
        "supports_synthesize_streaming": True,
    }
