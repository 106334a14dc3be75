from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistralai.client import Mistral
from mistralai.client.models import AudioFormat as SdkAudioFormat
from mistralai.extra.realtime import transcription
from mistralai.extra.realtime.connection import RealtimeConnection, UnknownRealtimeEvent, parse_realtime_event

from tests.wire.fake_session import SILENCE, FakeSession
from tests.wire.golden import conversations, lines, replayed
from tests.wire.json_values import altered, json_values
from voxtral_service.errors import (
    CallerError,
    EngineError,
    InvalidOption,
    ModelNotFound,
    Overloaded,
    VoxtralError,
)
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    Configure,
    EndAudio,
    ServerVad,
    SessionEnded,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEnded,
)
from voxtral_service.wire.base import Connection
from voxtral_service.wire.commits import MOST_WAITING
from voxtral_service.wire.mistral_realtime import MOST_AUDIO_BYTES, MOST_SEGMENTS, MistralRealtime

WORD = bytes(range(8))
CONVERSATIONS = conversations("mistral_realtime")


def dialect(defaults: SessionSettings | None = None) -> MistralRealtime:
    count = itertools.count(1)
    return MistralRealtime(
        Connection("wren-en", lambda prefix: f"{prefix}{next(count)}", 0, defaults=defaults or SessionSettings())
    )


def frame(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields})


def update(**session: object) -> str:
    return frame("session.update", session=session)


def append(data: bytes = WORD) -> str:
    return frame("input_audio.append", audio=base64.b64encode(data).decode())


FLUSH, END = frame("input_audio.flush"), frame("input_audio.end")
DETECT = update(turn_detection={})


class Talk:
    """The dialect and a session, whose events are heard when `listen` is called."""

    def __init__(self) -> None:
        self.dialect = dialect()
        self.session = FakeSession(self.dialect.settings)
        self.heard: list[dict[str, Any]] = [json.loads(reply) for reply in self.dialect.opening().replies]

    def say(self, text: str) -> None:
        decoded = self.dialect.decode(text)
        self.session.carry_out(decoded.commands)
        self.heard += [json.loads(reply) for reply in decoded.replies]

    def listen(self, most: int | None = None) -> None:
        while self.session.events and most != 0:
            self.heard += [json.loads(reply) for reply in self.dialect.encode(self.session.events.popleft())]
            most = None if most is None else most - 1

    def texts(self, kind: str) -> list[str]:
        return [message["text"] for message in self.heard if message["type"] == kind]


# -- what it says


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    conversation = lines(path)
    assert replayed(conversation, dialect()) == conversation


def test_opening_states_the_format_that_silent_clients_use() -> None:
    [created] = dialect(SessionSettings(AudioFormat("pcm_f32le", 48_000, 2), delay_ms=480)).opening().replies
    assert json.loads(created) == {
        "type": "session.created",
        "session": {
            "request_id": "req_1",
            "model": "wren-en",
            "audio_format": {"encoding": "pcm_s16le", "sample_rate": 16_000},
            "target_streaming_delay_ms": 480,
        },
    }


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (-5, 80),
        (0, 80),
        (80, 80),
        (119, 80),
        (120, 160),
        (480, 480),
        (500, 480),
        (530.5, 560),
        (2400, 2400),
        (10**30, 2400),
    ],
)
def test_delay_goes_to_the_nearest_step(asked: float, given: int) -> None:
    speaker = dialect()
    decoded = speaker.decode(update(target_streaming_delay_ms=asked))
    assert decoded.commands == (Configure(speaker.settings),)
    assert speaker.settings.delay_ms == given


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"threshold": 0.5, "silence_duration_ms": 500}),
        ({"start_threshold": 0.7, "min_silence_ms": 900}, {"threshold": 0.7, "silence_duration_ms": 900}),
        ({"start_threshold": 7, "min_silence_ms": 1}, {"threshold": 1.0, "silence_duration_ms": 100}),
        ({"min_silence_ms": 900, "end_timeout_ms": 600}, {"silence_duration_ms": 600}),
        ({"min_silence_ms": None, "end_timeout_ms": 9_000}, {"silence_duration_ms": 500}),
        ({"end_threshold": 0.2, "eager_end_threshold": 0.9}, {"end_threshold": 0.2}),
        ({"end_threshold": -1}, {"end_threshold": 0.0}),
    ],
)
def test_turn_detection(config: dict[str, float], expected: dict[str, Any]) -> None:
    speaker = dialect()
    speaker.decode(update(turn_detection=config))
    assert speaker.settings.turn_detection == ServerVad(**{"end_threshold": 0.33, **expected})


