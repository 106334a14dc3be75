"""What the golden conversations do not show of the OpenAI dialect: bounds, orders, and input that nobody meant."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.golden import lines
from tests.wire.json_values import altered, json_values
from tests.wire.realtime import TENTH, appended, conversing, golden, heard, told, transcribing, updated
from tests.wire.strict_reader import objections
from voxtral_service.errors import EngineError, InvalidOption, Overloaded
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    CommitTurn,
    Configure,
    ServerVad,
    SessionEvent,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEnded,
    TurnStarted,
)
from voxtral_service.wire.base import Dialect
from voxtral_service.wire.openai_audio import MOST_BYTES as MOST_AUDIO
from voxtral_service.wire.openai_items import MOST_ITEMS, Items, spoken_by_user
from voxtral_service.wire.openai_merge import MOST_NOTES

MESSAGES = [line["client"] for path in golden("openai_realtime") for line in lines(path) if "client" in line]
DIALECTS = st.sampled_from([transcribing, conversing, partial(conversing, responds=True)])


def kinds(frames: list[str]) -> list[str]:
    return [event["type"].rpartition(".")[2] for event in heard(frames)]


def speak(dialect: Dialect, *events: SessionEvent) -> list[str]:
    return [frame for event in events for frame in dialect.encode(event)]


# -- the session


@pytest.mark.parametrize(
    ("level", "delay_ms"), [("minimal", 160), ("low", 240), ("medium", 480), ("high", 960), ("xhigh", 2_400)]
)
def test_delay_levels(level: str, delay_ms: int) -> None:
    client = transcribing()
    updated(client, audio={"input": {"transcription": {"delay": level}}})
    assert client.settings.delay_ms == delay_ms


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        *[({"type": "audio/pcm", "rate": rate}, AudioFormat("pcm_s16le", rate)) for rate in (8_000, 16_000, 48_000)],
        ({"type": "audio/pcm"}, AudioFormat("pcm_s16le", 24_000)),
        ({"type": "audio/pcmu"}, AudioFormat("pcm_mulaw", 8_000)),
        ({"type": "audio/pcma"}, AudioFormat("pcm_alaw", 8_000)),
        ("g711_ulaw", AudioFormat("pcm_mulaw", 8_000)),
    ],
)
def test_audio_formats(shape: Any, expected: AudioFormat) -> None:
    client = transcribing()
    updated(client, audio={"input": {"format": shape}})
    assert client.settings.audio_format == expected


def test_a_refused_update_changes_nothing() -> None:
    client = transcribing()
    before = client.settings
    changes = {"turn_detection": None, "transcription": {"language": "fr"}, "format": {"type": "audio/flac"}}
    answer = updated(client, audio={"input": changes})
    assert (client.settings, answer.commands) == (before, ())
    assert [event["type"] for event in heard(answer)] == ["error"]


def test_the_servers_defaults_hold_until_the_client_says_otherwise() -> None:
    client = transcribing(defaults=SessionSettings(delay_ms=960, language="nl", vocabulary=("wren",), prompt="birds"))
    assert client.settings == SessionSettings(
        AudioFormat("pcm_s16le", 24_000), ServerVad(), 960, "nl", vocabulary=("wren",), prompt="birds"
    )
    updated(client, audio={"input": {"transcription": {"language": "de", "keywords": []}}})
    assert (client.settings.language, client.settings.vocabulary, client.settings.delay_ms) == ("de", (), 960)


def test_an_update_without_effect_does_not_bother_the_session() -> None:
    assert updated(transcribing(), audio={"input": {"format": {"type": "audio/pcm", "rate": 24_000}}}).commands == ()


def test_models_of_other_names_are_served_and_noted() -> None:
    answer = updated(transcribing(), audio={"input": {"transcription": {"model": "whisper-1"}}})
    assert heard(answer)[0]["session"]["audio"]["input"]["transcription"]["model"] == "wren-en"
    assert answer.notes == ("session.audio.input.transcription.model: 'whisper-1' is served by 'wren-en'",)


def test_strict_models() -> None:
    client = transcribing(strict_models=True)
    [error] = heard(updated(client, audio={"input": {"transcription": {"model": "whisper-1"}}}))
    assert error["error"]["code"] == "model_not_found"
    assert error["error"]["param"] == "session.audio.input.transcription.model"
    [answer] = heard(updated(client, audio={"input": {"transcription": {"model": "wren-en"}}}))
    assert answer["type"] == "session.updated"


def test_unknown_keys_are_noted_but_not_without_end() -> None:
    answer = updated(transcribing(), **{f"key{number}": number for number in range(1_000)})
    assert len(answer.notes) == MOST_NOTES
    assert heard(answer)[0]["type"] == "session.updated"


def test_a_conversation_is_not_transcribed_unless_asked() -> None:
    client = conversing()
    turn = (TurnStarted(1, 0.0), TranscriptDelta(1, "hi"), TurnEnded(1, 0.0, 1.0, "silence"))
    final = TranscriptFinal(1, "hi", (), 0.0, 1.0)
    assert kinds(speak(client, *turn, final)) == ["speech_started", "speech_stopped", "committed", "added", "done"]
    failed = TranscriptFailed(2, "engine_error", "it stopped")
    assert "failed" not in kinds(speak(client, TurnStarted(2, 2.0), TurnEnded(2, 2.0, 3.0, "silence"), failed))


@pytest.mark.parametrize("detected", [True, False])
def test_a_turn_that_fails_while_it_is_spoken_is_one_item(detected: bool) -> None:
    client = transcribing()
    if not detected:
        updated(client, audio={"input": {"turn_detection": None}})
    started, delta = TurnStarted(1, 0.0), TranscriptDelta(1, "hel")
    failed, ended = TranscriptFailed(1, "overloaded", "no place"), TurnEnded(1, 0.0, 1.0, "committed")
    events = heard(speak(client, started, delta, failed, ended))
    about = [(event["type"].rpartition(".")[2], event.get("item_id") or event["item"]["id"]) for event in events]
    spoken = ["speech_started", "delta", "speech_stopped"] if detected else ["delta"]
    assert [kind for kind, _ in about] == [*spoken, "committed", "added", "done", "failed"]
    assert len({item_id for _, item_id in about}) == 1
    assert events[-1]["error"]["code"] == "overloaded"
    # The next turn is another item, and nothing is kept of this one.
    final = TranscriptFinal(2, "", (), 2.0, 3.0)
    after = heard(speak(client, TurnStarted(2, 2.0), TurnEnded(2, 2.0, 3.0, "committed"), final))
    assert {event["item_id"] for event in after if "item_id" in event}.isdisjoint(dict(about).values())


def test_a_turn_that_fails_and_is_cleared_is_never_heard_of_again() -> None:
    client = transcribing()
    failed, cleared = TranscriptFailed(1, "overloaded", "no place"), TurnEnded(1, 0.0, 1.0, "cleared")
    assert kinds(speak(client, TurnStarted(1, 0.0), failed, cleared)) == ["speech_started", "speech_stopped"]


# -- audio


def test_audio_passes_unchanged() -> None:
    client = transcribing()
    assert appended(client, b"\1\2\3").commands == (AppendAudio(b"\1\2\3"),)
    assert client.decode(b"\4").commands == (AppendAudio(b"\4"),)
    assert client.decode(b"").commands == ()


def test_a_message_holds_fifteen_mebibytes() -> None:
    client = transcribing()
    assert client.decode(bytes(MOST_AUDIO)).commands
    answer = client.decode(bytes(MOST_AUDIO + 1))
    assert (answer.commands, heard(answer)[0]["error"]["param"]) == ((), "audio")


def test_a_tenth_of_a_second_can_be_committed() -> None:
    client = transcribing()
    appended(client, TENTH[:-2])
    assert heard(told(client, "input_audio_buffer.commit"))[0]["error"]["code"] == "input_audio_buffer_commit_empty"
    appended(client, TENTH[:2])
    assert told(client, "input_audio_buffer.commit").commands == (CommitTurn(),)
    assert told(client, "input_audio_buffer.commit").commands == ()


def test_samples_that_look_like_a_container_are_samples() -> None:
    client = transcribing()
    appended(client)
    assert client.decode(b"\x1a\x45\xdf\xa3").commands == (AppendAudio(b"\x1a\x45\xdf\xa3"),)


def test_a_container_may_come_in_json() -> None:
    client = transcribing()
    expected = replace(client.settings, audio_format=AudioFormat("container"))
    page = b"OggS\0\2" + bytes(20)
    assert appended(client, page).commands == (Configure(expected), AppendAudio(page))
    assert client.settings == expected


# -- turns


def test_turns_may_be_finished_out_of_order() -> None:
    client = transcribing()
    frames = speak(
        client,
        TurnStarted(1, 0.0),
        TurnEnded(1, 0.0, 1.0, "silence"),
        TurnStarted(2, 1.5),
        TurnEnded(2, 1.5, 2.0, "silence"),
        TranscriptFinal(2, "second", (), 1.5, 2.0),
        TranscriptFinal(1, "first", (), 0.0, 1.0),
    )
    assert [(e["item_id"], e["transcript"]) for e in heard(frames) if e["type"].endswith("completed")] == [
        ("item_2", "second"),
        ("item_1", "first"),
    ]


def test_detection_switched_off_in_a_turn_still_ends_what_was_announced() -> None:
    client = transcribing()
    speak(client, TurnStarted(1, 0.0))
    updated(client, audio={"input": {"turn_detection": None}})
    assert "speech_stopped" in kinds(speak(client, TurnEnded(1, 0.0, 1.0, "committed")))


def test_a_client_may_take_the_id_of_a_turn() -> None:
    client = transcribing()
    speak(client, TurnStarted(1, 0.0))
    part = {"type": "input_text", "text": "mine"}
    told(
        client, "conversation.item.create", item={"type": "message", "role": "user", "id": "item_1", "content": [part]}
    )
    assert kinds(speak(client, TurnEnded(1, 0.0, 1.0, "silence")))[1:] == ["committed", "added", "done"]


def test_a_session_of_many_turns_stays_small() -> None:
    items = Items()
    for number in range(MOST_ITEMS + 10):
        items.add(spoken_by_user(f"item_{number}"))
    assert items.get("item_9") is None
    assert items.get("item_10") is not None
    assert items.last == f"item_{MOST_ITEMS + 9}"


def test_large_items_are_forgotten_sooner() -> None:
    items = Items()
    for number in range(20):
        items.add(spoken_by_user(str(number), "x" * 2**20))
    assert items.get("19") is not None
    assert items.get("0") is None
    items.add(spoken_by_user("huge", "x" * 2**24))
    assert items.last is None


# -- errors of the server


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InvalidOption("no such rate", field="rate"), "invalid_request_error", "invalid_option"),
        (Overloaded("full"), "server_error", "rate_limit_exceeded"),
        (EngineError("broken"), "server_error", "engine_error"),
    ],
)
def test_refusals(error: Any, kind: str, code: str) -> None:
    [event] = heard(transcribing().refuse(error))
    assert (event["error"]["type"], event["error"]["code"], event["error"]["message"]) == (kind, code, str(error))
    assert list(objections(event)) == []


# -- anything at all


@given(DIALECTS, st.lists(altered(st.sampled_from(MESSAGES)) | json_values(), max_size=6))
def test_any_json_is_answered_in_the_dialect(make: Any, messages: list[Any]) -> None:
    client: Dialect = make()
    for message in messages:
        decoded = client.decode(json.dumps(message))
        for event in heard(decoded):
            ignoring_keys = frozenset({"delay", "languages", "keywords"})
            assert list(objections(event, sent=ignoring_keys)) == []
        assert all("\n" not in note and len(note) < 500 for note in decoded.notes)
        for command in decoded.commands:
            if isinstance(command, Configure):
                assert command.settings == client.settings or command is not decoded.commands[-1]


@given(DIALECTS, st.lists(st.text() | st.binary(), max_size=4))
def test_any_frame_is_answered(make: Any, frames: list[str | bytes]) -> None:
    client: Dialect = make()
    for frame in frames:
        for event in heard(client.decode(frame)):
            assert event["type"] == "error"


@pytest.mark.parametrize("depth", [50, 70, 5_000, 200_000])
def test_any_nesting(depth: int) -> None:
    nested = (
        '{"type":"session.update","session":{"type":"realtime","prompt":' + '{"a":' * depth + "1" + "}" * depth + "}}"
    )
    [event] = heard(conversing().decode(nested))
    assert event["type"] == ("session.updated" if depth < 60 else "error")


def test_lone_surrogates_survive_the_way_back() -> None:
    [event] = heard(
        conversing().decode('{"type":"session.update","session":{"type":"realtime","instructions":"\\ud800"}}')
    )
    assert event["session"]["instructions"] == "\ud800"
    [frame] = conversing().decode('{"type":"\\ud800"}').replies
    assert frame.encode()


@given(st.binary(min_size=1), DIALECTS)
def test_audio_is_never_changed(data: bytes, make: Any) -> None:
    client: Dialect = make()
    commands = told(client, "input_audio_buffer.append", audio=base64.b64encode(data).decode()).commands
    assert commands[-1] == AppendAudio(data)
