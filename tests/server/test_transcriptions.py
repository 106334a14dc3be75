"""Recordings over HTTP, asked for by the real SDKs over a real socket."""

from __future__ import annotations

import asyncio
import io
import json
import re
import wave
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from openai import AsyncOpenAI, OpenAI
from prometheus_client import REGISTRY

from tests.server.conftest import Running, Serve
from tests.test_fetch import answering
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.server.keys import ANONYMOUS, ApiKey, hashed
from voxtral_service.server.logs import FIELDS
from voxtral_service.server.state import FileSettings

EVERYTHING = Capabilities(
    languages=("en", "de"),
    live=True,
    translates=True,
    detects_language=True,
    logprobs=True,
    uses_prompt=True,
    uses_vocabulary=True,
    uses_temperature=True,
)


def tone(*loudness: int, rate: int = 16_000) -> bytes:
    """A WAV file of tenths of a second, each as loud as said, in percent."""
    pieces = [np.full(rate // 10, percent / 100) for percent in loudness]
    samples = (np.concatenate(pieces) * 32767).round().astype("<i2") if pieces else np.zeros(0, "<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


TALK = tone(10, 20, 30)
FILE = ("talk.wav", TALK)
TEXT = "10 20 30"


async def ask(server: Running, key: str = "none", *, translate: bool = False, **fields: Any) -> Any:
    """One request of the synchronous OpenAI SDK."""

    def request() -> Any:
        with OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as sdk:
            create: Any = sdk.audio.translations.create if translate else sdk.audio.transcriptions.create
            return create(**{"file": FILE, "model": "whisper-1", **fields})

    return await asyncio.to_thread(request)


def openai_sdk(server: Running) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def mistral_sdk(server: Running) -> Mistral:
    return Mistral(server_url=server.url, api_key="none")


@pytest.fixture
async def server(serve: Serve) -> AsyncIterator[Running]:
    async with serve(capabilities=EVERYTHING) as running:
        yield running


async def post(server: Running, path: str = "/v1/audio/transcriptions", **request: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:
        return await http.post(path, **request)


# -- OpenAI


async def test_openai_json_with_every_field(server: Running) -> None:
    got = await ask(
        server,
        file=FILE,
        model="gpt-transcribe",
        language="en",
        languages=["en", "de"],
        keywords=["Größe", "ten"],
        prompt="0 5",
        temperature=0.2,
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "threshold": 0.4, "silence_duration_ms": 250},
    )
    assert got.text == TEXT
    assert got.logprobs is not None
    assert [(entry.token, entry.logprob) for entry in got.logprobs] == [("10", -0.5), (" 20", -0.5), (" 30", -0.5)]
    assert got.languages is not None
    assert got.languages[0].code == "en"
    assert got.usage is not None
    assert got.usage.type == "duration"
    assert got.usage.seconds == 0.3
    assert server.engine.opened == [
        StreamOptions(language="en", bulk=True, prompt="0 5", vocabulary=("Größe", "ten"), temperature=0.2)
    ]
    assert server.engine.open_streams == 0


async def test_languages_that_may_be_spoken_reach_the_engine(server: Running) -> None:
    await ask(server, file=FILE, languages=["en", "de"])
    await ask(server, file=FILE, languages=["de"])
    assert server.engine.opened == [
        StreamOptions(bulk=True, languages=("en", "de")),
        StreamOptions(language="de", bulk=True, languages=("de",)),
    ]


@pytest.mark.parametrize(
    ("strategy", "segments"),
    [
        (None, ["50 50 0 0 50 50 0 0 0 0 0 0 0 0 0 50 50"]),
        ("auto", ["50 50 0 0 50 50 0 0 0 0 0 0 0 0 0 50 50"]),
        ({"silence_duration_ms": 300, "prefix_padding_ms": 100}, ["50 50 0 0 50 50 0 0 0", "0 50 50 50"]),
        ({"silence_duration_ms": 300, "prefix_padding_ms": 500}, ["50 50 0 0 50 50 0 0 0 0", "0 0 0 0 0 50 50 50"]),
        ({"silence_duration_ms": 150, "prefix_padding_ms": 100}, ["50 50 0", "0 50 50 50 0", "0 50 50 50"]),
        ({"silence_duration_ms": 1200}, ["50 50 0 0 50 50 0 0 0 0 0 0 0 0 0 50 50"]),
        ({"threshold": 0.95}, [""]),
    ],
)
async def test_a_caller_may_say_where_recordings_are_cut(server: Running, strategy: Any, segments: list[str]) -> None:
    """Two words of 0.2 s with 0.2 s between, another behind 0.9 s; the engine writes a word for each begun tenth."""
    talk = tone(50, 50, 0, 0, 50, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 50)
    if isinstance(strategy, dict):
        strategy = {"type": "server_vad", **strategy}
    got = await ask(server, file=("talk.wav", talk), **({"chunking_strategy": strategy} if strategy else {}))
    assert got.text == " ".join(segments)
    assert len(server.engine.opened) == len(list(filter(None, segments)))


@pytest.mark.parametrize(
    ("format", "body"),
    [
        ("text", f"{TEXT}\n"),
        ("srt", f"1\n00:00:00,000 --> 00:00:01,000\n{TEXT}\n\n"),
        ("vtt", f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{TEXT}\n\n"),
    ],
)
async def test_openai_plain_formats(server: Running, format: Any, body: str) -> None:
    async with openai_sdk(server) as sdk:
        assert await sdk.audio.transcriptions.create(file=FILE, model="whisper-1", response_format=format) == body


async def test_openai_verbose_json(server: Running) -> None:
    got = await ask(
        server,
        file=FILE,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert (got.text, got.language, got.duration) == (TEXT, "english", 0.3)
    assert got.words is not None
    assert [(word.word, word.start, word.end) for word in got.words] == [
        ("10", 0.0, 0.1),
        ("20", 0.1, 0.2),
        ("30", 0.2, 0.3),
    ]
    assert got.segments is not None
    (segment,) = got.segments
    assert (segment.id, segment.text, segment.tokens) == (0, TEXT, [10, 20, 30])


async def test_openai_streams(server: Running) -> None:
    async with openai_sdk(server) as sdk:
        stream = await sdk.audio.transcriptions.create(file=FILE, model="gpt-4o-transcribe", stream=True)
        events = [event async for event in stream]
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == TEXT
    done = events[-1]
    assert done.type == "transcript.text.done"
    assert done.text == TEXT


async def test_a_stream_is_sent_while_the_recording_is_heard(server: Running) -> None:
    server.engine.hold = asyncio.Event()
    async with openai_sdk(server) as sdk:
        stream = await sdk.audio.transcriptions.create(file=FILE, model="whisper-1", stream=True)
        iterator = aiter(stream)
        said = ""
        while said != TEXT:
            event = await anext(iterator)
            assert event.type == "transcript.text.delta"
            said += event.delta
        server.engine.hold.set()
        assert [event.type async for event in iterator] == ["transcript.text.done"]


async def test_openai_translates(server: Running) -> None:
    with pytest.warns(DeprecationWarning, match="translations|deprecated"):
        got = await ask(server, translate=True, response_format="verbose_json")
    assert (got.text, got.language) == (TEXT, "english")
    assert server.engine.opened[0].translate


async def test_a_model_that_does_not_translate_says_so(serve: Serve) -> None:
    async with serve() as server:
        got = await post(server, "/v1/audio/translations", files={"file": FILE})
    assert got.status_code == 400
    assert "does not translate" in got.json()["error"]["message"]


# -- Mistral


async def test_mistral_with_every_field(server: Running) -> None:
    async with mistral_sdk(server) as sdk:
        got = await sdk.audio.transcriptions.complete_async(
            model="voxtral-mini-latest",
            file={"file_name": "talk.wav", "content": TALK},
            language="de",
            temperature=0.1,
            context_bias=["ten", "twenty"],
            timestamp_granularities=["word"],
        )
    assert (got.model, got.text, got.language) == ("spelling", TEXT, "en")
    assert got.segments is not None
    assert [(part.text, part.start, part.end) for part in got.segments] == [
        ("10", 0.0, 0.1),
        ("20", 0.1, 0.2),
        ("30", 0.2, 0.3),
    ]
    assert got.usage.prompt_audio_seconds == 1
    assert server.engine.opened[0].vocabulary == ("ten", "twenty")


async def test_mistral_streams(server: Running) -> None:
    async with mistral_sdk(server) as sdk:
        stream = await sdk.audio.transcriptions.stream_async(
            model="voxtral-mini-latest",
            file={"file_name": "talk.wav", "content": TALK},
            timestamp_granularities=["segment"],
        )
        async with stream:
            events = [event async for event in stream]
    kinds = [event.event.removeprefix("transcription.") for event in events]
    assert set(kinds[:-3]) == {"text.delta"}
    assert kinds[-3:] == ["language", "segment", "done"]
    data: Any = events[-1].data
    assert (data.text, data.segments[0].end) == (TEXT, 0.3)


async def test_a_file_url_is_fetched_from_allowed_hosts_only(serve: Serve) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(TALK)}\r\n\r\n".encode()
    async with (
        answering(head + TALK) as (port, _),
        serve(fetch_from=(f"127.0.0.1:{port}",)) as server,
        mistral_sdk(server) as sdk,
    ):
        got = await sdk.audio.transcriptions.complete_async(
            model="voxtral-mini-latest", file_url=f"http://127.0.0.1:{port}/a.wav"
        )
        assert got.text == TEXT
        with pytest.raises(SDKError) as caught:
            await sdk.audio.transcriptions.complete_async(
                model="voxtral-mini-latest", file_url="http://127.0.0.1:1/a.wav"
            )
    assert caught.value.status_code == 400
    assert "url_hosts" in caught.value.body


# -- errors as the SDKs raise them


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"response_format": "diarized_json"}, openai.BadRequestError, "no diarizer"),
        ({"language": "fr"}, openai.BadRequestError, "does not know the language fr"),
        ({"temperature": 7}, openai.BadRequestError, "from 0 to 1"),
        ({"file": ("talk.wav", b"RIFF")}, openai.BadRequestError, r"talk\.wav"),
        ({"file": ("talk.wav", b"")}, openai.BadRequestError, "0 bytes"),
        ({"model": "another/one"}, openai.NotFoundError, "not on this machine"),
    ],
)
async def test_openai_raises_the_right_error(
    server: Running, fields: dict[str, Any], error: type[openai.APIStatusError], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        await ask(server, **fields)
    assert caught.value.request_id
    assert caught.value.code
    assert caught.value.param in {"file", "model", *fields}
    assert server.state.seats.busy == server.engine.open_streams == 0


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"diarize": True}, 400, "no diarizer"),
        ({"temperature": 7.0}, 422, "from 0 to 1"),
        ({"file_id": "abc", "file": None}, 400, "no files API"),
        ({"model": "another/one"}, 404, "not on this machine"),
    ],
)
async def test_mistral_raises_with_the_reason(server: Running, fields: dict[str, Any], status: int, said: str) -> None:
    given: dict[str, Any] = {"model": "x-latest", "file": {"file_name": "talk.wav", "content": TALK}, **fields}
    async with mistral_sdk(server) as sdk:
        with pytest.raises(SDKError, match=said) as caught:
            await sdk.audio.transcriptions.complete_async(**given)
    assert caught.value.status_code == status