def test_an_update_that_is_refused_changes_nothing() -> None:
    speaker = dialect()
    before = speaker.settings
    decoded = speaker.decode(update(language="de", context_bias=[1]))
    assert (decoded.commands, speaker.settings) == ((), before)
    assert json.loads(decoded.replies[0])["error"]["code"] == 422


def test_size_of_an_append() -> None:
    speaker = dialect()
    assert speaker.decode(append(bytes(MOST_AUDIO_BYTES))).commands == (AppendAudio(bytes(MOST_AUDIO_BYTES)),)
    refused = speaker.decode(append(bytes(MOST_AUDIO_BYTES + 1)))
    assert not refused.commands
    assert "262145 bytes" in json.loads(refused.replies[0])["error"]["message"]


def test_half_a_sample_is_nothing_to_commit() -> None:
    talk = Talk()
    talk.say(append(b"\0"))
    talk.say(FLUSH)
    assert talk.texts("transcription.done") == [""]
    assert talk.dialect.decode(append(b"\0")).commands == (AppendAudio(b"\0"),)
    assert talk.dialect.decode(FLUSH).commands, "the two halves are a sample"


def test_seconds_billed_add_up() -> None:
    talk = Talk()
    talk.say(update(audio_format={"encoding": "pcm_mulaw", "sample_rate": 8_000}))
    for size in (8_000, 4_000, 4_000, 18_000):
        talk.say(append(bytes(size)))
        talk.say(FLUSH)
        talk.listen()
    talk.session.events.append(SessionEnded(4.25))
    talk.listen()
    billed = [said["usage"]["prompt_audio_seconds"] for said in talk.heard if said["type"] == "transcription.done"]
    assert billed == [1, 1, 0, 2, 0], "1, 1.5, 2 and 4.25 seconds, to the nearest whole ones"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelNotFound("x"), 404),
        (InvalidOption("x"), 422),
        (CallerError("x"), 400),
        (Overloaded("x"), 503),
        (EngineError("x"), 500),
        (VoxtralError("x"), 500),
    ],
)
def test_refusals_carry_integers(error: VoxtralError, code: int) -> None:
    [said] = dialect().refuse(error)
    assert json.loads(said) == {"type": "error", "error": {"message": "x", "code": code}}


# -- flushes, whatever comes between


def test_flush_and_end_back_to_back() -> None:
    talk = Talk()
    for text in (append(), append(), FLUSH, END):
        talk.say(text)
    talk.listen()
    assert talk.texts("transcription.done") == ["word0 word1", ""]


def test_audio_after_a_flush_is_in_the_next_done() -> None:
    talk = Talk()
    for text in (append(), FLUSH, append(), FLUSH, append(), END):
        talk.say(text)
    talk.listen()
    assert talk.texts("transcription.done") == ["word0", "word1", "word2"]


def test_deltas_of_the_next_turn_before_the_final_of_this_one() -> None:
    speaker = dialect()
    for text in (append(), FLUSH, append()):
        speaker.decode(text)
    for event in (TurnEnded(1, 0, 1, "committed"), TranscriptDelta(1, "One."), TranscriptDelta(2, "Two.")):
        speaker.encode(event)
    done = json.loads(speaker.encode(TranscriptFinal(1, "One.", (), 0, 1))[-1])
    assert (done["type"], done["text"]) == ("transcription.done", "One.")


