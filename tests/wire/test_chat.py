"""Questions as OpenAI's, Mistral's and vLLM's clients write them, and answers that all of them read."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistralai.client.models import ChatCompletionResponse, CompletionChunk
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.wire.json_values import altered, json_values
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, Tool, ToolCall
from voxtral_service.errors import EngineError
from voxtral_service.wire.chat_answer import ChatAnswer
from voxtral_service.wire.chat_request import AudioBytes, AudioLink, ChatRequest, decode
from voxtral_service.wire.form import BadField

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "chat").glob("*.json"))
B64 = base64.b64encode(b"RIFF").decode()
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
FULL: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Who?"},
                {"type": "input_audio", "input_audio": {"data": B64, "format": "wav"}},
                {"type": "input_audio", "input_audio": B64},
                {"type": "input_audio", "input_audio": "https://example.org/a.wav"},
                {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{B64}"}},
                {"type": "audio_url", "audio_url": "HTTP://example.org/a.wav"},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
    ],
    "max_completion_tokens": 5,
    "max_tokens": 7,
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 3,
    "stop": ["a", "b"],
    "tools": [TOOL],
    "tool_choice": "required",
    "stream": True,
    "stream_options": {"include_usage": True},
    "n": 1,
    "logprobs": False,
    "modalities": ["text"],
    "response_format": {"type": "text"},
    "frequency_penalty": 0,
    "user": "someone",
}


def read(**more: Any) -> ChatRequest:
    return decode(json.dumps({"messages": [{"role": "user", "content": "Hello?"}], **more}).encode())


def test_every_field() -> None:
    data = b"RIFF"
    link = "https://example.org/a.wav"
    assert decode(json.dumps(FULL).encode()) == ChatRequest(
        "m",
        (
            Message("system", ("Be brief.",)),
            Message(
                "user",
                (
                    "Who?",
                    AudioBytes(data),
                    AudioBytes(data),
                    AudioLink(link),
                    AudioBytes(data),
                    AudioLink("HTTP://example.org/a.wav"),
                ),
            ),
            Message("assistant", (), (ToolCall("call_1", "f", '{"x": 1}'),)),
            Message("tool", ("rain",), call_id="call_1"),
        ),
        AnswerOptions(5, 0.5, 0.9, 3, ("a", "b"), (Tool("f", "d", {"type": "object"}),), must_call=True),
        stream=True,
        include_usage=True,
        mistral=True,
    )


def test_what_is_left_out() -> None:
    assert read() == ChatRequest("", (Message("user", ("Hello?",)),), AnswerOptions())
    assert read(temperature=None, stop=None, tools=None, stream=None, max_tokens=None, seed=None) == read()
    assert read(max_tokens=7).options.max_tokens == 7
    assert read(stop="x").options.stop == ("x",)
    assert read(random_seed=4).options.seed == 4
    assert read(random_seed=4).mistral
    assert read(tools=[TOOL], tool_choice="none").options.tools == ()
    assert decode(b'{"messages":[{"role":"user","content":"a"}]}', mistral=True).mistral


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"functions": [{}]}, "functions"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"top_p": -1}, "top_p"),
        ({"stop": [1]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": [1]}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0]"),
        ({"tools": [{"function": {"name": ""}}]}, "tools[0].function"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"messages": [{"role": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": "file:///etc"}]}]},
            "messages[0].content[0].input_audio",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": ""}}]}]},
            "messages[0].content[0].input_audio.data",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "audio_url", "audio_url": "data:audio/wav,xx"}]}]},
            "messages[0].content[0].audio_url",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "input_audio", "input_audio": B64}]}]},
            "messages[0].content",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0]"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": 3}]}, "messages[0].tool_call_id"),
    ],
)
def test_mistakes_are_told_with_their_place(more: dict[str, Any], field: str) -> None:
    with pytest.raises(BadField) as caught:
        read(**more)
    assert caught.value.field == field


@settings(max_examples=60)
@given(altered(st.just(FULL)) | json_values() | altered(st.just({"messages": FULL["messages"]})))
def test_any_json_is_a_request_or_a_mistake(value: Any) -> None:
    try:
        request = decode(json.dumps(value).encode())
    except BadField:
        return
    assert request.messages


@given(st.binary(max_size=50))
def test_any_bytes_are_a_mistake(body: bytes) -> None:
    with pytest.raises(BadField):
        decode(body)


def events(golden: dict[str, Any]) -> list[AnswerEvent]:
    kinds = {"AnswerText": AnswerText, "ToolCall": ToolCall, "AnswerEnd": AnswerEnd}
    return [kinds[name](**fields) for event in golden["events"] for name, fields in event.items()]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_answers(path: Path) -> None:
    golden = json.loads(path.read_text("utf-8"))
    request = decode(json.dumps(golden["request"]).encode())
    answer = ChatAnswer(request, id="chatcmpl-1", model="voxtral-mini-3b", created=1_700_000_000)
    if request.stream:
        said = [answer.begin(), *map(answer.event, events(golden))]
        assert [json.loads(line[6:]) if line != "data: [DONE]" else "[DONE]" for line in _data(said)] == golden[
            "stream"
        ]
    else:
        whole = answer.whole(events(golden))
        assert (whole.status, whole.media_type) == (200, "application/json")
        assert json.loads(whole.body) == golden["answer"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_both_libraries_read_them(path: Path) -> None:
    golden = json.loads(path.read_text("utf-8"))
    if "answer" in golden:
        ChatCompletion.model_validate(golden["answer"], strict=True)
        ChatCompletionResponse.model_validate(golden["answer"])
    for chunk in golden.get("stream", [])[:-1]:
        ChatCompletionChunk.model_validate(chunk, strict=True)
        CompletionChunk.model_validate(chunk)


def test_there_are_golden_answers() -> None:
    assert {path.stem for path in GOLDEN} >= {"text", "text_stream", "calls", "calls_stream", "mistral_stream"}


def test_a_broken_stream_says_why() -> None:
    answer = ChatAnswer(read(stream=True), id="x", model="m", created=1)
    (line,) = _data([answer.broken(EngineError("the device is gone"))])
    assert json.loads(line[6:])["error"]["message"] == "the device is gone"


def _data(events: list[str]) -> list[str]:
    """The data lines; each event is one and a blank line."""
    text = "".join(events)
    assert text.endswith("\n\n")
    return text.removesuffix("\n\n").split("\n\n")