async def test_keys_and_their_limits(serve: Serve) -> None:
    key = ApiKey("me", hashed("vx_me"), max_sessions=1, audio_seconds_per_minute=0.2)
    async with serve(keys=(key,)) as server:
        with pytest.raises(openai.AuthenticationError, match="not known"):
            await ask(server, "vx_other")
        with server.state.seats.seat(key), pytest.raises(openai.RateLimitError, match="sessions at once"):
            await ask(server, "vx_me")
        assert (await ask(server, "vx_me")).text == TEXT
        with pytest.raises(openai.RateLimitError, match="used up its audio") as caught:
            await ask(server, "vx_me")
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 30


async def test_a_full_server_refuses_at_once(server: Running) -> None:
    server.state.seats.files = 1
    with server.state.seats.file(ANONYMOUS), pytest.raises(openai.InternalServerError, match="places") as caught:
        await ask(server, file=FILE)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"] == "5"


# -- uploads that nobody should send


async def test_uploads_that_are_too_large(serve: Serve) -> None:
    big = ("talk.wav", TALK + bytes(2**21))
    async with serve(files=FileSettings(max_upload=2**16)) as server:
        with pytest.raises(openai.APIStatusError, match=r"Maximum content size limit \(65536\) exceeded") as caught:
            await ask(server, file=big, model="whisper-1")
        assert caught.value.status_code == 413

        async def unannounced() -> AsyncIterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            for _ in range(20):
                yield bytes(2**16)

        got = await post(server, content=unannounced(), headers={"content-type": "multipart/form-data; boundary=x"})
        assert got.status_code == 413