def test_a_turn_that_fails_before_it_is_flushed() -> None:
    speaker = dialect()
    speaker.decode(append())
    [error] = speaker.encode(TranscriptFailed(1, "overloaded", "no room; try again later"))
    assert json.loads(error)["type"] == "error"
    speaker.decode(FLUSH)
    [done] = speaker.encode(TurnEnded(1, 0, 1, "committed"))
    assert (json.loads(done)["type"], json.loads(done)["text"]) == ("transcription.done", "")


STEPS = st.lists(st.sampled_from(["word", "silence", "flush", "listen", "pause", "empty"]), max_size=40)


@given(steps=STEPS, detect=st.booleans())
def test_every_flush_is_answered_and_no_word_is_lost(steps: list[str], detect: bool) -> None:
    talk = Talk()
    if detect:
        talk.say(DETECT)
    actions = {
        "word": lambda: talk.say(append()),
        "silence": lambda: talk.say(append(SILENCE)),
        "empty": lambda: talk.say(append(b"")),
        "flush": lambda: talk.say(FLUSH),
        "listen": lambda: talk.listen(2),
        "pause": talk.session.fall_silent,
    }
    words_before_first_flush: list[str] | None = None
    for step in steps:
        if step == "flush" and words_before_first_flush is None:
            words_before_first_flush = list(talk.session.words)
        actions[step]()
    talk.say(END)
    talk.listen()
    dones = talk.texts("transcription.done")
    assert len(dones) == steps.count("flush") + 1
    assert " ".join(" ".join(dones).split()) == " ".join(talk.session.words)
    deltas = "".join(talk.texts("transcription.text.delta"))
    assert deltas == " ".join(talk.session.words)
    if not detect and words_before_first_flush is not None:
        assert dones[0] == " ".join(words_before_first_flush)
    turn_events = {message["type"] for message in talk.heard if message["type"].startswith("turn.")}
    assert detect or not turn_events


def test_after_the_end_nothing_is_understood() -> None:
    speaker = dialect()
    assert speaker.decode(END).commands == (EndAudio(),)
    for text in (END, append(), FLUSH, DETECT):
        decoded = speaker.decode(text)
        assert not decoded.commands
        assert not decoded.replies


def test_flushes_that_nobody_answers_are_bounded() -> None:
    speaker = dialect()
    for _ in range(2 * MOST_WAITING):
        speaker.decode(append())
        speaker.decode(FLUSH)
    assert len(speaker.encode(SessionEnded(1.0))) == MOST_WAITING + 1


def test_segments_that_nobody_flushes_are_bounded() -> None:
    speaker = dialect()
    for turn in range(MOST_SEGMENTS + 10):
        speaker.encode(TranscriptFinal(turn, "word", (), turn, turn + 1))
    [done] = speaker.encode(SessionEnded(1.0))
    assert len(json.loads(done)["segments"]) == MOST_SEGMENTS


# -- anything at all

VALID = [json.loads(text) for text in (append(), FLUSH, END)] + [
    {
        "type": "session.update",
        "session": {
            "audio_format": {"encoding": "pcm_s16le", "sample_rate": 16_000},
            "target_streaming_delay_ms": 480,
            "diarize": False,
            "context_bias": ["one"],
            "language": "en",
            "turn_detection": {"start_threshold": 0.5, "min_silence_ms": 500, "end_timeout_ms": None},
        },
    }
]


@given(frames=st.lists(st.one_of(json_values(), altered(st.sampled_from(VALID))), max_size=4))
def test_any_json(frames: list[Any]) -> None:
    speaker = dialect()
    for value in frames:
        for reply in speaker.decode(json.dumps(value)).replies:
            assert "\n" not in reply
            assert not isinstance(parse_realtime_event(json.loads(reply)), UnknownRealtimeEvent)
    for reply in speaker.encode(SessionEnded(0.0)):
        assert not isinstance(parse_realtime_event(json.loads(reply)), UnknownRealtimeEvent)


