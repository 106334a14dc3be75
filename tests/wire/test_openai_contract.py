"""Everything the OpenAI dialect says goes through openai-python's own parser, and past the strictest of readers."""

from __future__ import annotations

import base64
import json
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from openai.resources.beta.realtime.realtime import RealtimeConnection as BetaConnection
from openai.resources.realtime.realtime import RealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter

from tests.wire.fake_session import FakeSession
from tests.wire.golden import Line, lines
from tests.wire.realtime import TENTH, conversing, golden, replay, transcribing
from tests.wire.strict_reader import objections
from voxtral_service.wire.base import Dialect

PATHS = golden("openai_realtime")
BETA = [path for path in PATHS if "beta" in path.stem]
PRESENT = [path for path in PATHS if path not in BETA]
GA_EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PARSER = RealtimeConnection(None)  # type: ignore[arg-type]
BETA_PARSER = BetaConnection(None)  # type: ignore[arg-type]
UNTYPED = {"id", "object", "created"}
"""Keys of session events that OpenAI sends and the SDK has no fields for, and vLLM's `id` and `created` beside them."""
OURS = {"words"}
"""Keys of `completed` that OpenAI has not. Tried in openai-python 3.54, openai-node 7.57, agents-js 0.20, Pipecat 1.14
and LiveKit 1.8, all of which keep or drop them."""


def server_events(path: Path) -> list[dict[str, Any]]:
    return [line["server"] for line in lines(path) if "server" in line]


def keys_sent(conversation: list[Line]) -> frozenset[str]:
    """The keys of `transcription` that a client has used."""
    sent: set[str] = set()
    for line in conversation:
        session = line.get("client", {}).get("session") or {}
        heard = session.get("audio", {}).get("input", {}) if isinstance(session, dict) else {}
        sent |= (heard.get("transcription") or {}).keys()
    return frozenset(sent)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    written, spoken = replay(path)
    assert spoken == written


@pytest.mark.parametrize("path", PRESENT, ids=lambda path: path.stem)
def test_no_reader_objects(path: Path) -> None:
    sent = keys_sent(lines(path))
    for event in server_events(path):
        assert list(objections(event, sent=sent)) == [], event


@pytest.mark.parametrize("path", PRESENT, ids=lambda path: path.stem)
def test_the_sdk_finds_every_field(path: Path) -> None:
    for event in server_events(path):
        in_its_words = with_official_rates(event)
        parsed = GA_EVENTS.validate_python(in_its_words)
        assert parsed.type == event["type"]
        unknown = set(unknown_keys(parsed)) - (UNTYPED if "session" in event else set())
        unknown -= OURS if event["type"].endswith("transcription.completed") else set()
        assert unknown == set(), event
        # What the SDK's connections do with an event; it never fails, but takes the wrong class where a field is wrong.
        built = PARSER.parse_event(json.dumps(in_its_words))
        assert type(built) is type(parsed)


@pytest.mark.parametrize("path", BETA, ids=lambda path: path.stem)
def test_the_sdks_beta_takes_the_right_class(path: Path) -> None:
    beta = False
    for line in lines(path):
        # Without a header the opening is today's: the client has not told yet.
        beta = beta or "client" in line or "openai-beta" in line.get("upgrade", {}).get("headers", {})
        if beta and "server" in line:
            event = line["server"]
            built = BETA_PARSER.parse_event(json.dumps(event))
            expected = "".join(word.title() for word in event["type"].replace(".", "_").split("_"))
            # The beta's union lacks `retrieved`, which its clients read as plain JSON.
            assert type(built).__name__ == f"{expected}Event" or event["type"] == "conversation.item.retrieved"


def with_official_rates(event: dict[str, Any]) -> dict[str, Any]:
    """The SDK's types know 24 kHz only; its parser does not care."""
    official: dict[str, Any] = json.loads(
        json.dumps(event), object_hook=lambda o: o | {"rate": 24_000} if "rate" in o else o
    )
    return official


def unknown_keys(model: BaseModel) -> list[str]:
    found = list(model.model_extra or {})
    for name in type(model).model_fields:
        value = getattr(model, name)
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, BaseModel):
                found += unknown_keys(inner)
    return found


class Wire:
    """A websocket between the SDK and a dialect with a session behind it, without a socket."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._session = FakeSession(dialect.settings)
        self._frames = deque(dialect.opening().replies)

    def send(self, frame: str) -> None:
        decoded = self._dialect.decode(frame)
        self._frames.extend(decoded.replies)
        self._session.carry_out(decoded.commands)
        self._tell()

    def fall_silent(self) -> None:
        self._session.fall_silent()
        self._tell()

    def recv(self, *, decode: bool | None = None) -> str:
        return self._frames.popleft()

    def _tell(self) -> None:
        while self._session.events:
            self._frames.extend(self._dialect.encode(self._session.events.popleft()))


def connected(dialect: Dialect) -> tuple[Wire, RealtimeConnection]:
    wire = Wire(dialect)
    return wire, RealtimeConnection(wire)  # type: ignore[arg-type]


def received(connection: RealtimeConnection, count: int) -> list[str]:
    return [connection.recv().type for _ in range(count)]


AUDIO = base64.b64encode(TENTH).decode()


def test_the_sdk_transcribes_with_turn_detection() -> None:
    wire, connection = connected(transcribing())
    assert connection.recv().type == "session.created"
    connection.session.update(
        session={
            "type": "transcription",
            "audio": {
                "input": {"transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": {"type": "server_vad"}}
            },
        }
    )
    updated: Any = connection.recv()
    assert updated.session.audio.input.turn_detection.silence_duration_ms == 500
    connection.input_audio_buffer.append(audio=AUDIO)
    started: Any = connection.recv()
    delta: Any = connection.recv()
    assert (started.type, delta.delta) == ("input_audio_buffer.speech_started", "word0")
    wire.fall_silent()
    assert received(connection, 4) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    completed: Any = connection.recv()
    assert (completed.transcript, completed.item_id, completed.usage.seconds) == ("word0", started.item_id, 1.0)


def test_the_sdk_commits_its_turns() -> None:
    _, connection = connected(transcribing())
    connection.session.update(session={"type": "transcription", "audio": {"input": {"turn_detection": None}}})
    connection.input_audio_buffer.append(audio=AUDIO)
    connection.input_audio_buffer.append(audio=AUDIO)
    connection.input_audio_buffer.commit()
    kinds = received(connection, 8)
    assert [kind.rpartition(".")[2] for kind in kinds] == [
        "created",
        "updated",
        "delta",
        "delta",
        "committed",
        "added",
        "done",
        "completed",
    ]
    connection.input_audio_buffer.commit()
    error: Any = connection.recv()
    assert error.error.code == "input_audio_buffer_commit_empty"


def test_the_sdk_keeps_a_conversation() -> None:
    _, connection = connected(conversing())
    connection.recv()
    connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
    )
    added: Any = connection.recv()
    assert (added.item.role, added.item.content[0].text) == ("user", "hello")
    connection.recv()
    connection.conversation.item.retrieve(item_id=added.item.id)
    retrieved: Any = connection.recv()
    assert retrieved.item == added.item
    connection.conversation.item.delete(item_id=added.item.id)
    assert connection.recv().type == "conversation.item.deleted"
    connection.response.create(event_id="e1")
    error: Any = connection.recv()
    assert (error.error.code, error.error.event_id) == ("language_model_not_configured", "e1")
