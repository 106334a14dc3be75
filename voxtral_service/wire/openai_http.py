"""OpenAI's `/v1/audio/transcriptions` and `/v1/audio/translations`."""

from __future__ import annotations

import json
import zlib
from typing import Any, Self

from voxtral_service import subtitles
from voxtral_service.errors import InvalidOption, VoxtralError
from voxtral_service.events import FileEvent, SegmentDelta, ServerVad, Token, TranscriptSegment
from voxtral_service.running_text import RunningText
from voxtral_service.wire import form as fields
from voxtral_service.wire import http, languages
from voxtral_service.wire.form import BadField, Form
from voxtral_service.wire.http import Answer, FileRequest, FileResult
from voxtral_service.wire.segments import sentences, spoken_words

FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
DIARIZED = "diarized_json"
PLAIN = "text/plain; charset=utf-8"
NO_DIARIZER = "speakers are not told apart here: this server has no diarizer; {instead}"
MAX_MS = 60_000


class OpenAIHttp:
    """See `wire.http.FileDialect`."""

    def __init__(self, request: FileRequest) -> None:
        self.request = request
        self._running = RunningText()

    @classmethod
    def decode(cls, form: Form, *, translate: bool) -> Self:
        """Read a form. Names of fields that nobody knows are ignored, as OpenAI does."""
        _refuse_speakers(form)
        format = form.choice("response_format", FORMATS, "json")
        granularities = form.choices("timestamp_granularities", ("word", "segment"))
        if granularities and format != "verbose_json":
            raise InvalidOption(
                "timestamp_granularities go with response_format=verbose_json only", field="timestamp_granularities"
            )
        logprobs = bool(form.choices("include", ("logprobs",)))
        if logprobs and format != "json":
            raise InvalidOption("include[]=logprobs goes with response_format=json only", field="include")
        stream = form.flag("stream")
        if stream and format not in ("json", "text"):
            raise InvalidOption(
                f"stream goes with response_format json or text; {format} is written when all is heard", field="stream"
            )
        request = FileRequest(
            model=form.text("model"),
            format=format,
            language=form.language("language"),
            languages=tuple(fields.language("languages", code) for code in form.many("languages")),
            prompt=form.text("prompt"),
            vocabulary=form.many("keywords"),
            temperature=form.number("temperature", 0, 0, 1),
            translate=translate,
            words="word" in granularities,
            segments=format == "verbose_json" and granularities != {"word"},
            logprobs=logprobs,
            stream=stream,
            chunking=_chunking(form),
        )
        return cls(request)

    @classmethod
    def refuse(cls, error: VoxtralError) -> Answer:
        """An error body."""
        return http.json_answer(http.openai_error(error), http.status(error), http.headers(error))

    def whole(self, result: FileResult) -> Answer:
        """The format that was asked for."""
        match self.request.format:
            case "json":
                return http.json_answer(self._json(result))
            case "verbose_json":
                return http.json_answer(self._verbose(result))
            case "text":
                body = result.text + "\n"
            case "srt":
                body = subtitles.srt(subtitles.cues(spoken_words(result.segments)))
            case _:
                body = subtitles.vtt(subtitles.cues(spoken_words(result.segments)))
        return Answer(200, PLAIN, body)  # clients read subtitles as text too

    def event(self, event: FileEvent) -> str:
        """A delta."""
        if not isinstance(event, SegmentDelta) or not (delta := self._running.add(event.segment, event.text)):
            return ""
        return http.sse({"type": "transcript.text.delta", "delta": delta})

    def done(self, result: FileResult) -> str:
        """The whole text; its usage would be in tokens, which are no measure here."""
        body = self._json(result)
        del body["usage"]
        return http.sse({"type": "transcript.text.done", **body})

    def broken(self, error: VoxtralError) -> str:
        """What makes the SDKs raise an APIError."""
        return http.sse(http.openai_error(error), "error")

    def _json(self, result: FileResult) -> dict[str, Any]:
        body: dict[str, Any] = {"text": result.text}
        if self.request.logprobs:
            body["logprobs"] = [_logprob(token) for segment in result.segments for token in segment.tokens]
        if (spoken := _languages(result)) and not self.request.translate:
            body["languages"] = [{"code": code} for code in spoken]
        return {**body, "usage": _usage(result)}

    def _verbose(self, result: FileResult) -> dict[str, Any]:
        translate = self.request.translate
        body: dict[str, Any] = {
            "task": "translate" if translate else "transcribe",
            "language": "english" if translate else languages.english_name(result.language or "unknown"),
            "duration": result.duration,
            "text": result.text,
        }
        if self.request.words:
            words = spoken_words(result.segments)
            body["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in words]
        if self.request.segments:
            body["segments"] = [_segment(segment) for segment in sentences(result.segments)]
        return {**body, "usage": _usage(result)}


def _refuse_speakers(form: Form) -> None:
    if form.text("response_format") == DIARIZED:
        message = NO_DIARIZER.format(instead="ask for verbose_json, which has all but the speakers")
        raise InvalidOption(message, field="response_format")
    for name in ("known_speaker_names", "known_speaker_references"):
        if form.many(name):
            raise InvalidOption(NO_DIARIZER.format(instead=f"leave {name} out"), field=name)


def _chunking(form: Form) -> ServerVad | None:
    """`auto`, or an object: in brackets as the SDKs write it, or as JSON."""
    name = "chunking_strategy"
    parts, text = form.nested(name), form.text(name, "auto")
    if text.startswith("{"):
        parts = _parts(text)
    elif text != "auto":
        raise BadField(f"{name} must be auto, or an object of type server_vad", field=name)
    if not parts:
        return None
    if parts.get("type") != "server_vad":
        raise BadField(f"{name}[type] must be server_vad", field=name)
    default = ServerVad()
    return ServerVad(
        threshold=fields.number(f"{name}[threshold]", parts.get("threshold", str(default.threshold)), 0, 1),
        prefix_padding_ms=_milliseconds(parts, "prefix_padding_ms", default.prefix_padding_ms),
        silence_duration_ms=_milliseconds(parts, "silence_duration_ms", default.silence_duration_ms),
    )


def _parts(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadField(f"chunking_strategy is no JSON: {error}", field="chunking_strategy") from error
    return {str(key): str(part) for key, part in value.items()}


def _milliseconds(parts: dict[str, str], name: str, default: int) -> int:
    return round(fields.number(f"chunking_strategy[{name}]", parts.get(name, str(default)), 0, MAX_MS))


def _languages(result: FileResult) -> list[str]:
    """The languages that were heard, in their order, or the one that it must be."""
    heard = [segment.language for segment in result.segments if segment.language and segment.text]
    return list(dict.fromkeys(map(languages.base, heard or filter(None, [result.language]))))


def _usage(result: FileResult) -> dict[str, Any]:
    return {"type": "duration", "seconds": result.duration}


def _logprob(token: Token) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode("utf-8", "replace"))}


def _segment(segment: TranscriptSegment) -> dict[str, Any]:
    """A segment in Whisper's terms. All its numbers must be there: 0 stands for what the model does not tell."""
    score = segment.score
    text = segment.text.encode("utf-8", "replace")
    return {
        "id": segment.id,
        "seek": round(segment.start * 100),  # in Whisper's frames of 10 ms
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [token.id for token in segment.tokens],
        "temperature": score.temperature if score else 0.0,
        "avg_logprob": (score and score.avg_logprob) or 0.0,
        "compression_ratio": round(len(text) / len(zlib.compress(text)), 3),
        "no_speech_prob": (score and score.no_speech_prob) or 0.0,
    }