@given(junk=st.one_of(st.binary(), st.text()))
def test_any_bytes_and_text(junk: str | bytes) -> None:
    decoded = dialect().decode(junk)
    assert not decoded.commands
    assert [json.loads(reply)["type"] for reply in decoded.replies] == ["error"]


@pytest.mark.parametrize(
    "junk", ["", "[]", "null", "[" * 100_000, "1" * 10_000, '{"type": NaN}', "\ud800", b"\xff\xfe"]
)
def test_junk_seen_in_the_wild(junk: str | bytes) -> None:
    assert json.loads(dialect().decode(junk).replies[0])["error"]["code"] == 400


# -- the vendor's own SDK

IN_SDK_3 = ("turn.start", "turn.eager_end", "turn.resume", "turn.end")


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_the_sdk_parses_all_that_is_said(path: Path) -> None:
    for line in lines(path):
        if "server" in line:
            event = parse_realtime_event(line["server"])
            assert not isinstance(event, UnknownRealtimeEvent) or event.type in IN_SDK_3, event


class FakeSocket:
    """The SDK's websocket, with the dialect and a session at the other end."""

    def __init__(self) -> None:
        self.dialect = dialect()
        self.session = FakeSession(self.dialect.settings)
        self.inbox: asyncio.Queue[str] = asyncio.Queue()
        self._put(self.dialect.opening().replies)

    def _put(self, said: Iterable[str]) -> None:
        for text in said:
            self.inbox.put_nowait(text)

    async def send(self, text: str) -> None:
        decoded = self.dialect.decode(text)
        self._put(list(decoded.replies))
        self.session.carry_out(decoded.commands)
        while self.session.events:
            self._put(self.dialect.encode(self.session.events.popleft()))

    async def recv(self) -> str:
        return await self.inbox.get()

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            yield await self.inbox.get()

    async def close(self, **_: object) -> None:
        return None


@pytest.fixture
def socket(monkeypatch: pytest.MonkeyPatch) -> FakeSocket:
    fake = FakeSocket()

    async def connect(*_: object, **__: object) -> FakeSocket:
        return fake

    monkeypatch.setattr(transcription, "connect", connect)
    return fake


async def test_transcribe_stream_of_the_sdk(socket: FakeSocket) -> None:
    async def audio() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield WORD

    realtime = Mistral(api_key="key", server_url="http://127.0.0.1:1").audio.realtime
    said = [
        event
        async for event in realtime.transcribe_stream(
            audio(),
            "voxtral-mini-transcribe-realtime-2602",
            SdkAudioFormat(encoding="pcm_f32le", sample_rate=24_000),
            target_streaming_delay_ms=1_000,
        )
    ]
    assert [getattr(event, "type", None) for event in said] == [
        "session.created",
        "session.updated",
        *["transcription.text.delta"] * 3,
        "transcription.language",
        "transcription.segment",
        "transcription.done",
    ]
    assert said[-1].text == "word0 word1 word2"  # type: ignore[union-attr]
    assert socket.dialect.settings.audio_format == AudioFormat("pcm_f32le", 24_000)
    assert socket.dialect.settings.delay_ms == 1_040


async def test_a_connection_that_flushes_and_goes_on(socket: FakeSocket) -> None:
    realtime = Mistral(api_key="key", server_url="http://127.0.0.1:1").audio.realtime
    connection: RealtimeConnection = await realtime.connect("voxtral-mini-transcribe-realtime-2602")
    events = connection.events()

    async def final() -> str:
        async for event in events:
            if getattr(event, "type", None) == "transcription.done":
                return str(event.text)  # type: ignore[union-attr]
        raise AssertionError("no transcription.done")

    assert connection.audio_format.sample_rate == 16_000
    await connection.send_audio(WORD)
    await connection.flush_audio()
    assert await final() == "word0"
    await connection.flush_audio()
    assert await final() == ""
    await connection.send_audio(WORD)
    await connection.end_audio()
    assert await final() == "word1"