FORM = {"content-type": "multipart/form-data; boundary=x"}


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"{}", {"content-type": "application/json"}, "multipart/form-data"),
        (b"", {}, "multipart/form-data"),
        (b"", {"content-type": "multipart/form-data"}, "boundary"),
        (b"", FORM, "last boundary"),
        (b"hello", FORM, "cannot be read"),
        (part("model", b"whisper-1") + b"--x--", FORM, "there is no recording"),
        (part("file", TALK) + b"--x--", FORM, "hold|exceeded|there is no recording"),
        (part("file", TALK, "a.wav"), FORM, "last boundary"),
        (part("file", TALK, "a.wav")[:-200], FORM, "last boundary"),
        (part("file", TALK, "a.wav") + part("file", TALK, "b.wav") + b"--x--", FORM, "Too many files"),
        (part("audio", TALK, "a.wav") + b"--x--", FORM, "part named file"),
        (part("file", TALK, "a.wav") + part("prompt", b"x" * 70_000) + b"--x--", FORM, "exceeded maximum size"),
        (part("prompt", b"x" * 60_000) * 20 + b"--x--", FORM, "hold more than"),
        (part("prompt", b"x") * 1001 + b"--x--", FORM, "Too many fields"),
        (part("file", b"", "a.wav") + b"--x--", FORM, "0 bytes"),
        (part("file", b"GIF89a" + bytes(500), "a.wav") + b"--x--", FORM, r"a\.wav"),
        (
            part("file", TALK[:22] + b"\xc8\0" + TALK[24:32] + b"\x90\1" + TALK[34:], "a.wav") + b"--x--",
            FORM,
            "200 channels",
        ),
        (part("file", TALK[:44], "a.wav") + b"--x--", FORM, "not one sample"),
        (part("file", b"\xff" * 4000, "\xff\x00.mp3") + b"--x--", FORM, ""),
    ],
)
async def test_hostile_forms_are_refused(server: Running, body: bytes, headers: dict[str, str], said: str) -> None:
    got = await post(server, content=body, headers=headers)
    assert got.status_code == 400
    assert re.search(said, got.json()["error"]["message"])
    assert server.state.seats.busy == server.engine.open_streams == 0


