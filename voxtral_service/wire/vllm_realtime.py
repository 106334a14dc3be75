"""vLLM's realtime transcription, `/v1/realtime`.

    client                                  house          answers
    -------------------------------------   ------------   ---------------------------------------------
    (connects)                                             session.created
    session.update {model}                  Configure
    input_audio_buffer.commit                              (decoding starts with the first audio anyway)
    input_audio_buffer.append               AppendAudio    transcription.delta*
    input_audio_buffer.commit {final}       CommitTurn     transcription.done

and again from the commit on. Here an empty commit is no mistake and `error` is a string: the two dialects of this path
cannot be mixed. vLLM drops audio that comes after a final commit; here it begins the next utterance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from voxtral_service.errors import CallerError, InvalidAudio, VoxtralError
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    AudioRejected,
    Command,
    CommitTurn,
    Configure,
    Event,
    ResponseSettings,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
)
from voxtral_service.wire import frames
from voxtral_service.wire.base import Connection, Decoded
from voxtral_service.wire.frames import JsonObject

AUDIO_FORMAT = AudioFormat("pcm_s16le", 16_000)
SAMPLE_BYTES = 2
TOKEN_SECONDS = 0.08
"""Voxtral reads and writes one token for every 80 ms of audio, which is what vLLM counts."""

Said = Command | JsonObject


class _Rejected(CallerError):
    """A message changes nothing and is answered with an `error` event."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class VllmRealtime:
    """One connection of a vLLM client."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._settings = replace(connection.defaults, audio_format=AUDIO_FORMAT, turn_detection=None)
        self._knows_model = False
        self._received = 0
        self._committed_samples = 0
        self._unanswered = 0

    @property
    def settings(self) -> SessionSettings:
        """The format is fixed, and the client says where an utterance ends."""
        return self._settings

    @property
    def responses(self) -> ResponseSettings | None:
        """None are asked for in this dialect."""
        return None

    def opening(self) -> Decoded:
        """The server speaks first."""
        connection = self._connection
        created = {"type": "session.created", "id": connection.new_id("sess-"), "created": connection.now}
        return Decoded(replies=(frames.write(created),))

    def decode(self, frame: str | bytes) -> Decoded:
        """Understand a message. Binary frames, which vLLM has none of, are audio."""
        try:
            said = list(self._hear(frame) if isinstance(frame, bytes) else self._follow(frame))
        except _Rejected as error:
            said = [_error(error)]
        return Decoded(
            commands=tuple(entry for entry in said if isinstance(entry, Command)),
            replies=tuple(frames.write(entry) for entry in said if isinstance(entry, dict)),
        )

    def encode(self, event: Event) -> list[str]:
        """Say what happened."""
        teller = _TELLERS.get(type(event))
        return [frames.write(message) for message in teller(self, event)] if teller else []

    def refuse(self, error: VoxtralError) -> list[str]:
        """An error event; it does not close the connection."""
        return [frames.write(_error(error))]

    # -- messages

    def _follow(self, frame: str) -> Iterable[Said]:
        message = frames.read(frame)
        if message is None:
            raise _Rejected("Invalid JSON", "invalid_json")
        kind = frames.text(message.get("type"))
        if kind is None:
            raise _Rejected("Missing 'type'", "invalid_event")
        if kind not in _MESSAGES:
            raise _Rejected(f"Unknown event type: {kind[:80]}", "unknown_event")
        return _MESSAGES[kind](self, message)

    def _update_session(self, message: JsonObject) -> Iterable[Said]:
        model = frames.text(message.get("model"))
        if model is None:
            raise _Rejected("'model' is required in session.update", "invalid_event")
        if not self._connection.accepts(model):
            raise _Rejected(f"The model '{model[:80]}' does not exist.", "model_not_found")
        self._knows_model = True
        before = self._settings
        self._settings = replace(
            before,
            language=frames.text(message.get("language")) or before.language,
            prompt=frames.text(message.get("prompt")) or before.prompt,
        )
        return [] if self._settings == before else [Configure(self._settings)]

    def _append(self, message: JsonObject) -> Iterable[Said]:
        data = frames.audio(message.get("audio"))
        if not data:
            raise _Rejected("Audio must be base64-encoded PCM16 and not empty", InvalidAudio.code)
        return self._hear(data)

    def _hear(self, data: bytes) -> Iterable[Said]:
        self._received += len(data)
        return [AppendAudio(data)] if data else []

    def _commit(self, message: JsonObject) -> Iterable[Said]:
        """Only a final one ends the utterance; one without audio has no turn and is answered here."""
        if not self._knows_model:
            raise _Rejected("Send session.update with a model first", "model_not_validated")
        if message.get("final") is not True:
            return []
        samples = self._received // SAMPLE_BYTES
        if samples > self._committed_samples:
            self._committed_samples = samples
            self._unanswered += 1
            return [CommitTurn()]
        # A client that commits again before it was answered would take an empty text for its answer.
        return [] if self._unanswered else [_done("", 0.0)]

    # -- house events

    def _delta(self, event: TranscriptDelta) -> Iterable[JsonObject]:
        return [{"type": "transcription.delta", "delta": event.text}]

    def _final(self, event: TranscriptFinal) -> Iterable[JsonObject]:
        self._answered()
        return [_done(event.text, event.end - event.start)]

    def _failed(self, event: TranscriptFailed) -> Iterable[JsonObject]:
        self._answered()
        return [{"type": "error", "error": event.message, "code": "processing_error"}]

    def _rejected(self, event: AudioRejected) -> Iterable[JsonObject]:
        return [{"type": "error", "error": event.message, "code": InvalidAudio.code}]

    def _answered(self) -> None:
        self._unanswered = max(self._unanswered - 1, 0)


_MESSAGES: Mapping[str, Callable[[VllmRealtime, JsonObject], Iterable[Said]]] = {
    "session.update": VllmRealtime._update_session,
    "input_audio_buffer.append": VllmRealtime._append,
    "input_audio_buffer.commit": VllmRealtime._commit,
}
_TELLERS: Mapping[type[Event], Callable[[VllmRealtime, Any], Iterable[JsonObject]]] = {
    TranscriptDelta: VllmRealtime._delta,
    TranscriptFinal: VllmRealtime._final,
    TranscriptFailed: VllmRealtime._failed,
    AudioRejected: VllmRealtime._rejected,
}


def _done(text: str, seconds: float) -> JsonObject:
    tokens = math.ceil(max(seconds, 0.0) / TOKEN_SECONDS)
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": 2 * tokens}
    return {"type": "transcription.done", "text": text, "usage": usage}


def _error(error: VoxtralError) -> JsonObject:
    known = isinstance(error, CallerError)
    return {"type": "error", "error": str(error), "code": error.code if known else "processing_error"}
