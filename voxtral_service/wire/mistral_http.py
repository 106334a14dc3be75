"""Mistral's `/v1/audio/transcriptions`."""

from __future__ import annotations

import math
from typing import Any, Self

from voxtral_service.errors import InvalidOption, VoxtralError
from voxtral_service.events import FileEvent, SegmentDelta, TranscriptSegment
from voxtral_service.running_text import RunningText
from voxtral_service.wire import http
from voxtral_service.wire.form import BadField, Form
from voxtral_service.wire.http import Answer, FileRequest, FileResult
from voxtral_service.wire.segments import sentences, spoken_words

TELLTALES = ("diarize", "context_bias", "file_url", "file_id", "speaker_references")
"""Fields that only Mistral's clients send; the SDKs send the first with every request."""


class MistralHttp:
    """See `wire.http.FileDialect`."""

    def __init__(self, request: FileRequest) -> None:
        self.request = request
        self._running = RunningText()
        self._language_told = False

    @classmethod
    def decode(cls, form: Form, *, translate: bool) -> Self:
        """Read a form. Names of fields that nobody knows are ignored."""
        if form.flag("diarize") or "speaker_references" in form:
            raise InvalidOption(
                "speakers are not told apart here: this server has no diarizer; leave diarize and speaker_references "
                "out",
                field="diarize",
            )
        if "file_id" in form:
            raise InvalidOption(
                "there is no files API here, so no file_id stands for a file; send the file itself", field="file_id"
            )
        granularities = form.choices("timestamp_granularities", ("segment", "word"))
        request = FileRequest(
            model=form.text("model"),
            language=form.language("language"),
            # Fields of one word each from the SDKs; people write a list with commas.
            vocabulary=tuple(
                term.strip() for value in form.many("context_bias") for term in value.split(",") if term.strip()
            ),
            temperature=form.number("temperature", 0, 0, 1),
            translate=translate,
            words="word" in granularities,
            segments="segment" in granularities,
            stream=form.flag("stream"),
            file_url=form.text("file_url") or None,
        )
        return cls(request)

    @classmethod
    def refuse(cls, error: VoxtralError) -> Answer:
        """A list of what is wrong with the form's fields, or an error body."""
        if isinstance(error, BadField):
            detail = {"type": "value_error", "loc": ["body", error.field or "form"], "msg": str(error)}
            return http.json_answer({"detail": [detail]}, 422)
        return http.json_answer(_error(error), http.status(error), http.headers(error))

    def whole(self, result: FileResult) -> Answer:
        """A transcription response."""
        return http.json_answer(self._body(result))

    def event(self, event: FileEvent) -> str:
        """Deltas; at the end of a segment its language if that is news, and the segment if it was asked for."""
        if isinstance(event, SegmentDelta):
            delta = self._running.add(event.segment, event.text)
            return _sse("transcription.text.delta", text=delta) if delta else ""
        told = ""
        if event.language and not self._language_told:
            self._language_told = True
            told = _sse("transcription.language", audio_language=event.language)
        return told + "".join(_sse("transcription.segment", **times) for times in self._times((event,)))

    def done(self, result: FileResult) -> str:
        """The response, once more as a whole."""
        return _sse("transcription.done", **self._body(result))

    def broken(self, error: VoxtralError) -> str:
        """An event that the SDK hands on as one it does not know."""
        return http.sse(_error(error), "error")

    def _body(self, result: FileResult) -> dict[str, Any]:
        return {
            "model": result.model,
            "text": result.text,
            "language": result.language,
            "segments": [{"type": "transcription_segment", **times} for times in self._times(result.segments)],
            "usage": _usage(result),
        }

    def _times(self, segments: tuple[TranscriptSegment, ...]) -> list[dict[str, Any]]:
        """What was asked for: every word if words were, else every sentence, else nothing."""
        if self.request.words:
            return [{"text": word.text, "start": word.start, "end": word.end} for word in spoken_words(segments)]
        if self.request.segments:
            return [{"text": part.text.strip(), "start": part.start, "end": part.end} for part in sentences(segments)]
        return []


def _usage(result: FileResult) -> dict[str, int]:
    """Whole seconds, as the SDKs demand; tokens of the text where the engine counts them."""
    written = sum(len(segment.tokens) for segment in result.segments)
    return {
        "prompt_audio_seconds": math.ceil(result.duration),
        "prompt_tokens": 0,
        "completion_tokens": written,
        "total_tokens": written,
    }


def _error(error: VoxtralError) -> dict[str, Any]:
    kind = http.openai_error(error)["error"]["type"]
    return {"object": "error", "message": str(error), "type": kind, "param": error.field, "code": error.code}


def _sse(event: str, **body: Any) -> str:
    return http.sse({"type": event, **body}, event)
