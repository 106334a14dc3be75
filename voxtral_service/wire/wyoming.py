"""Wyoming, as Home Assistant speaks it, on TCP: speech to text; `wyoming_speech` has the other way.

    client                              house                     answers
    ---------------------------------   -----------------------   ----------------------------------------------
    describe                                                      info
    ping                                                          pong
    transcribe, audio-start             Configure
    audio-chunk                         Configure?, AppendAudio   transcript-start, transcript-chunk ...
    audio-stop                          CommitTurn                transcript, transcript-stop

One request is one turn, which the client ends; a connection may carry several. Whatever else comes is ignored, as the
protocol wants it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, ClassVar

from voxtral_service.errors import CallerError, ModelNotFound, VoxtralError
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    AudioRejected,
    Command,
    CommitTurn,
    Configure,
    NothingToCommit,
    SessionEnded,
    SessionEvent,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEnded,
)
from voxtral_service.wire import wyoming_frames
from voxtral_service.wire.base import Connection
from voxtral_service.wire.commits import Commits
from voxtral_service.wire.frames import text
from voxtral_service.wire.spoken import Spoken
from voxtral_service.wire.wyoming_frames import Event, EventReader, whole
from voxtral_service.wire.wyoming_info import AsrProgram, TtsProgram, info
from voxtral_service.wire.wyoming_speech import SpeechCommand, SpeechRequests

ENCODINGS = {1: "pcm_u8", 2: "pcm_s16le", 3: "pcm_s24le", 4: "pcm_s32le"}
"""By bytes per sample, as in WAV files."""
SAMPLE_RATES = range(1_000, 384_001)
CHANNELS = range(1, 257)


@dataclass(frozen=True, slots=True)
class Understood:
    """What some bytes mean: commands for the session, answers to send at once, lines for the log, what to speak."""

    commands: tuple[Command, ...] = ()
    replies: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()
    speech: tuple[SpeechCommand, ...] = ()


class Wyoming:
    """One connection.

    It is a `Dialect` whose frames are bytes, cut anywhere. Once `closing` is set, nothing more is understood, and the
    connection is to be closed when what was said has been sent.
    """

    def __init__(self, connection: Connection, program: AsrProgram, voices: TtsProgram | None = None) -> None:
        self.closing = False
        self._connection = connection
        self._program, self._voices = program, voices
        self._speech = SpeechRequests()
        self._reader = EventReader()
        self._defaults = self._settings = replace(connection.defaults, audio_format=AudioFormat(), turn_detection=None)
        self._commits = Commits()
        self._spoken = Spoken()
        self._streaming = False

    @property
    def settings(self) -> SessionSettings:
        """The settings in effect."""
        return self._settings

    def opening(self) -> Understood:
        """Nothing: here the client speaks first."""
        return Understood()

    def decode(self, frame: bytes) -> Understood:
        """Understand the next bytes of the connection."""
        if self.closing:
            return Understood()
        understood: list[Understood] = []
        try:
            # One by one, so that what came before an error counts.
            for event in self._reader.feed(frame):
                understood.append(self._understand(event))
        except CallerError as error:
            understood.append(Understood(replies=tuple(self.refuse(error)), notes=(f"refused: {error}",)))
        return _together(understood)

    def encode(self, event: SessionEvent) -> list[bytes]:
        """Say what happened in the session."""
        say = self._EVENTS.get(type(event))
        return say(self, event) if say else []

    def refuse(self, error: VoxtralError) -> list[bytes]:
        """An `error` event. The connection closes, because clients wait for a transcript and ignore errors."""
        self.closing = True
        return [_error(error.code, str(error))]

    # -- what the client says

    def _understand(self, event: Event) -> Understood:
        handle = self._COMMANDS.get(event.type)
        return handle(self, event) if handle else Understood(notes=(f"ignored {event.type[:40]!r}",))

    def _describe(self, event: Event) -> Understood:
        return _reply("info", **info(self._program, self._voices))

    def _ping(self, event: Event) -> Understood:
        return _reply("pong", text=text(event.data.get("text")))

    def _select(self, event: Event) -> Understood:
        """There is one program, so whatever the client selects, it gets that."""
        return Understood()

    def _transcribe(self, event: Event) -> Understood:
        """A request of its own: what it leaves out is not taken from the one before."""
        model = text(event.data.get("name"))
        if model is not None and not self._connection.accepts(model):
            raise ModelNotFound(
                f"there is no model {model[:80]!r} here; ask for {self._connection.model}", field="name"
            )
        bias = (*_strings(event.data.get("transcript_names")), *_strings(event.data.get("transcript_terms")))
        return self._configure(
            language=text(event.data.get("language")) or self._defaults.language,
            vocabulary=bias or self._defaults.vocabulary,
        )

    def _audio_start(self, event: Event) -> Understood:
        return self._configure(audio_format=_audio_format(event.data))

    def _audio_chunk(self, event: Event) -> Understood:
        """Every chunk names its format; one that does not is in that of the chunk before."""
        known = event.data.keys() & {"rate", "width", "channels"}
        configured = self._configure(audio_format=_audio_format(event.data)) if known else Understood()
        if not event.payload:
            return configured
        self._commits.meter.add(len(event.payload), self._settings.audio_format)
        return _together([configured, Understood(commands=(AppendAudio(event.payload),))])

    def _audio_stop(self, event: Event) -> Understood:
        if self._commits.full:
            raise CallerError("too many requests at once; wait for transcripts before asking for more")
        return Understood(
            commands=(CommitTurn(),) if self._commits.add() else (),
            replies=tuple(chain.from_iterable(self._transcript() for _ in self._commits.answered_at_once())),
        )

    def _synthesize(self, event: Event) -> Understood:
        return Understood(speech=self._speech.understand(event))

    # -- what the session says

    def _delta(self, event: TranscriptDelta) -> list[bytes]:
        said = self._spoken.add(event.turn, event.text)
        if not self._streaming:
            said = said.lstrip()
        return [*self._start(), _event("transcript-chunk", text=said)] if said else []

    def _turn_ended(self, event: TurnEnded) -> list[bytes]:
        self._commits.turn_ended(event)
        return []

    def _final(self, event: TranscriptFinal) -> list[bytes]:
        answered = self._commits.transcript_came(event.turn)
        return [part for _ in answered for part in self._transcript(event.turn, event.language)]

    def _nothing(self, _: NothingToCommit) -> list[bytes]:
        return [part for _ in self._commits.nothing_came() for part in self._transcript()]

    def _failed(self, event: TranscriptFailed) -> list[bytes]:
        self.closing = True
        return [_error(event.code, event.message)]

    def _rejected(self, event: AudioRejected) -> list[bytes]:
        return [_error(event.code, event.message)]

    def _session_ended(self, event: SessionEnded) -> list[bytes]:
        self.closing = True
        return [part for _ in self._commits.answered_at_end() for part in self._transcript()]

    # -- parts of what is said

    def _configure(self, **changes: Any) -> Understood:
        before, self._settings = self._settings, replace(self._settings, **changes)
        return Understood(commands=(Configure(self._settings),) if self._settings != before else ())

    def _start(self) -> list[bytes]:
        if self._streaming:
            return []
        self._streaming = True
        return [_event("transcript-start", language=self._settings.language)]

    def _transcript(self, through: int | None = None, language: str | None = None) -> list[bytes]:
        started = self._start()
        self._streaming = False
        whole = _event("transcript", text=self._spoken.take(through), language=language or self._settings.language)
        return [*started, whole, _event("transcript-stop")]

    _COMMANDS: ClassVar[dict[str, Callable[[Wyoming, Event], Understood]]] = {
        "describe": _describe,
        "ping": _ping,
        "select-program": _select,
        "transcribe": _transcribe,
        "audio-start": _audio_start,
        "audio-chunk": _audio_chunk,
        "audio-stop": _audio_stop,
        "synthesize": _synthesize,
        "synthesize-start": _synthesize,
        "synthesize-chunk": _synthesize,
        "synthesize-stop": _synthesize,
    }
    _EVENTS: ClassVar[dict[type[SessionEvent], Callable[[Wyoming, Any], list[bytes]]]] = {
        TranscriptDelta: _delta,
        TurnEnded: _turn_ended,
        TranscriptFinal: _final,
        TranscriptFailed: _failed,
        NothingToCommit: _nothing,
        AudioRejected: _rejected,
        SessionEnded: _session_ended,
    }


def _together(parts: Iterable[Understood]) -> Understood:
    parts = tuple(parts)
    return Understood(
        commands=tuple(chain.from_iterable(part.commands for part in parts)),
        replies=tuple(chain.from_iterable(part.replies for part in parts)),
        notes=tuple(chain.from_iterable(part.notes for part in parts)),
        speech=tuple(chain.from_iterable(part.speech for part in parts)),
    )


def _audio_format(data: dict[str, Any]) -> AudioFormat:
    """The format that `audio-start` and `audio-chunk` name. Raises InvalidOption for one that is none."""
    width = whole(data, "width", range(1, 5))
    return AudioFormat(ENCODINGS[width], whole(data, "rate", SAMPLE_RATES), whole(data, "channels", CHANNELS))


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _reply(kind: str, **data: object) -> Understood:
    return Understood(replies=(_event(kind, **data),))


def _event(kind: str, **data: object) -> bytes:
    known = {name: value for name, value in data.items() if value is not None}
    return wyoming_frames.write(Event(kind, known))


def _error(code: str, message: str) -> bytes:
    return _event("error", text=message, code=code)
