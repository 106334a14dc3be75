"""vLLM's dialect, most of it through the door that it shares with OpenAI's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.fake_session import FakeSession
from tests.wire.golden import lines
from tests.wire.json_values import altered, json_values
from tests.wire.realtime import appended, connection, golden, heard, replay, told
from voxtral_service.errors import EngineError, InvalidOption
from voxtral_service.events import AudioFormat, SessionSettings
from voxtral_service.wire.vllm_realtime import VllmRealtime

PATHS = golden("vllm_realtime")
MESSAGES = [line["client"] for path in PATHS for line in lines(path) if "client" in line]
KEYS = {
    "transcription.delta": {"type", "delta"},
    "transcription.done": {"type", "text", "usage"},
    "error": {"type", "error", "code"},
}


def is_of_vllm(event: dict[str, Any]) -> bool:
    strings = [event[key] for key in ("delta", "text", "error", "code") if key in event]
    return event.keys() == KEYS.get(event["type"]) and all(isinstance(value, str) for value in strings)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    written, spoken = replay(path)
    assert spoken == written


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_nothing_of_the_other_dialect_is_said(path: Path) -> None:
    _, *said = [line["server"] for line in lines(path) if "server" in line]
    assert all(is_of_vllm(event) for event in said)


def test_opening() -> None:
    client = VllmRealtime(connection())
    assert heard(client.opening()) == [{"type": "session.created", "id": "sess-1", "created": 1_790_000_000}]


def test_settings_are_the_servers_but_for_the_format_and_the_turns() -> None:
    client = VllmRealtime(connection(defaults=SessionSettings(delay_ms=960, language="nl")))
    assert client.settings == SessionSettings(AudioFormat("pcm_s16le", 16_000), None, 960, "nl")


def test_strict_models() -> None:
    client = VllmRealtime(connection(strict_models=True))
    [error] = heard(told(client, "session.update", model="other"))
    assert error["code"] == "model_not_found"
    [error] = heard(told(client, "input_audio_buffer.commit"))
    assert error["code"] == "model_not_validated"
    assert told(client, "session.update", model="wren-en").replies == ()
    assert told(client, "input_audio_buffer.commit").replies == ()


def test_half_a_sample_is_no_utterance() -> None:
    client = VllmRealtime(connection())
    told(client, "session.update", model="wren-en")
    appended(client, b"\1")
    [done] = heard(told(client, "input_audio_buffer.commit", final=True))
    assert (done["type"], done["text"]) == ("transcription.done", "")
    appended(client, b"\2")
    assert told(client, "input_audio_buffer.commit", final=True).commands


def test_the_deltas_are_the_text() -> None:
    client = VllmRealtime(connection())
    session = FakeSession(client.settings)
    said: list[dict[str, Any]] = []
    told(client, "session.update", model="wren-en")
    for _ in range(3):
        session.carry_out(appended(client, bytes(8)).commands)
        session.carry_out(appended(client, bytes(8)).commands)
        session.carry_out(told(client, "input_audio_buffer.commit", final=True).commands)
    while session.events:
        said += heard(client.encode(session.events.popleft()))
    utterances = "".join(event.get("delta", "\n") for event in said).splitlines()
    assert utterances == [event["text"] for event in said if event["type"] == "transcription.done"]
    assert len(utterances) == 3


@pytest.mark.parametrize(
    ("error", "code"), [(EngineError("broken"), "processing_error"), (InvalidOption("no"), "invalid_option")]
)
def test_refusals(error: Any, code: str) -> None:
    assert heard(VllmRealtime(connection()).refuse(error)) == [{"type": "error", "error": str(error), "code": code}]


@given(st.lists(altered(st.sampled_from(MESSAGES)) | json_values(), max_size=6))
def test_any_json_is_answered_in_the_dialect(messages: list[Any]) -> None:
    client = VllmRealtime(connection())
    for message in messages:
        assert all(is_of_vllm(event) for event in heard(client.decode(json.dumps(message))))


@given(st.lists(st.text() | st.binary(), max_size=4))
def test_any_frame_is_answered(frames: list[str | bytes]) -> None:
    client = VllmRealtime(connection())
    for frame in frames:
        assert all(event["type"] == "error" for event in heard(client.decode(frame)))
