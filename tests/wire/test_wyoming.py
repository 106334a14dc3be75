from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.fake_session import SILENCE, FakeSession
from tests.wire.golden import conversations, lines, replayed
from tests.wire.json_values import altered
from voxtral_service.errors import CallerError, Overloaded
from voxtral_service.events import (
    AppendAudio,
    AudioFormat,
    Command,
    Configure,
    ServerVad,
    SessionEnded,
    SessionSettings,
)
from voxtral_service.wire.base import Connection
from voxtral_service.wire.commits import MOST_WAITING
from voxtral_service.wire.wyoming import Wyoming
from voxtral_service.wire.wyoming_frames import (
    MOST_DATA_BYTES,
    MOST_HEADER_BYTES,
    MOST_PAYLOAD_BYTES,
    Event,
    EventReader,
    write,
)
from voxtral_service.wire.wyoming_info import AsrModel, AsrProgram, Attribution

with warnings.catch_warnings():
    # Before Python 3.13 the library imports audioop, which warns that it will be gone by then.
    warnings.simplefilter("ignore", DeprecationWarning)
    from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.error import Error
    from wyoming.event import Event as SdkEvent
    from wyoming.event import async_read_event, read_event, write_event
    from wyoming.info import Describe, Info
    from wyoming.ping import Ping, Pong

CONVERSATIONS = conversations("wyoming")
MAKER = Attribution("The makers", "https://example.org/voxtral")
PROGRAM = AsrProgram("voxtral", MAKER, (AsrModel("wren-en", MAKER, ("en", "de"), version="1"),), version="0.1.0")
HOME_ASSISTANT: dict[str, Any] = {"rate": 16_000, "width": 2, "channels": 1}
WORD = bytes(range(8))


def dialect(*, strict_models: bool = False) -> Wyoming:
    count = itertools.count(1)
    connection = Connection("wren-en", lambda prefix: f"{prefix}{next(count)}", 0, strict_models)
    return Wyoming(connection, PROGRAM)


def client_bytes(*events: SdkEvent) -> bytes:
    """What the library's own client sends."""
    stream = io.BytesIO()
    for event in events:
        write_event(event, stream)
    return stream.getvalue()


def said(parts: list[bytes] | tuple[bytes, ...]) -> list[SdkEvent]:
    """What the library's own client hears."""
    stream = io.BytesIO(b"".join(parts))
    return list(iter(lambda: read_event(stream), None))


def chunk(audio: bytes = WORD, **audio_format: int) -> SdkEvent:
    return AudioChunk(audio=audio, **(HOME_ASSISTANT | audio_format)).event()


START, STOP = AudioStart(**HOME_ASSISTANT).event(), AudioStop().event()


# -- what it says


def golden_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    payload = base64.b64decode(value.get("payload", ""))
    return client_bytes(SdkEvent(value["type"], value.get("data", {}), payload))


def golden_value(frame: bytes) -> Any:
    [event] = said([frame])
    return {"type": event.type, "data": event.data} if event.data else {"type": event.type}


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    conversation = lines(path)
    assert replayed(conversation, dialect(), read=golden_value, write=golden_bytes) == conversation


def test_the_client_speaks_first_and_ends_its_turns() -> None:
    speaker = Wyoming(
        Connection("wren-en", str, 0, defaults=SessionSettings(turn_detection=ServerVad(), delay_ms=480)), PROGRAM
    )
    assert not speaker.opening().replies
    assert speaker.settings == SessionSettings(turn_detection=None, delay_ms=480)


@pytest.mark.parametrize(("width", "encoding"), [(1, "pcm_u8"), (2, "pcm_s16le"), (3, "pcm_s24le"), (4, "pcm_s32le")])
def test_widths(width: int, encoding: str) -> None:
    speaker = dialect()
    understood = speaker.decode(client_bytes(chunk(rate=22_050, width=width, channels=2)))
    assert understood.commands == (Configure(speaker.settings), AppendAudio(WORD))
    assert speaker.settings.audio_format == AudioFormat(encoding, 22_050, 2)


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"width": 5}, {"width": True}, {"rate": 999}, {"rate": 16_000.0}, {"channels": 0}, {"rate": None}],
)
def test_formats_that_are_none_close_the_connection(wrong: dict[str, Any]) -> None:
    speaker = dialect()
    understood = speaker.decode(client_bytes(SdkEvent("audio-start", HOME_ASSISTANT | wrong)))
    assert speaker.closing
    assert [event.data["code"] for event in said(understood.replies)] == ["invalid_option"]


def test_a_request_takes_nothing_from_the_one_before() -> None:
    speaker = dialect()
    speaker.decode(
        client_bytes(Transcribe(language="de", transcript_names=["Ada"], transcript_terms=["dimmer"]).event())
    )
    assert (speaker.settings.language, speaker.settings.vocabulary) == ("de", ("Ada", "dimmer"))
    speaker.decode(client_bytes(Transcribe().event()))
    assert (speaker.settings.language, speaker.settings.vocabulary) == (None, ())


