"""Speech from another server: here our own over a socket, and ones that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest

from tests.server.conftest import running
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.speech import SpeechOptions, Utterance
from voxtral_service.assistant.speech_endpoint import SpeechEndpoint
from voxtral_service.errors import EngineError, InvalidOption, Overloaded, UpstreamError

TEXT = "It is nine in the evening, in Tokyo."
TONE = (8_000 * np.sin(np.arange(24_000) / 10)).astype("<i2").tobytes()


async def spoken(endpoint: SpeechEndpoint, text: str = TEXT, options: SpeechOptions | None = None) -> Utterance:
    utterance = Utterance(text)
    async for chunk in endpoint.speak(text, options or SpeechOptions()):
        utterance.add(chunk)
    return utterance


@asynccontextmanager
async def answering(answer: Callable[[int], bytes]) -> AsyncIterator[tuple[SpeechEndpoint, list[bytes]]]:
    """A server that answers its nth request with these bytes, and keeps what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        asked.append(head + await reader.readexactly(length))
        writer.write(answer(len(asked)))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint = SpeechEndpoint(f"http://127.0.0.1:{port}/v1/", voice="nova", key="secret", retry_after=0.001)
    try:
        yield endpoint, asked
    finally:
        await endpoint.close()
        server.close()


def http(status: str, body: bytes, kind: str = "audio/pcm", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + body


async def test_our_own_server_speaks_through_it() -> None:
    async with running(speech=Espeak()) as server:
        endpoint = SpeechEndpoint(f"{server.url}/v1")
        utterance = await spoken(endpoint, options=SpeechOptions(sample_rate=16_000))
        await endpoint.close()
    own = Utterance(TEXT)
    async for chunk in Espeak().speak(TEXT, SpeechOptions()):
        own.add(chunk)
    assert utterance.duration == pytest.approx(own.duration, abs=0.05)
    assert [(word.offset, word.length) for word in utterance.words] == [(w.offset, w.length) for w in own.words]
    assert not any(word.exact for word in utterance.words)
    apart = [abs(a.start - b.start) for a, b in zip(utterance.words, own.words, strict=True)]
    assert max(apart) < 0.6


async def test_what_is_asked() -> None:
    async with answering(lambda n: http("200 OK", TONE)) as (endpoint, asked):
        utterance = await spoken(endpoint, options=SpeechOptions(speed=1.5))
        assert endpoint.name == "tts-1"
        assert [voice.name for voice in await endpoint.voices()] == ["nova"]
        assert await spoken(endpoint, " ") is not None
    assert utterance.duration == pytest.approx(1.0)
    [request] = asked
    assert request.startswith(b"POST /v1/audio/speech ")
    assert b"bearer secret" in request.lower()
    assert b'"speed":1.5' in request
    assert b'"voice":"nova"' in request


@pytest.mark.parametrize("status", ["429 Slow", "500 Oops", "503 Busy"])
async def test_it_asks_again_before_the_first_sound(status: str) -> None:
    async with answering(lambda n: http(status, b"") if n < 3 else http("200 OK", TONE)) as (endpoint, asked):
        assert (await spoken(endpoint)).duration == pytest.approx(1.0)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("answer", "says", "requests"),
    [
        (http("500 Oops", b'{"error": "no GPU"}'), "answers 500: .*no GPU", 3),
        (http("401 No", b"no key"), "answers 401: no key", 1),
        (http("200 OK", b"{}", "application/json"), "sends application/json", 1),
        (http("200 OK", b""), "without sound", 1),
        (http("200 OK", TONE, length=2 * len(TONE)), "broke off", 1),
        (b"", "cannot be reached", 3),
    ],
    ids=["500", "401", "json", "empty", "cut", "closed"],
)
async def test_failures_are_the_other_sides(answer: bytes, says: str, requests: int) -> None:
    async with answering(lambda n: answer) as (endpoint, asked):
        with pytest.raises(UpstreamError, match=says):
            await spoken(endpoint)
        assert endpoint._open == 0
    assert len(asked) == requests


async def test_nobody_there() -> None:
    endpoint = SpeechEndpoint("http://127.0.0.1:1/v1", retries=0)
    with pytest.raises(UpstreamError, match=r"cannot be reached .* is the server running\?"):
        await spoken(endpoint)
    await endpoint.close()
    with pytest.raises(EngineError, match="closed"):
        await spoken(endpoint)
    with pytest.raises(InvalidOption, match="no http"):
        SpeechEndpoint("ftp://x")


async def test_leaving_closes_the_connection() -> None:
    async with running(speech=Espeak()) as server:
        endpoint = SpeechEndpoint(f"{server.url}/v1", most=1)
        async with aclosing(endpoint.speak(" ".join([TEXT] * 300), SpeechOptions())) as speech:
            await anext(speech)
            with pytest.raises(Overloaded):
                await spoken(endpoint)
        async with asyncio.timeout(20):
            while server.state.seats.busy:
                await asyncio.sleep(0.01)
        assert (await spoken(endpoint)).words
        await endpoint.close()
