"""What is asked about recordings over HTTP, and how it is answered: golden forms, the SDKs' own parsers, any form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistralai.client import models as mistral
from openai.types import audio as openai
from pydantic import TypeAdapter

from tests.wire.file_forms import EVENTS, RESULT, forms, told
from voxtral_service.errors import (
    CallerError,
    CheckpointError,
    LimitReached,
    ModelNotFound,
    Overloaded,
    TooLarge,
    Unauthorized,
    UpstreamError,
    VoxtralError,
)
from voxtral_service.wire import http, http_choice, languages
from voxtral_service.wire.form import Form
from voxtral_service.wire.mistral_http import MistralHttp
from voxtral_service.wire.openai_http import OpenAIHttp

OPENAI, MISTRAL = forms("openai_http"), forms("mistral_http")


def stem(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("path", OPENAI + MISTRAL, ids=stem)
def test_golden(path: Path) -> None:
    written, now = told(path)
    assert now == written


def strictly(kind: Any, body: dict[str, Any], *, but: tuple[str, ...] = ()) -> None:
    """The SDK's own type takes the whole of a body, and knows every key in it."""
    kind.model_validate(body)
    assert set(body) - set(but) <= set(kind.model_fields)


WHOLE = {
    "json": openai.Transcription,
    "verbose_json": openai.TranscriptionVerbose,
    "translation_json": openai.Translation,
    "translation_verbose": openai.TranslationVerbose,
}


@pytest.mark.parametrize("path", OPENAI, ids=stem)
def test_openais_types_take_every_answer(path: Path) -> None:
    golden = json.loads(path.read_text("utf-8"))
    for frame in golden.get("stream", []):
        event = json.loads(frame.removeprefix("data: "))
        kinds = {"delta": openai.TranscriptionTextDeltaEvent, "done": openai.TranscriptionTextDoneEvent}
        strictly(kinds[event["type"].rpartition(".")[2]], event)
    whole = golden.get("whole", {})
    if whole.get("type") != "application/json":
        return
    translated = golden.get("translate", False)
    format = golden["request"].get("format", "json").removesuffix("_json")
    kind = WHOLE.get(f"translation_{format}" if translated else golden["request"].get("format", "json"))
    assert kind is not None
    # `task` is sent by OpenAI, and its SDK has no field for it; a translation's usage likewise.
    strictly(kind, whole["body"], but=("task", "usage"))


STREAM: TypeAdapter[Any] = TypeAdapter(mistral.TranscriptionStreamEventsData)


@pytest.mark.parametrize("path", MISTRAL, ids=stem)
def test_mistrals_types_take_every_answer(path: Path) -> None:
    golden = json.loads(path.read_text("utf-8"))
    for frame in golden.get("stream", []):
        name, data = frame.removeprefix("event: ").split("\ndata: ")
        event = STREAM.validate_python(json.loads(data))
        assert event.type == name
        assert not event.additional_properties
    if "whole" in golden:
        body = mistral.TranscriptionResponse.model_validate(golden["whole"]["body"])
        assert not body.additional_properties
        assert isinstance(body.usage.prompt_audio_seconds, int)


@pytest.mark.parametrize("kind", [OpenAIHttp, MistralHttp])
def test_the_deltas_of_a_stream_add_up_to_its_text(kind: type[OpenAIHttp | MistralHttp]) -> None:
    dialect = kind.decode(Form([("stream", "true")]), translate=False)
    frames = "".join(map(dialect.event, EVENTS)).split("\n\n")[:-1]
    events = [json.loads(frame.partition("data: ")[2]) for frame in frames]
    deltas = [event.get("delta") or event.get("text", "") for event in events if event["type"].endswith("delta")]
    assert "".join(deltas) == RESULT.text


def test_sentences_of_verbose_json_add_up_to_its_text() -> None:
    dialect = OpenAIHttp.decode(Form([("response_format", "verbose_json")]), translate=False)
    body = json.loads(dialect.whole(RESULT).body)
    assert "".join(segment["text"] for segment in body["segments"]) == body["text"] == RESULT.text
    assert [segment["id"] for segment in body["segments"]] == [0, 1, 2]