def test_models_of_other_names() -> None:
    request = client_bytes(Transcribe(name="whisper").event())
    assert dialect().decode(request).replies == ()
    strict = dialect(strict_models=True)
    [error] = said(strict.decode(request).replies)
    assert strict.closing
    assert Error.from_event(error).code == "model_not_found"


def test_refusal_closes() -> None:
    speaker = dialect()
    [error] = said(speaker.refuse(Overloaded("no room; try again in a minute")))
    assert Error.from_event(error) == Error("no room; try again in a minute", "overloaded")
    assert speaker.closing
    assert speaker.decode(client_bytes(Describe().event())).replies == ()


# -- requests, whatever comes between


@given(
    steps=st.lists(st.sampled_from(["start", "word", "silence", "stop", "listen", "ping"]), max_size=40),
    data=st.data(),
)
def test_every_request_gets_its_transcript(steps: list[str], data: st.DataObject) -> None:
    speaker = dialect()
    session = FakeSession(speaker.settings)
    heard: list[SdkEvent] = []
    expected: list[list[str]] = [[]]
    sent = {"start": START, "word": chunk(), "silence": chunk(SILENCE), "stop": STOP, "ping": Ping("x").event()}
    for step in steps:
        if step == "listen":
            for _ in range(data.draw(st.integers(0, len(session.events)))):
                heard += said(speaker.encode(session.events.popleft()))
            continue
        understood = speaker.decode(client_bytes(sent[step]))
        before = len(session.words)
        session.carry_out(understood.commands)
        expected[-1] += session.words[before:]
        heard += said(understood.replies)
        if step == "stop":
            expected.append([])
    session.events.append(SessionEnded(0.0))
    while session.events:
        heard += said(speaker.encode(session.events.popleft()))
    assert [event.data["text"] for event in heard if event.type == "transcript"] == [
        " ".join(words) for words in expected[:-1]
    ]
    assert speaker.closing
    for start, *rest in streamed(heard):
        assert start.type == "transcript-start"
        assert not rest or rest[-1].type in ("transcript-chunk", "transcript-stop")
        chunks = "".join(event.data["text"] for event in rest if event.type == "transcript-chunk")
        transcripts = [event.data["text"] for event in rest if event.type == "transcript"]
        assert transcripts in ([], [chunks])


def streamed(heard: list[SdkEvent]) -> Iterator[list[SdkEvent]]:
    """The transcript events of each request."""
    request: list[SdkEvent] = []
    for event in heard:
        if event.type.startswith("transcript"):
            request.append(event)
        if event.type == "transcript-stop":
            yield request
            request = []
    if request:
        yield request


def test_requests_that_nobody_answers_are_bounded() -> None:
    speaker = dialect()
    for _ in range(MOST_WAITING):
        speaker.decode(client_bytes(chunk(), STOP))
    assert not speaker.closing
    speaker.decode(client_bytes(chunk(), STOP))
    assert speaker.closing


# -- bytes

EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from(["ping", "describe", "audio-chunk", "whatever"]),
        st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
        st.binary(max_size=20),
    ),
    max_size=5,
)


@given(events=EVENTS, cuts=st.lists(st.integers(0, 400), max_size=20))
def test_any_cut_gives_the_same_events(events: list[Event], cuts: list[int]) -> None:
    stream = b"".join(write(event) for event in events)
    reader, read = EventReader(), list[Event]()
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(bounds):
        read += reader.feed(stream[start:end])
    assert read == events


@given(events=EVENTS)
def test_the_library_reads_what_is_written(events: list[Event]) -> None:
    read = said([write(event) for event in events])
    assert [Event(event.type, event.data, event.payload or b"") for event in read] == events


def test_data_inline_and_after_the_header_are_merged() -> None:
    stream = (
        b'{"type": "ping", "data": {"a": 1, "text": "old"}, "data_length": 15, "payload_length": null}\n{"text": "new"}'
    )
    assert list(EventReader().feed(stream)) == [Event("ping", {"a": 1, "text": "new"})]