async def test_a_small_file_of_endless_silence_is_not_heard_to_its_end(serve: Serve) -> None:
    async with serve(files=FileSettings(max_seconds=60)) as server:
        got = await post(server, files={"file": ("talk.wav", tone(*[0] * 700, rate=8000))})
        assert got.status_code == 400
        assert "longer than" in got.json()["error"]["message"]
        got = await post(server, data={"stream": "true"}, files={"file": ("talk.wav", tone(*[0] * 700, rate=8000))})
        assert "longer than" in got.text
        assert server.engine.open_streams == 0


async def test_a_name_that_lies_changes_nothing(server: Running) -> None:
    got = await post(server, files={"file": ("talk.mp3", TALK, "video/mp4")})
    assert got.json()["text"] == TEXT


async def test_a_header_that_lies_changes_nothing(server: Running) -> None:
    lying = TALK[:4] + b"\xff\xff\xff\xff" + TALK[8:40] + b"\xff\xff\xff\x7f" + TALK[44:]
    got = await post(server, files={"file": ("talk.wav", lying)})
    assert got.json()["text"] == TEXT


# -- clients that go away


def ended(outcome: str) -> float:
    return REGISTRY.get_sample_value("voxtral_files_ended_total", {"outcome": outcome}) or 0.0


async def test_how_requests_ended_is_counted_and_logged(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "voxtral_service.server.transcriptions")
    before = {outcome: ended(outcome) for outcome in ("done", "refused", "disconnected")}
    for stream in ("true", "false"):
        await post(server, data={"stream": stream}, files={"file": FILE})
    await post(server, files={"file": ("talk.wav", b"no sound")})
    async with asyncio.timeout(10):
        while server.state.seats.busy:
            await asyncio.sleep(0.01)
    assert {outcome: ended(outcome) - before[outcome] for outcome in before} == {
        "done": 2,
        "refused": 1,
        "disconnected": 0,
    }
    lines = [vars(record)[FIELDS] for record in caplog.records if record.message == "recording answered"]
    assert [(line["outcome"], line["audio_seconds"], line["reason"]) for line in lines] == [
        ("done", 0.3, ""),
        ("done", 0.3, ""),
        ("refused", 0.0, "invalid_audio"),
    ]


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_client_that_goes_away_ends_the_work(server: Running, stream: str) -> None:
    server.engine.hold, before = asyncio.Event(), ended("disconnected")
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:
        request = asyncio.create_task(
            http.post("/v1/audio/transcriptions", data={"stream": stream}, files={"file": FILE})
        )
        async with asyncio.timeout(10):
            while not server.engine.open_streams:
                await asyncio.sleep(0.01)
        request.cancel()
        await asyncio.wait([request])
    async with asyncio.timeout(10):
        while server.engine.open_streams or server.state.seats.busy:
            await asyncio.sleep(0.01)
    assert ended("disconnected") == before + 1