NAMES = [
    "model", "language", "languages", "prompt", "keywords", "response_format", "temperature", "stream", "include",
    "timestamp_granularities", "chunking_strategy", "known_speaker_names", "diarize", "context_bias", "file_url",
    "file_id", "speaker_references",
]  # fmt: skip
NAME = st.sampled_from(NAMES) | st.text(max_size=12)
FIELD = st.builds(str.__add__, NAME, st.sampled_from(["", "[]", "[type]", "[threshold]", "[", "[0]"]))
WORDS = ["true", "false", "auto", "word", "segment", "json", "verbose_json", "en", "logprobs", "server_vad"]
ODD = [
    "",
    "0",
    "0.5",
    "1e999",
    "-0",
    "nan",
    "9" * 500,
    "١",
    "{}",
    '{"type": "server_vad"}',
    '{"type": 1}',
    '{"a":' * 9999,
]
VALUE = (
    st.sampled_from(WORDS)
    | st.sampled_from(ODD)
    | st.text(max_size=20)
    | st.binary(max_size=20).map(lambda data: data.decode("latin-1"))
)


@given(st.lists(st.tuples(FIELD, VALUE), max_size=8), st.booleans())
def test_any_form_is_understood_or_refused(fields: list[tuple[str, str]], translate: bool) -> None:
    form = Form(fields)
    kind = http_choice.dialect(form)
    try:
        dialect = kind.decode(form, translate=translate)
    except CallerError as error:
        answer = kind.refuse(error)
        assert answer.status in (400, 422)
        assert json.loads(answer.body)
        return
    assert dialect.whole(RESULT).status == 200
    assert 0 <= dialect.request.temperature <= 1


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ([], OpenAIHttp),
        ([("model", "voxtral-mini-latest"), ("stream", "true")], OpenAIHttp),
        ([("timestamp_granularities[]", "word")], OpenAIHttp),
        ([("timestamp_granularities", "word"), ("response_format", "verbose_json")], OpenAIHttp),
        ([("timestamp_granularities", "segment")], MistralHttp),
        ([("diarize", "false")], MistralHttp),
        ([("context_bias", "x"), ("response_format", "json")], MistralHttp),
        ([("file_url", "https://a.example/")], MistralHttp),
        ([("file_id", "x")], MistralHttp),
        ([("speaker_references", "{}")], MistralHttp),
    ],
)
def test_whose_client_it_is(fields: list[tuple[str, str]], kind: type[object]) -> None:
    assert http_choice.dialect(Form(fields)) is kind


def test_whose_client_it_is_before_the_form_is_read() -> None:
    assert http_choice.before_the_form({"user-agent": "mistral-client-python/3.7.0"}) is MistralHttp
    assert http_choice.before_the_form({"user-agent": "AsyncOpenAI/Python 3.54.0"}) is OpenAIHttp
    assert http_choice.before_the_form({}) is OpenAIHttp


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (Unauthorized("x"), 401, {"WWW-Authenticate": "Bearer"}),
        (ModelNotFound("x"), 404, {}),
        (TooLarge("x"), 413, {}),
        (LimitReached("x", retry_after=0.2), 429, {"Retry-After": "1"}),
        (Overloaded("x", retry_after=5), 503, {"Retry-After": "5"}),
        (Overloaded("x"), 503, {"Retry-After": "1"}),
        (UpstreamError("x"), 502, {}),
        (CheckpointError("x"), 500, {}),
        (CallerError("x", field="file"), 400, {}),
        (VoxtralError("x"), 500, {}),
    ],
)
def test_errors_have_the_status_that_clients_retry_by(
    error: VoxtralError, status: int, headers: dict[str, str]
) -> None:
    for kind in (OpenAIHttp, MistralHttp):
        answer = kind.refuse(error)
        assert (answer.status, answer.headers) == (status, headers)
    assert http.openai_error(error)["error"]["param"] == error.field


@pytest.mark.parametrize(
    ("tag", "name"),
    [("en", "english"), ("pt-BR", "portuguese"), ("ZH-Hant", "chinese"), ("my", "myanmar"), ("jw", "javanese"),
     ("nn", "nynorsk"), ("yue", "cantonese"), ("unknown", "unknown"), ("xx", "xx")],
)  # fmt: skip
def test_names_of_languages_are_whispers(tag: str, name: str) -> None:
    assert languages.english_name(tag) == name
