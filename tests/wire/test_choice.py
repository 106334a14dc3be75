"""Who speaks on `/v1/realtime`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.json_values import altered, json_values
from tests.wire.realtime import appended, connection, heard, told, updated
from tests.wire.test_openai_realtime import MESSAGES as OPENAI_MESSAGES
from tests.wire.test_vllm_realtime import MESSAGES as VLLM_MESSAGES
from voxtral_service.errors import InvalidOption, ModelNotFound, Overloaded
from voxtral_service.events import AppendAudio, Configure, TurnStarted
from voxtral_service.wire.base import Dialect
from voxtral_service.wire.choice import MOST_WAITING_BYTES, Undecided, Upgrade, dialect

BROWSER = ("realtime", "openai-insecure-api-key.ek_1")


def opened(**upgrade: Any) -> tuple[Dialect, dict[str, Any]]:
    client = dialect(Upgrade(**upgrade), connection())
    [created] = heard(client.opening())
    return client, created


@pytest.mark.parametrize(
    ("upgrade", "kind"),
    [
        ({"query": {"intent": "transcription"}}, "transcription"),
        ({"query": {"intent": "transcription", "model": "gpt-4o-transcribe"}}, "transcription"),
        ({"subprotocols": BROWSER}, "realtime"),
        ({"subprotocols": BROWSER, "query": {"intent": "transcription"}}, "transcription"),
    ],
)
def test_openai_clients_that_tell_when_they_connect(upgrade: Any, kind: str) -> None:
    client, created = opened(**upgrade)
    assert not isinstance(client, Undecided)
    assert created["session"]["type"] == kind
    assert "created" not in created


@pytest.mark.parametrize(
    "upgrade",
    [
        {"headers": {"openai-beta": "realtime=v1"}},
        {"subprotocols": ("realtime", "openai-beta.realtime-v1")},
        {"headers": {"openai-beta": "realtime=v1"}, "query": {"intent": "transcription"}},
    ],
)
def test_beta_clients_tell_too(upgrade: Any) -> None:
    _, created = opened(**upgrade)
    assert created["session"]["input_audio_format"] == "pcm16"


@pytest.mark.parametrize("upgrade", [{}, {"query": {"intent": "transcription"}}, {"subprotocols": BROWSER}])
@pytest.mark.parametrize("kind", ["realtime", "transcription"])
def test_settings_that_came_with_the_key_open_the_session(upgrade: Any, kind: str) -> None:
    client, created = opened(session={"type": kind, "audio": {"input": {"turn_detection": None}}}, **upgrade)
    assert created["session"]["type"] == kind
    assert client.settings.turn_detection is None
    other = {"realtime": "transcription", "transcription": "realtime"}[kind]
    [refused] = heard(updated(client, type=other))
    assert refused["error"]["param"] == "session.type"


@pytest.mark.parametrize("upgrade", [{}, {"query": {"model": "gpt-realtime"}}, {"subprotocols": ("realtime",)}])
def test_others_get_an_opening_that_all_can_read(upgrade: Any) -> None:
    client, created = opened(**upgrade)
    assert isinstance(client, Undecided)
    assert created["session"]["type"] == "realtime"
    assert (created["id"], created["created"]) == (created["session"]["id"], 1_790_000_000)


def test_calls_are_refused() -> None:
    with pytest.raises(InvalidOption, match="call_id"):
        dialect(Upgrade(query={"call_id": "rtc_1"}), connection())


@pytest.mark.parametrize("query", [{"model": "gpt-realtime"}, {"model": "gpt-realtime", "intent": "transcription"}])
def test_strict_models(query: dict[str, str]) -> None:
    with pytest.raises(ModelNotFound, match="wren-en"):
        dialect(Upgrade(query=query), connection(strict_models=True))
    assert dialect(Upgrade(query={**query, "model": "wren-en"}), connection(strict_models=True))


@pytest.mark.parametrize(
    ("message", "chosen"),
    [
        ({"type": "session.update", "session": {"type": "realtime"}}, "openai"),
        ({"type": "session.update", "session": {"type": "transcription", "turn_detection": None}}, "openai"),
        ({"type": "session.update", "session": {"instructions": "Be brief."}}, "openai"),
        ({"type": "session.update", "session": {"modalities": ["text"]}}, "beta"),
        ({"type": "session.update", "session": {"input_audio_format": "pcm16"}}, "beta"),
        ({"type": "transcription_session.update", "session": {}}, "beta"),
        ({"type": "session.update", "model": "voxtral"}, "vllm"),
        ({"type": "session.update"}, "openai"),
        ({"type": "input_audio_buffer.commit", "final": False}, "vllm"),
        ({"type": "input_audio_buffer.commit"}, "openai"),
        ({"type": "conversation.item.create"}, "openai"),
        ({"type": "response.create"}, "openai"),
        ({"type": "something.new"}, "openai"),
        ({}, "openai"),
    ],
)
def test_the_first_message_that_tells(message: dict[str, Any], chosen: str) -> None:
    client, _ = opened()
    decoded = client.decode(json.dumps(message))
    assert decoded.notes[0] == f"speaks {'VllmRealtime' if chosen == 'vllm' else 'OpenAIRealtime'}"
    [error] = heard(told(client, "conversation.item.delete"))
    assert isinstance(error["error"], str if chosen == "vllm" else dict)
    frames = client.encode(TurnStarted(1, 0.0))
    assert len(frames) == (0 if chosen == "vllm" else 1)
    if chosen != "vllm":
        [event] = heard(updated(client, instructions="Be kind."))
        assert ("audio" in event["session"]) == (chosen == "openai")


def test_audio_waits_in_order_and_in_its_format() -> None:
    client, _ = opened()
    assert appended(client, b"\1\1").commands == ()
    assert client.decode(b"\2\2").commands == ()
    configure, first, second = told(client, "session.update", model="voxtral").commands
    assert configure == Configure(client.settings)
    assert client.settings.audio_format.sample_rate == 16_000
    assert (first, second) == (AppendAudio(b"\1\1"), AppendAudio(b"\2\2"))


def test_a_client_that_sends_nothing_but_audio_is_heard_as_openais() -> None:
    client, _ = opened()
    decoded = [client.decode(bytes(1_000)) for _ in range(MOST_WAITING_BYTES // 1_000 + 1)]
    commands = [command for part in decoded for command in part.commands]
    assert [part.commands == () for part in decoded] == [True] * (len(decoded) - 1) + [False]
    assert commands == [AppendAudio(bytes(1_000))] * len(decoded)
    assert client.settings.audio_format.sample_rate == 24_000


def test_empty_frames_do_not_pile_up() -> None:
    client, _ = opened()
    notes = [note for _ in range(MOST_WAITING_BYTES + 1) for note in client.decode(b"").notes]
    assert notes == ["speaks OpenAIRealtime"]


def test_before_the_choice_only_refusals_are_said() -> None:
    client, _ = opened()
    assert client.encode(TurnStarted(1, 0.0)) == []
    assert heard(client.refuse(Overloaded("full")))[0]["type"] == "error"


@given(st.lists(altered(st.sampled_from(OPENAI_MESSAGES + VLLM_MESSAGES)) | json_values(), max_size=6))
def test_any_json_is_answered_in_one_dialect(messages: list[Any]) -> None:
    client, _ = opened()
    events = [event for message in messages for event in heard(client.decode(json.dumps(message)))]
    of_openai = {"event_id" in event for event in events}
    assert len(of_openai) <= 1


@given(st.lists(st.text() | st.binary(), max_size=4))
def test_any_frame_is_survived(frames: list[str | bytes]) -> None:
    client, _ = opened()
    for frame in frames:
        client.decode(frame)
