"""What a text model behind an endpoint does, over a real socket."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.assistant.endpoint import Reply, failing, scripted, text
from voxtral_service.assistant.llm_endpoint import Endpoint, EndpointSettings, Patience
from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, Tool, ToolCall
from voxtral_service.errors import InvalidOption, UpstreamError

ASKED: list[Message[Samples]] = [Message("system", ("Be brief.",)), Message("user", ("Hello?",))]
SHORT = Patience(connect=2.0, first_token=0.05, between_tokens=0.05)


async def ask(url: str, waits: list[float] | None = None, **settings: Any) -> list[AnswerEvent]:
    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    async with httpx2.AsyncClient() as client:
        endpoint = Endpoint(EndpointSettings(url, "small", **settings), client, sleep=sleep)
        return [event async for event in endpoint.answer(ASKED, AnswerOptions())]


async def test_an_answer_in_words() -> None:
    async with scripted(Reply(text("Good ", "day."))) as (url, endpoint):
        events = await ask(url, api_key="sk-1")
    assert events == [AnswerText("Good "), AnswerText("day."), AnswerEnd("stop", 9, 0, 2, 0.0)]
    assert endpoint.authorization == ["bearer sk-1"]
    assert endpoint.requests == [
        {
            "model": "small",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


async def test_what_is_asked_goes_over_whole() -> None:
    call = ToolCall("c1", "add", '{"a":1}')
    asked: list[Message[Samples]] = [
        Message("user", ("Hear: ", np.zeros(160, np.float32))),
        Message("assistant", (), (call,)),
        Message("tool", ("2",), call_id="c1"),
    ]
    options = AnswerOptions(50, 0.0, 0.9, 7, ("END",), (Tool("add", "Adds.", {"type": "object"}),), must_call=True)
    async with scripted(Reply(text("2"))) as (url, endpoint), httpx2.AsyncClient() as client:
        model = Endpoint(EndpointSettings(url, "small"), client)
        assert AnswerText("2") in [event async for event in model.answer(asked, options)]
    (body,) = endpoint.requests
    words, sound = body["messages"][0]["content"]
    assert words == {"type": "text", "text": "Hear: "}
    assert sound["type"] == "input_audio"
    assert sound["input_audio"]["format"] == "wav"
    function = {"name": "add", "arguments": '{"a":1}'}
    assert body["messages"][1:] == [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "content": "2", "tool_call_id": "c1"},
    ]
    tool = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
    rest = {name: body[name] for name in ("max_tokens", "temperature", "top_p", "seed", "stop", "tools", "tool_choice")}
    assert rest == {
        "max_tokens": 50,
        "temperature": 0.0,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
        "tools": [{"type": "function", "function": tool}],
        "tool_choice": "required",
    }


def delta(*calls: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(calls)}, "finish_reason": finish}]}


async def test_calls_come_in_pieces_and_side_by_side() -> None:
    chunks = [
        delta({"index": 0, "id": "a", "function": {"name": "time", "arguments": ""}}),
        delta({"index": 0, "function": {"arguments": '{"zone"'}}),
        delta({"index": 1, "id": "b", "function": {"name": "add", "arguments": "{}"}}),
        delta({"index": 0, "function": {"arguments": ':"x"}'}}),
        delta(finish="tool_calls"),
        "[DONE]",
    ]
    async with scripted(Reply(chunks)) as (url, _):
        events = await ask(url)
    end = AnswerEnd("tool_calls", 0, 0, 0, 0.0)
    assert events == [ToolCall("a", "time", '{"zone":"x"}'), ToolCall("b", "add", "{}"), end]


async def test_calls_without_index_and_id_as_some_endpoints_send_them() -> None:
    chunks = [
        delta({"id": "a", "function": {"name": "time", "arguments": "{}"}}),
        delta({"id": "b", "function": {"name": "add", "arguments": ""}}, finish="stop"),
    ]
    async with scripted(Reply(chunks), Reply([delta({"function": {"name": "f"}}, finish="stop")])) as (url, _):
        first, second, end = await ask(url)
        assert (first, second) == (ToolCall("a", "time", "{}"), ToolCall("b", "add", "{}"))
        assert end == AnswerEnd("tool_calls", 0, 0, 0, 0.0)
        named, _ = await ask(url)
    assert isinstance(named, ToolCall)
    assert named.id.startswith("call_")
    assert named.arguments == "{}"


async def test_an_answer_that_is_not_streamed() -> None:
    message = {"role": "assistant", "content": [{"type": "thinking"}, {"type": "text", "text": "Yes."}]}
    whole = {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"completion_tokens": 2}}
    async with scripted(Reply([whole], headers={"content-type": "application/json"})) as (url, _):
        assert await ask(url) == [AnswerText("Yes."), AnswerEnd("length", 0, 0, 2, 0.0)]


async def test_an_endpoint_that_does_not_know_usage_is_asked_without() -> None:
    refusal = failing(422, "extra field: stream_options")
    async with (
        scripted(refusal, Reply(text("a")), Reply(text("b"))) as (url, endpoint),
        httpx2.AsyncClient() as client,
    ):
        model = Endpoint(EndpointSettings(url, "small"), client)
        for expected in ("a", "b"):
            assert AnswerText(expected) in [event async for event in model.answer(ASKED, AnswerOptions())]
    assert ["stream_options" in body for body in endpoint.requests] == [True, False, False]


async def test_attempts_are_made_again_before_the_first_word_only() -> None:
    waits: list[float] = []
    busy = failing(429, "slow down", **{"retry-after": "2"})
    async with scripted(busy, Reply(cut=True), Reply(text("Here."))) as (url, _):
        assert (await ask(url, waits))[0] == AnswerText("Here.")
    assert waits[0] == 2.0
    assert 0.25 <= waits[1] <= 0.5


async def failure(*replies: Reply, **settings: Any) -> tuple[UpstreamError, int]:
    async with scripted(*replies) as (url, endpoint):
        with pytest.raises(UpstreamError) as raised:
            await ask(url, **settings)
        assert url in str(raised.value)
        return raised.value, len(endpoint.requests)


async def test_down() -> None:
    async with scripted() as (url, _):
        pass
    waits: list[float] = []
    with pytest.raises(UpstreamError, match="cannot be reached") as raised:
        await ask(url, waits)
    assert raised.value.trouble == "unreachable"
    assert len(waits) == 2


async def test_a_failing_endpoint_is_left_alone_after_some_attempts() -> None:
    error, requests = await failure(*[failing(503, "loading")] * 3)
    assert "answers 503: loading" in str(error)
    assert (error.trouble, requests) == ("unreachable", 3)


async def test_nobody_waits_as_long_as_a_busy_endpoint_wishes() -> None:
    error, requests = await failure(failing(429, "quota", **{"retry-after": "600"}))
    assert (error.trouble, requests) == ("busy", 1)


async def test_a_wrong_key_is_not_tried_again() -> None:
    error, requests = await failure(failing(401, "bad key"))
    assert "bad key; check the API key" in str(error)
    assert (error.trouble, requests) == ("refused", 1)


async def test_an_unknown_model() -> None:
    error, _ = await failure(failing(404, "no such model"))
    assert "that it has a model 'small'" in str(error)


async def test_slow_to_begin() -> None:
    error, requests = await failure(Reply(silent=True), patience=Patience(0.05, 0.05, 9))
    assert (error.trouble, requests) == ("slow", 1)
    error, _ = await failure(Reply(text(finish=None), hold=True), patience=Patience(0.05, 0.05, 9))
    assert error.trouble == "slow"


async def test_silent_in_the_middle() -> None:
    error, _ = await failure(Reply(text("One", finish=None), hold=True), patience=Patience(2, 2, 0.05))
    assert "says nothing for 0.05 s" in str(error)


@pytest.mark.parametrize(
    "chunks",
    [
        text("One", finish=None),
        [*text("One", finish=None), "{broken"],
        [*text("One", finish=None), "[]"],
        [*text("One", finish=None), {"choices": [7]}],
        [*text("One", finish=None), {"choices": 7}],
        [*text("One", finish=None), {"error": {"message": "out of memory"}}],
        [delta({"index": 0, "id": "a"}, finish="tool_calls")],
        [delta({"index": i, "function": {"name": "f"}}) for i in range(33)],
    ],
)
async def test_answers_that_break(chunks: list[object]) -> None:
    error, requests = await failure(Reply(chunks))
    assert (error.trouble, requests) == ("broken", 1)


async def test_cut_off_in_the_middle() -> None:
    error, requests = await failure(Reply(text("One", finish=None), cut=True))
    assert "in the middle of an answer" in str(error)
    assert requests == 1


async def test_leaving_ends_the_request() -> None:
    async with (
        scripted(Reply(text("One", finish=None), hold=True)) as (url, endpoint),
        httpx2.AsyncClient() as client,
    ):
        model = Endpoint(EndpointSettings(url, "small"), client)
        async with aclosing(model.answer(ASKED, AnswerOptions())) as events:
            assert await anext(events) == AnswerText("One")
        async with asyncio.timeout(5):
            await endpoint.left.wait()


async def test_no_address() -> None:
    async with httpx2.AsyncClient() as client:
        with pytest.raises(InvalidOption, match="is no http"):
            Endpoint(EndpointSettings("localhost:8080", "small"), client)
