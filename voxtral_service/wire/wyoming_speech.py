"""Text to speech over Wyoming: what a client asks for, and the sound as its events.

client                                          answers
---------------------------------------------   ----------------------------------------------------------
synthesize                                      audio-start, audio-chunk ..., audio-stop
synthesize-start, synthesize-chunk ...,         audio-start, audio-chunk ... as sentences come in, audio-stop,
  synthesize (all of it again), synthesize-stop   synthesize-stopped
"""

from __future__ import annotations

from dataclasses import dataclass

from voxtral_service.errors import CallerError, InvalidOption, TooLarge
from voxtral_service.wire import wyoming_frames
from voxtral_service.wire.frames import text
from voxtral_service.wire.wyoming_frames import Event

LONGEST = 16_384
"""Characters of one request; some 18 minutes of sound."""
CHUNK = 8_192
"""Bytes of sound in one event at most."""


@dataclass(frozen=True, slots=True)
class StartSpeech:
    """Texts follow that are to be spoken as one. `voice` is a name, empty for that of `language`, a BCP 47 tag; both
    empty for the default. With `stream` the end is told too.
    """

    voice: str = ""
    language: str = ""
    stream: bool = False


@dataclass(frozen=True, slots=True)
class SpeakText:
    """More text, cut anywhere."""

    text: str


@dataclass(frozen=True, slots=True)
class EndSpeech:
    """No text follows."""


SpeechCommand = StartSpeech | SpeakText | EndSpeech


class SpeechRequests:
    """What a client says about speech, understood."""

    def __init__(self) -> None:
        self._streaming = False
        self._left = LONGEST

    def understand(self, event: Event) -> tuple[SpeechCommand, ...]:
        """One of the four events. Raises CallerError for one that makes no sense."""
        match event.type:
            case "synthesize" if self._streaming:
                return ()  # for servers that do not stream; it has been said already
            case "synthesize":
                self._left = LONGEST
                return (_start(event, stream=False), self._text(event), EndSpeech())
            case "synthesize-start":
                if self._streaming:
                    raise CallerError("synthesize-start has come already; end with synthesize-stop")
                self._streaming, self._left = True, LONGEST
                return (_start(event, stream=True),)
            case "synthesize-chunk" if self._streaming:
                return (self._text(event),)
            case "synthesize-stop" if self._streaming:
                self._streaming = False
                return (EndSpeech(),)
            case kind:
                raise CallerError(f"{kind} needs a synthesize-start before it")

    def _text(self, event: Event) -> SpeakText:
        said = text(event.data.get("text"))
        if said is None:
            raise InvalidOption("text must be a string", field="text")
        self._left -= len(said)
        if self._left < 0:
            raise TooLarge(f"a text may have {LONGEST} characters; send it in several requests", field="text")
        return SpeakText(said)


def _start(event: Event, *, stream: bool) -> StartSpeech:
    if event.data.get("text_format") not in (None, "text"):
        raise InvalidOption("text is spoken as it is; text_format must be text", field="text_format")
    voice = event.data.get("voice")
    fields = voice if isinstance(voice, dict) else {}
    return StartSpeech(text(fields.get("name")) or "", text(fields.get("language")) or "", stream)


def begin(sample_rate: int) -> bytes:
    """Sound follows: 16-bit mono."""
    return wyoming_frames.write(Event("audio-start", _format(sample_rate)))


def sound(data: bytes, sample_rate: int) -> list[bytes]:
    """The next of it."""
    parts = (data[first : first + CHUNK] for first in range(0, len(data), CHUNK))
    return [wyoming_frames.write(Event("audio-chunk", _format(sample_rate), part)) for part in parts]


def end(*, stream: bool) -> list[bytes]:
    """That was all."""
    kinds = ("audio-stop", "synthesize-stopped") if stream else ("audio-stop",)
    return [wyoming_frames.write(Event(kind, {})) for kind in kinds]


def _format(sample_rate: int) -> dict[str, object]:
    return {"rate": sample_rate, "width": 2, "channels": 1}