@given(junk=st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes(junk: list[bytes]) -> None:
    speaker = dialect()
    commands: list[Command] = []
    for piece in junk:
        understood = speaker.decode(piece)
        commands += understood.commands
        assert [event.type for event in said(understood.replies)] in ([], ["error"])
    assert not commands
    assert speaker.closing == (b"\n" in b"".join(junk))


VALID: list[dict[str, Any]] = [
    {
        "type": "transcribe",
        "data": {"name": "x", "language": "en", "transcript_names": ["a"], "transcript_terms": None},
    },
    {"type": "audio-start", "data": {**HOME_ASSISTANT, "timestamp": 0}},
    {"type": "audio-chunk", "data": HOME_ASSISTANT, "payload_length": 4},
    {"type": "audio-stop", "data": {"timestamp": None}},
    {"type": "ping", "data_length": 15},
    {"type": "select-program", "data": {"name": "x"}},
    {"type": "describe"},
]


@given(headers=st.lists(altered(st.sampled_from(VALID)), max_size=3), cut=st.integers(1, 50))
def test_any_headers(headers: list[Any], cut: int) -> None:
    speaker = dialect()
    stream = b"".join(json.dumps(header).encode() + b'\n{"text": "..."}' for header in headers)
    for start in range(0, len(stream), cut):
        understood = speaker.decode(stream[start : start + cut])
        said(understood.replies)
        assert not any(isinstance(command, AppendAudio) and not command.data for command in understood.commands)
    speaker.encode(SessionEnded(0.0))


@pytest.mark.parametrize(
    "stream",
    [
        b"\n",
        b"null\n",
        b"{}\n",
        b'{"type": 1}\n',
        b'{"type": "ping", "data": []}\n',
        b'{"type": "ping", "data_length": -1}\n',
        b'{"type": "ping", "data_length": 1.5}\n',
        b'{"type": "ping", "data_length": true}\n',
        b'{"type": "ping", "data_length": 4}\n[12]',
        b'{"type": "ping", "data_length": %d}\n' % (MOST_DATA_BYTES + 1),
        b'{"type": "audio-chunk", "payload_length": %d}\n' % (MOST_PAYLOAD_BYTES + 1),
        b"\xff\n",
        b"[" * (MOST_HEADER_BYTES - 1) + b"\n",
        b" " * MOST_HEADER_BYTES,
    ],
    ids=lambda stream: stream[:40].decode(errors="replace"),
)
def test_bytes_that_make_no_sense(stream: bytes) -> None:
    speaker = dialect()
    good = client_bytes(Ping("before").event())
    pong, error = said(speaker.decode(good + stream + good).replies)
    assert (pong.type, error.type) == ("pong", "error")
    assert speaker.closing
    assert speaker.decode(good).replies == ()


def test_the_largest_event_in_one_byte_pieces_is_no_burden() -> None:
    reader = EventReader()
    header = b'{"type": "x", "payload_length": %d, "pad": "%s"}\n' % (
        MOST_PAYLOAD_BYTES,
        b"x" * (MOST_HEADER_BYTES - 80),
    )
    for position in range(len(header)):
        assert not list(reader.feed(header[position : position + 1]))
    assert not list(reader.feed(bytes(MOST_PAYLOAD_BYTES - 1)))
    assert [len(event.payload) for event in reader.feed(bytes(1))] == [MOST_PAYLOAD_BYTES]


def test_an_error_spoils_only_what_follows() -> None:
    reader = EventReader()
    events = reader.feed(write(Event("ping")) + b"junk\n")
    assert next(events) == Event("ping")
    with pytest.raises(CallerError):
        next(events)


# -- the protocol's own library


async def heard_by_library(parts: list[bytes]) -> list[SdkEvent]:
    stream = asyncio.StreamReader()
    for part in parts:
        stream.feed_data(part)
    stream.feed_eof()
    heard: list[SdkEvent] = []
    while event := await async_read_event(stream):
        heard.append(event)
    return heard


async def test_the_library_understands_info() -> None:
    [event] = await heard_by_library(list(dialect().decode(client_bytes(Describe().event())).replies))
    info = Info.from_event(event)
    [program] = info.asr
    assert (program.name, program.version, program.installed) == ("voxtral", "0.1.0", True)
    assert program.supports_transcript_streaming
    assert program.attribution.name == "The makers"
    assert [(model.name, model.languages) for model in program.models] == [("wren-en", ["en", "de"])]
    assert not any((info.tts, info.wake, info.handle, info.intent, info.mic, info.snd, info.satellite))


async def test_the_library_understands_a_request() -> None:
    speaker = dialect()
    session = FakeSession(speaker.settings)
    parts: list[bytes] = []
    for event in (Ping("hello").event(), Transcribe(language="en").event(), START, chunk(), chunk(), STOP):
        understood = speaker.decode(client_bytes(event))
        parts += understood.replies
        session.carry_out(understood.commands)
        while session.events:
            parts += speaker.encode(session.events.popleft())
    pong, start, first, second, transcript, stop = await heard_by_library(parts)
    assert Pong.from_event(pong).text == "hello"
    assert TranscriptStart.from_event(start).language == "en"
    assert [TranscriptChunk.from_event(event).text for event in (first, second)] == ["word0", " word1"]
    assert Transcript.from_event(transcript) == Transcript("word0 word1", language="en")
    assert TranscriptStop.is_type(stop.type)
