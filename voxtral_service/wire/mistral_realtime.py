"""Mistral's realtime transcription, `/v1/audio/transcriptions/realtime`, for its SDKs 2.x and 3.x.

    client                  house           answers
    ---------------------   -------------   ----------------------------------------------------------------
    (connects)                              session.created
    session.update          Configure       session.updated
    input_audio.append      AppendAudio
    input_audio.flush       CommitTurn      transcription.done with the text since the one before
    input_audio.end         EndAudio        a last transcription.done

Clients take their final text from `transcription.done` alone, and some stop reading at the first: every flush gets one,
even when nothing was said, and it holds all of the text before the flush. Turns that end by themselves give segments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from voxtral_service.errors import CallerError, InvalidAudio, InvalidOption, ModelNotFound, Overloaded, VoxtralError
from voxtral_service.events import (
    AppendAudio,
    AudioRejected,
    CommitTurn,
    Configure,
    EndAudio,
    Event,
    NothingToCommit,
    ResponseSettings,
    SessionEnded,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEagerEnd,
    TurnEnded,
    TurnResumed,
    TurnStarted,
)
from voxtral_service.wire import frames, mistral_settings
from voxtral_service.wire.base import Connection, Decoded
from voxtral_service.wire.commits import Commits
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.spoken import Spoken

MOST_AUDIO_BYTES = 262_144
MOST_SEGMENTS = 10_000
"""Segments that may wait for a `transcription.done`; each was sent when it came."""
BAD_REQUEST, SERVER_FAILED = 400, 500
# Error codes are integers; LiveKit reads them as HTTP statuses and tries again, or not, accordingly.
STATUS: tuple[tuple[type[VoxtralError], int], ...] = (
    (ModelNotFound, 404),
    (InvalidOption, 422),
    (CallerError, BAD_REQUEST),
    (Overloaded, 503),
    (VoxtralError, SERVER_FAILED),
)
TURN_EVENTS = {TurnStarted: "turn.start", TurnEagerEnd: "turn.eager_end", TurnResumed: "turn.resume"}
TIMED_OUT = "timeout"


@dataclass(frozen=True, slots=True)
class _Segment:
    turn: int
    fields: JsonObject


class MistralRealtime:
    """One connection. Which model the URL asked for has been looked at before."""

    def __init__(self, connection: Connection) -> None:
        self._model = connection.model
        self._request_id = connection.new_id("req_")
        self._defaults = self._settings = mistral_settings.initial(connection.defaults)
        self._ending = False
        self._commits = Commits()
        self._spoken = Spoken()
        self._segments: deque[_Segment] = deque(maxlen=MOST_SEGMENTS)
        self._language: str | None = None
        self._billed_seconds = 0

    @property
    def settings(self) -> SessionSettings:
        """The settings in effect."""
        return self._settings

    @property
    def responses(self) -> ResponseSettings | None:
        """None are asked for in this dialect."""
        return None

    def opening(self) -> Decoded:
        """The SDKs send nothing, and wait for ever, until they have read this."""
        return Decoded(replies=(_message("session.created", session=self._session()),))

    def decode(self, frame: str | bytes) -> Decoded:
        """Understand a text frame, or a binary one that holds the same."""
        message = frames.read(frame)
        kind = frames.text(message.get("type")) if message else None
        if message is None or kind is None:
            return Decoded(replies=(_error("a frame must be a JSON object with a type", BAD_REQUEST),))
        handle = self._COMMANDS.get(kind)
        if handle is None or self._ending:
            return Decoded(notes=(f"ignored {kind[:40]!r}" + (" after the end of the audio" if self._ending else ""),))
        try:
            return handle(self, message)
        except CallerError as error:
            return Decoded(replies=tuple(self.refuse(error)), notes=(f"refused {kind}: {error}",))

    def encode(self, event: Event) -> list[str]:
        """Say what happened in the session."""
        say = self._EVENTS.get(type(event))
        return say(self, event) if say else []

    def refuse(self, error: VoxtralError) -> list[str]:
        """An `error` frame."""
        return [_error(str(error), next(status for kind, status in STATUS if isinstance(error, kind)))]

    # -- what the client says

    def _update(self, message: JsonObject) -> Decoded:
        update = message.get("session")
        if not isinstance(update, dict):
            raise InvalidOption("session.update needs an object called session", field="session")
        before, started = self._settings, self._commits.meter.started
        self._settings = mistral_settings.updated(before, self._defaults, update, started=started)
        return Decoded(
            commands=(Configure(self._settings),) if self._settings != before else (),
            replies=(_message("session.updated", session=self._session()),),
        )

    def _append(self, message: JsonObject) -> Decoded:
        data = frames.audio(message.get("audio"))
        if data is None:
            raise InvalidAudio("audio must be a base64 string", field="audio")
        if len(data) > MOST_AUDIO_BYTES:
            raise InvalidAudio(f"{len(data)} bytes of audio; send at most {MOST_AUDIO_BYTES} at a time", field="audio")
        self._commits.meter.add(len(data), self._settings.audio_format)
        return Decoded(commands=(AppendAudio(data),) if data else ())

    def _flush(self, message: JsonObject) -> Decoded:
        if self._commits.full:
            return Decoded(notes=("ignored a flush: too many others are not answered yet",))
        return Decoded(
            commands=(CommitTurn(),) if self._commits.add() else (),
            replies=tuple(self._dones(self._commits.answered_at_once())),
        )

    def _end(self, message: JsonObject) -> Decoded:
        self._ending = True
        return Decoded(commands=(EndAudio(),))

    # -- what the session says

    def _turn(self, event: TurnStarted | TurnEagerEnd | TurnResumed) -> list[str]:
        return self._if_detecting(_message(TURN_EVENTS[type(event)], time_s=event.at))

    def _turn_ended(self, event: TurnEnded) -> list[str]:
        # The vendor knows these two reasons only, and its SDKs skip an event with another.
        reason = TIMED_OUT if event.reason == TIMED_OUT else "threshold"
        ended = self._if_detecting(_message("turn.end", time_s=event.end, end_reason=reason))
        return ended + self._dones(self._commits.turn_ended(event), event.turn)

    def _delta(self, event: TranscriptDelta) -> list[str]:
        text = self._spoken.add(event.turn, event.text)
        return [_message("transcription.text.delta", text=text)] if text else []

    def _final(self, event: TranscriptFinal) -> list[str]:
        said = []
        if event.language and event.language != self._language:
            self._language = event.language
            said.append(_message("transcription.language", audio_language=event.language))
        if text := event.text.strip():
            segment = {"text": text, "start": event.start, "end": event.end}
            self._segments.append(_Segment(event.turn, segment))
            said.append(_message("transcription.segment", **segment))
        return said + self._dones(self._commits.transcript_came(event.turn), event.turn)

    def _nothing(self, _: NothingToCommit) -> list[str]:
        return self._dones(self._commits.nothing_came())

    def _failed(self, event: TranscriptFailed) -> list[str]:
        """What was said of the turn before it failed is in the done of a client that waits for it."""
        dones = self._dones(self._commits.transcript_came(event.turn), event.turn)
        return [_error(event.message, SERVER_FAILED), *dones]

    def _rejected(self, event: AudioRejected) -> list[str]:
        return [_error(event.message, BAD_REQUEST)]

    def _session_ended(self, event: SessionEnded) -> list[str]:
        return self._dones([*self._commits.answered_at_end(), event.audio_seconds])

    # -- parts of messages

    def _session(self) -> JsonObject:
        return {"request_id": self._request_id, "model": self._model, **mistral_settings.described(self._settings)}

    def _if_detecting(self, message: str) -> list[str]:
        return [message] if self._settings.turn_detection else []

    def _dones(self, answered: list[float], through: int | None = None) -> list[str]:
        return [self._done(seconds, through) for seconds in answered]

    def _done(self, seconds: float, through: int | None) -> str:
        """The text since the done before, up to and including a turn; `seconds` is all the audio it comes from."""
        segments = []
        while self._segments and (through is None or self._segments[0].turn <= through):
            segments.append({"type": "transcription_segment", **self._segments.popleft().fields})
        # Whole seconds that add up to the length of the audio however often it is flushed.
        billed, self._billed_seconds = self._billed_seconds, max(round(seconds), self._billed_seconds)
        usage = {"prompt_audio_seconds": self._billed_seconds - billed}
        return _message(
            "transcription.done",
            model=self._model,
            text=self._spoken.take(through),
            language=self._language,
            segments=segments,
            # The SDKs want all of these numbers; tokens are no measure here.
            usage={**usage, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        )

    _COMMANDS: ClassVar[dict[str, Callable[[MistralRealtime, JsonObject], Decoded]]] = {
        "session.update": _update,
        "input_audio.append": _append,
        "input_audio.flush": _flush,
        "input_audio.end": _end,
    }
    _EVENTS: ClassVar[dict[type[Event], Callable[[MistralRealtime, Any], list[str]]]] = {
        TurnStarted: _turn,
        TurnEagerEnd: _turn,
        TurnResumed: _turn,
        TurnEnded: _turn_ended,
        TranscriptDelta: _delta,
        TranscriptFinal: _final,
        TranscriptFailed: _failed,
        NothingToCommit: _nothing,
        AudioRejected: _rejected,
        SessionEnded: _session_ended,
    }


def _message(kind: str, **fields: object) -> str:
    return frames.write({"type": kind, **fields})


def _error(message: str, code: int) -> str:
    return _message("error", error={"message": message, "code": code})
