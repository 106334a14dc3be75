"""Speech over HTTP by a real eSpeak NG, asked for by the clients of OpenAI and Mistral."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from tests.server.conftest import Running, running
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, Utterance, Voice
from voxtral_service.audio.decode import read
from voxtral_service.audio.pcm import PcmEncoding, PcmFormat
from voxtral_service.errors import EngineError
from voxtral_service.server import speech
from voxtral_service.server.keys import ApiKey, hashed

TEXT = "It is nine in the evening, in Tokyo."
LONG = " ".join(f"This is sentence number {i}, and it goes on for a while." for i in range(40))
S16, F32 = PcmFormat(PcmEncoding.S16LE, 24_000), PcmFormat(PcmEncoding.F32LE, 24_000)
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


@pytest.fixture
async def server() -> AsyncIterator[Running]:
    async with running(speech=Espeak()) as server:
        yield server


async def expected(text: str = TEXT, **options: Any) -> float:
    utterance = Utterance(text)
    async for chunk in Espeak().speak(text, SpeechOptions(**options)):
        utterance.add(chunk)
    return utterance.duration


def seconds(data: bytes, pcm: PcmFormat | None = None) -> float:
    return len(read(data, pcm=pcm)) / 16_000


def client(server: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0)


async def post(server: Running, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=60) as http:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await http.post(f"{server.url}/v1/audio/speech", content=content, headers=headers)


@pytest.mark.parametrize("format", MEDIA_TYPES)
async def test_openai_gets_every_format(server: Running, format: Any) -> None:
    async with client(server) as openai_client:
        answer = await openai_client.audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format=format
        )
    assert answer.response.headers["content-type"] == MEDIA_TYPES[format]
    sound = seconds(answer.content, S16 if format == "pcm" else None)
    assert sound == pytest.approx(await expected(), abs=0.15)


async def test_openai_streams(server: Running) -> None:
    async with (
        client(server) as openai_client,
        openai_client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice={"id": "de+f2"}, input=LONG, response_format="pcm", speed=2
        ) as response,
    ):
        pieces = [piece async for piece in response.iter_bytes()]
    assert len(pieces) > 5
    assert seconds(b"".join(pieces), S16) == pytest.approx(await expected(LONG, voice="de+f2", speed=2), rel=0.01)


async def test_openai_events(server: Running) -> None:
    answer = await post(server, {"model": "x", "input": TEXT, "voice": "nova", "stream_format": "sse"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert set(events[-1]["usage"]) == {"input_tokens", "output_tokens", "total_tokens"}
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert seconds(sound) == pytest.approx(await expected(voice="en-us+f2"), abs=0.15)


@pytest.mark.parametrize("format", ["pcm", "wav", "mp3", "flac", "opus"])
async def test_mistral_gets_every_format(server: Running, format: Any) -> None:
    async with Mistral(api_key="none", server_url=server.url) as mistral:
        answer = await mistral.audio.speech.complete_async(
            input=TEXT, model="voxtral-mini-tts", voice_id="en_paul_neutral", response_format=format
        )
        stream = await mistral.audio.speech.complete_async(
            input=TEXT, voice_id="en-us", response_format=format, stream=True
        )
        events = [event async for event in stream]
    pcm = F32 if format == "pcm" else None
    whole = base64.b64decode(answer.audio_data)
    assert seconds(whole, pcm) == pytest.approx(await expected(), abs=0.15)
    assert [event.event for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    pieces = [base64.b64decode(event.data.audio_data) for event in events[:-1]]
    assert pieces
    assert seconds(b"".join(pieces), pcm) == pytest.approx(await expected(), abs=0.15)


async def test_mistral_lists_voices(server: Running) -> None:
    async with Mistral(api_key="none", server_url=server.url) as mistral:
        with pytest.warns(DeprecationWarning, match="pagination"):
            page = await mistral.audio.voices.list_async(limit=10, offset=0)
        with pytest.warns(DeprecationWarning, match="pagination"):
            last = await mistral.audio.voices.list_async(limit=10, offset=10 * (page.total_pages - 1))
        one = await mistral.audio.voices.get_async(voice_id="de")
        with pytest.raises(SDKError) as caught:
            await mistral.audio.voices.get_async(voice_id="nobody")
    assert [page.page, page.page_size, len(page.items)] == [1, 10, 10]
    assert (page.items[0].id, page.items[0].languages) == ("en-us", ["en-US"])
    assert page.total == 10 * (page.total_pages - 1) + len(last.items)
    assert one.name == "de"
    assert caught.value.status_code == 404


async def test_voices_without_a_page_are_all(server: Running) -> None:
    async with httpx2.AsyncClient() as http:
        everything = (await http.get(f"{server.url}/v1/audio/voices")).json()
        custom = (await http.get(f"{server.url}/v1/audio/voices?type=custom")).json()
        bad = await http.get(f"{server.url}/v1/audio/voices?limit=0")
    assert everything["total"] == len(everything["items"]) == len(everything["data"]) > 100
    assert custom["items"] == []
    assert bad.status_code == 422


async def test_the_voices_of_openai_are_different_ones(server: Running) -> None:
    async def sound(voice: str) -> bytes:
        return (await post(server, {"input": TEXT, "voice": voice, "response_format": "pcm"})).content

    alloy, nova, onyx = [np.frombuffer(await sound(name), "<i2") for name in ("alloy", "nova", "onyx")]
    for one, other in ((alloy, nova), (alloy, onyx), (nova, onyx)):
        both = min(len(one), len(other))
        assert np.corrcoef(one[:both], other[:both])[0, 1] < 0.9


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"voice": "alloy"}, "input"),
        ({"voice": "alloy", "input": " "}, "input"),
        ({"voice": "alloy", "input": "x" * 20_000}, "input"),
        ({"voice": "nobody", "input": "x"}, "voice"),
        ({"voice": 3, "input": "x"}, "voice"),
        ({"voice": "alloy", "input": "x", "speed": 9}, "speed"),
        ({"voice": "alloy", "input": "x", "response_format": "midi"}, "response_format"),
        ({"voice": "alloy", "input": "x", "stream_format": "x"}, "stream_format"),
        ({"input": "x", "stream": 1}, "stream"),
        ({"input": "x", "ref_audio": "AAAA"}, "ref_audio"),
    ],
)
async def test_what_cannot_be_said_is_refused(server: Running, body: dict[str, Any], field: str) -> None:
    answer = await post(server, {"model": "tts-1", **body})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field


async def test_what_is_no_json_is_refused(server: Running) -> None:
    assert (await post(server, b"\xff")).status_code == 400
    assert (await post(server, b" " * (2**20 + 1))).status_code == 413


@pytest.mark.parametrize("format", MEDIA_TYPES)
async def test_a_text_without_a_word_is_silence(server: Running, format: str) -> None:
    answer = await post(server, {"voice": "alloy", "input": "\u200b", "response_format": format})
    assert answer.status_code == 200
    assert seconds(answer.content, S16 if format == "pcm" else None) > 0.05


async def test_without_speech_the_answer_says_what_to_install() -> None:
    async with running() as server, client(server) as openai_client:
        with pytest.raises(openai.BadRequestError, match=r"pip install 'voxtral-service\[speech\]'"):
            await openai_client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
        async with httpx2.AsyncClient() as http:
            assert (await http.get(f"{server.url}/v1/audio/voices")).status_code == 400


async def test_the_door() -> None:
    async with running(keys=(ApiKey("k", hashed("secret"), max_sessions=0),), speech=Espeak()) as server:
        body = {"input": TEXT, "voice": "alloy"}
        assert (await post(server, body)).status_code == 401
        assert (await post(server, body, authorization="Bearer secret")).status_code == 200
        async with httpx2.AsyncClient() as http:
            assert (await http.get(f"{server.url}/v1/audio/voices")).status_code == 401


async def test_names_are_looked_at_where_that_is_wanted() -> None:
    async with running(speech=Espeak(), strict_models=True) as server:
        for body, status in (
            ({"model": "tts-1", "voice": "en-us"}, 404),
            ({"model": "espeak-ng", "voice": "alloy"}, 400),
            ({"model": "espeak-ng", "voice_id": "en_paul_neutral"}, 400),
            ({"model": "espeak-ng", "voice": "en-us"}, 200),
        ):
            assert (await post(server, {"input": TEXT, **body})).status_code == status


async def test_many_at_once(server: Running) -> None:
    body = {"input": LONG, "voice": "alloy", "response_format": "wav"}
    answers = await asyncio.gather(*(post(server, {**body, "speed": 1 + i / 8}) for i in range(8)))
    lengths = [seconds(answer.content) for answer in answers]
    assert lengths == sorted(lengths, reverse=True)
    assert server.state.seats.busy == 0


class Endless:
    """A synthesizer that goes on until it is left, or fails after some chunks."""

    name = "endless"

    def __init__(self, fails_after: int | None = None) -> None:
        self.open = 0
        self._fails_after = fails_after

    async def voices(self) -> tuple[Voice, ...]:
        return (Voice("one", "en"),)

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        self.open += 1
        try:
            made = 0
            while made != self._fails_after:
                made += 1
                await asyncio.sleep(0)
                yield SpeechChunk(np.zeros(2_400, np.float32), 24_000)
            raise EngineError("the voice broke")
        finally:
            self.open -= 1

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "body",
    [{"voice": "one"}, {"voice": "one", "stream_format": "sse"}, {"stream": True}, {"stream": False}],
    ids=["bytes", "openai", "mistral", "mistral whole"],
)
async def test_a_client_that_goes_away_ends_it(body: dict[str, Any]) -> None:
    endless = Endless()
    async with running(speech=endless) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        content = json.dumps({"input": TEXT, **body}).encode()
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        if "stream" not in body or body["stream"]:
            assert b"200 OK" in await reader.readline()
        while not endless.open:
            await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(20):
            while endless.open or server.state.seats.busy:
                await asyncio.sleep(0.01)


async def test_a_failure_before_the_first_sound_has_a_status() -> None:
    async with running(speech=Endless(0)) as server:
        answer = await post(server, {"input": TEXT, "voice": "one"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "engine_error")


async def test_what_is_sent_at_once_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "MAX_WHOLE", 100_000)
    endless = Endless()
    async with running(speech=endless) as server:
        answer = await post(server, {"input": TEXT, "response_format": "pcm"})
        assert (answer.status_code, answer.json()["error"]["param"]) == (413, "stream")
        assert not endless.open


async def test_a_failure_in_the_middle_is_told() -> None:
    async with running(speech=Endless(50)) as server:
        answer = await post(server, {"input": TEXT, "voice": "one", "stream_format": "sse"})
        last = json.loads(answer.text.rstrip().rpartition("data: ")[2])
        assert last["error"]["message"] == "the voice broke"
        with pytest.raises(httpx2.RemoteProtocolError):
            await post(server, {"input": TEXT, "voice": "one"})
        assert (await post(server, {"input": TEXT})).status_code == 500
