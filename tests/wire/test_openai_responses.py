"""Answers in the OpenAI dialect, whatever happens in whatever order: what strict readers rely on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.realtime import conversing, heard, told, updated
from tests.wire.strict_reader import objections
from voxtral_service.chat import Tool
from voxtral_service.events import (
    ConfigureResponses,
    Event,
    ResponseAudio,
    ResponseEnded,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    ResponseTruncated,
    ToolServerFailed,
    ToolServerReady,
    TranscriptFinal,
    TurnEnded,
    TurnStarted,
    UseToolServers,
)
from voxtral_service.wire.base import Dialect
from voxtral_service.wire.openai_responses import MOST_REMEMBERED
from voxtral_service.wire.voices import LocalVoice

NUMBERS = st.integers(1, 3)
CALLS = st.sampled_from(["c1", "c2", "chatcmpl-tool-" + "a" * 40])
ENDS = st.sampled_from(["completed", "length", "tool_calls", "interrupted", "cancelled", "failed"])
HAPPENINGS = st.one_of(
    st.builds(ResponseStarted, NUMBERS, st.none() | NUMBERS, st.just(""), st.booleans()),
    st.builds(ResponseText, NUMBERS, st.text(max_size=5)),
    st.builds(ResponseAudio, NUMBERS, st.binary(max_size=4), st.just(24_000), st.just(0.0)),
    st.builds(ResponseToolCall, NUMBERS, CALLS, st.just("f"), st.just("{}"), st.booleans()),
    st.builds(ResponseToolResult, NUMBERS, CALLS, st.text(max_size=5), st.booleans()),
    st.builds(ResponseEnded, NUMBERS, ENDS, st.just(0.0)),
    st.builds(ResponseTruncated, NUMBERS, st.integers(0, 9), st.text(max_size=5)),
    st.builds(TurnStarted, NUMBERS, st.just(0.0)),
)


def client(**session: Any) -> Dialect:
    dialect = conversing(responds=True)
    updated(dialect, type="realtime", **session)
    return dialect


def read(dialect: Dialect, events: list[Event]) -> list[dict[str, Any]]:
    return [told for event in events for told in heard(dialect.encode(event))]


@given(st.lists(HAPPENINGS, max_size=20), st.sampled_from([["audio"], ["text"]]), st.booleans())
def test_items_are_opened_before_they_are_spoken_of_and_closed_before_the_end(
    events: list[Event], modalities: list[str], shown: bool
) -> None:
    dialect = client(output_modalities=modalities, include=["voxtral.tool_calls"] if shown else [])
    opened: set[str] = set()
    for event in read(dialect, events):
        assert list(objections(event)) == [], event
        match event["type"]:
            case "response.output_item.added":
                opened.add(event["item"]["id"])
            case "response.output_item.done":
                opened.remove(event["item"]["id"])
            case "response.done":
                assert not opened & {item["id"] for item in event["response"]["output"]}
            case kind if kind.startswith("response.") and "item_id" in event:
                assert event["item_id"] in opened


def test_manual_turns_are_not_answered_by_themselves() -> None:
    dialect = conversing(responds=True)
    assert dialect.responses is not None
    assert dialect.responses.answers
    answer = updated(dialect, type="realtime", audio={"input": {"turn_detection": None}})
    (configured,) = [command for command in answer.commands if isinstance(command, ConfigureResponses)]
    assert (configured.settings.answers, configured.settings.interrupts) == (False, False)


def test_a_session_that_becomes_one_of_transcription_is_answered_no_more() -> None:
    dialect = conversing(responds=True)
    (configured,) = [c for c in updated(dialect, type="transcription").commands if isinstance(c, ConfigureResponses)]
    assert not configured.settings.answers
    assert dialect.responses is None


@pytest.mark.parametrize(
    ("asked", "voice"), [("marin", "en-us+f1"), ("de", "de"), ("de+m3", "de+m3"), ("nobody", ""), ({"id": "de"}, "de")]
)
def test_voices_are_those_there_are(asked: Any, voice: str) -> None:
    voices = (
        LocalVoice("en-us", "en-US", "", ""),
        LocalVoice("en-us+f1", "en-US", "", "female"),
        LocalVoice("de", "de", "", ""),
    )
    dialect = conversing(responds=True, voices=voices)
    updated(dialect, type="realtime", audio={"output": {"voice": asked}})
    assert dialect.responses is not None
    assert dialect.responses.voice == voice


@pytest.mark.parametrize("modalities", [["audio", "text"], ["text", "audio"], ["audio"]])
def test_sound_comes_with_its_words(modalities: list[str]) -> None:
    dialect = client(output_modalities=modalities)
    assert dialect.responses is not None
    assert dialect.responses.spoken


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "mcp", "server_url": "https://x"}],
        [{"type": "mcp", "server_label": "a", "connector_id": "c"}],
        [{"type": "mcp", "server_label": "a", "server_url": "ftp://x"}],
        [{"type": "mcp", "server_label": "a", "server_url": "https://x"}] * 2,
    ],
)
def test_tool_servers_that_cannot_be_meant_change_nothing(tools: list[Any]) -> None:
    dialect = conversing(responds=True)
    answer = updated(dialect, type="realtime", instructions="x", tools=tools)
    assert [event["type"] for event in heard(answer)] == ["error"]
    assert (answer.commands, dialect.responses and dialect.responses.instructions) == ((), "")


def test_a_server_that_was_listed_is_not_listed_again() -> None:
    notes = {"type": "mcp", "server_label": "notes", "server_url": "https://x"}
    dialect = client(tools=[notes])
    read(dialect, [ToolServerReady("notes", (Tool("t", "", {}),))])
    answer = updated(dialect, type="realtime", tools=[notes, {**notes, "server_label": "more"}])
    assert any(isinstance(command, UseToolServers) for command in answer.commands)
    assert [e["item"]["server_label"] for e in heard(answer) if e["type"].endswith("item.added")] == ["more"]
    assert read(dialect, [ToolServerReady("notes", ())]) == []
    assert "mcp_list_tools.failed" in [e["type"] for e in read(dialect, [ToolServerFailed("more", "x", "y")])]


def test_what_is_remembered_is_bounded() -> None:
    dialect = client(output_modalities=["text"])
    for number in range(1, 3 * MOST_REMEMBERED):
        turn: list[Event] = [TurnStarted(number, 0.0), TurnEnded(number, 0.0, 1.0, "silence")]
        final = TranscriptFinal(number, "x", (), 0.0, 1.0)
        call = ResponseToolCall(number, f"call-{number}-{'x' * 40}", "f", "{}", here=False)
        read(dialect, [*turn, final, ResponseStarted(number, number), ResponseText(number, "y"), call])
        read(dialect, [ResponseEnded(number, "tool_calls", 0.0)])
    assert read(dialect, [ResponseTruncated(1, 0, "")]) == []
    answer = told(
        dialect, "conversation.item.create", item={"type": "function_call_output", "call_id": "?", "output": ""}
    )
    assert len(answer.commands) == 1