async def test_a_client_that_goes_away_in_its_upload_leaves_nothing(server: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        b"Content-Length: 10000\r\n\r\n" + part("file", bytes(100), "a.wav")
    )
    async with asyncio.timeout(10):
        while not server.state.seats.busy:
            await asyncio.sleep(0.01)
        writer.close()
        while server.state.seats.busy:
            await asyncio.sleep(0.01)
    assert not await reader.read()


async def test_a_failure_in_the_middle_of_a_stream_is_an_event(server: Running) -> None:
    server.engine.hold = asyncio.Event()
    async with openai_sdk(server) as sdk:
        stream = await sdk.audio.transcriptions.create(file=FILE, model="whisper-1", stream=True)
        iterator = aiter(stream)
        await anext(iterator)
        server.engine.fail_when_held = True
        server.engine.hold.set()
        with pytest.raises(openai.APIError, match="out of memory"):
            _ = [event async for event in iterator]


async def test_the_event_loop_goes_on_while_a_recording_is_heard(server: Running) -> None:
    server.engine.hold = asyncio.Event()
    waiting = asyncio.create_task(post(server, files={"file": FILE}))
    health = await asyncio.gather(*(_health(server) for _ in range(5)))
    assert health == ["ok"] * 5
    server.engine.hold.set()
    assert json.loads((await waiting).text)["text"] == TEXT


async def _health(server: Running) -> str:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:
        status: str = (await http.get("/health")).json()["status"]
        return status
