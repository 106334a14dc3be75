"""The session object of Mistral's realtime transcription, to house settings and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from voxtral_service.errors import InvalidOption
from voxtral_service.events import AudioFormat, ServerVad, SessionSettings
from voxtral_service.wire.frames import JsonObject, is_number

ENCODINGS = ("pcm_s16le", "pcm_s32le", "pcm_f16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw")
SAMPLE_RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
DELAY_STEP, SHORTEST_DELAY, LONGEST_DELAY = 80, 80, 2_400
SHORTEST_SILENCE, LONGEST_SILENCE = 100, 10_000
LONGEST_LANGUAGE = 35  # a BCP 47 tag with every optional part
FIXED_BY_AUDIO = ("audio_format", "turn_detection")
"""What cannot change once audio has come. The vendor fixes everything then; this server does not have to."""


def initial(defaults: SessionSettings) -> SessionSettings:
    """The settings of a client that says nothing: clients rely on this format, and on turns being theirs to end."""
    return replace(defaults, audio_format=AudioFormat("pcm_s16le", 16_000), turn_detection=None)


def updated(
    settings: SessionSettings, defaults: SessionSettings, update: JsonObject, *, started: bool
) -> SessionSettings:
    """The settings after a `session.update`; null stands for the default, and unknown fields are ignored.

    Raises InvalidOption, and then nothing of the update counts.
    """
    if update.get("diarize") not in (None, False):
        raise InvalidOption("speakers are not told apart here; leave diarize out", field="diarize")
    changes = {
        setting: getattr(defaults, setting) if update[field] is None else read(update[field])
        for field, (setting, read) in _FIELDS.items()
        if field in update
    }
    changed: SessionSettings = replace(settings, **changes)
    for setting in FIXED_BY_AUDIO:
        if started and getattr(changed, setting) != getattr(settings, setting):
            raise InvalidOption(
                f"Session fields cannot be changed after audio has started: {setting}; open another connection",
                field=setting,
            )
    return changed


def described(settings: SessionSettings) -> JsonObject:
    """The part of the session object that clients may set, without what is not set."""
    audio, vad = settings.audio_format, settings.turn_detection
    fields = {
        "audio_format": {"encoding": audio.encoding, "sample_rate": audio.sample_rate},
        "target_streaming_delay_ms": settings.delay_ms,
        "language": settings.language,
        "context_bias": list(settings.vocabulary) or None,
        "turn_detection": {
            "start_threshold": vad.threshold,
            "end_threshold": vad.end_threshold,
            "min_silence_ms": vad.silence_duration_ms,
        }
        if isinstance(vad, ServerVad)
        else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _audio_format(value: object) -> AudioFormat:
    if not isinstance(value, dict):
        raise InvalidOption("audio_format must be an object with encoding and sample_rate", field="audio_format")
    encoding, rate = value.get("encoding", "pcm_s16le"), value.get("sample_rate", 16_000)
    if encoding not in ENCODINGS:
        raise InvalidOption(f"encoding must be one of {', '.join(ENCODINGS)}", field="audio_format.encoding")
    if not isinstance(rate, int) or rate not in SAMPLE_RATES:
        rates = ", ".join(str(rate) for rate in SAMPLE_RATES)
        raise InvalidOption(f"sample_rate must be one of {rates}", field="audio_format.sample_rate")
    return AudioFormat(encoding, rate)


def _delay(value: object) -> int:
    if not is_number(value):
        raise InvalidOption("target_streaming_delay_ms must be a number", field="target_streaming_delay_ms")
    clamped = min(max(value, SHORTEST_DELAY), LONGEST_DELAY)
    return int(clamped + DELAY_STEP / 2) // DELAY_STEP * DELAY_STEP


def _language(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > LONGEST_LANGUAGE:
        raise InvalidOption("language must be a language code such as en", field="language")
    return value or None


def _context_bias(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(term, str) for term in value):
        raise InvalidOption("context_bias must be a list of strings", field="context_bias")
    return tuple(value)


def _turn_detection(value: object) -> ServerVad:
    """The vendor's fields in terms of a turn that ends after a fixed silence.

    A turn starts above `start_threshold` and ends when it has been below `end_threshold` for the shorter of the two
    silences. `eager_end_threshold` has no counterpart: an eager end is told after a part of that silence.
    """
    if not isinstance(value, dict):
        raise InvalidOption("turn_detection must be an object", field="turn_detection")
    threshold = _number(value, "start_threshold", 0.5)
    silence = _number(value, "min_silence_ms", 500)
    silence = min(silence, _number(value, "end_timeout_ms", silence))
    end = _number(value, "end_threshold", 0.33)
    return ServerVad(
        threshold=float(min(max(threshold, 0), 1)),
        silence_duration_ms=int(min(max(silence, SHORTEST_SILENCE), LONGEST_SILENCE)),
        end_threshold=float(min(max(end, 0), 1)),
    )


def _number(fields: JsonObject, name: str, default: float) -> float:
    value = fields.get(name)
    if value is None:
        return default
    if not is_number(value):
        raise InvalidOption(f"{name} must be a number", field=f"turn_detection.{name}")
    return value


_FIELDS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "audio_format": ("audio_format", _audio_format),
    "target_streaming_delay_ms": ("delay_ms", _delay),
    "language": ("language", _language),
    "context_bias": ("vocabulary", _context_bias),
    "turn_detection": ("turn_detection", _turn_detection),
}
