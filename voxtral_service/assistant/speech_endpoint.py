"""Speech by any server that has OpenAI's `/v1/audio/speech`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

import httpx2
import numpy as np

from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, Voice, estimated_words
from voxtral_service.audio.pcm import PcmDecoder, PcmEncoding, PcmFormat
from voxtral_service.audio.resample import Resampler
from voxtral_service.errors import EngineError, InvalidOption, Overloaded, UpstreamError

SAMPLE_RATE = 24_000
"""Hz; `pcm` is 16-bit mono at this rate in OpenAI's API."""
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
"""Seconds without a sign of life."""
RETRIES = 2
RETRY_AFTER = 0.3
"""Seconds before the first retry; the next waits twice as long."""
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses that may be others when asked again."""
MOST_UTTERANCES = 64
MOST_SOUND = 3600.0
"""Seconds of one utterance; a server that goes on for longer is broken."""
MOST_ERROR = 300


class SpeechEndpoint:
    """A synthesizer elsewhere: `url` is its base, such as http://localhost:8880/v1, `model` and `voice` its own names.

    It sends sound without times, so those of words are estimated once the whole length is known, and marked so. A
    request is sent again up to `retries` times while no sound has come; `retry_after` is the pause before that.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str = "tts-1",
        voice: str = "alloy",
        key: str = "",
        retries: int = RETRIES,
        retry_after: float = RETRY_AFTER,
        most: int = MOST_UTTERANCES,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidOption(f"{url[:80]!r} is no http(s) URL", field="speech_url")
        self._model, self._voice = model, voice
        self._url = url.rstrip("/") + "/audio/speech"
        self._retries, self._retry_after = retries, retry_after
        self._most = most
        self._open = 0
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.AsyncClient(timeout=TIMEOUT, headers=headers)
        self._closed = False

    @property
    def name(self) -> str:
        """The model's."""
        return self._model

    async def voices(self) -> tuple[Voice, ...]:
        """The one that was configured: OpenAI's API has no list. Others may be named."""
        return (Voice(self._voice, "", "the configured voice"),)

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        """As the port says; `language` is left to the voice."""
        if self._closed:
            raise EngineError("the synthesizer has been closed")
        if not text.strip():
            return
        if self._open >= self._most:
            raise Overloaded(f"{self._most} texts are being spoken; try again in a moment", retry_after=1)
        self._open += 1
        try:
            async with aclosing(self._chunks(text, options)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except httpx2.HTTPError as error:
            raise UpstreamError(f"{self._url} broke off: {error or type(error).__name__}") from error
        finally:
            self._open -= 1

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        await self._http.aclose()

    async def _chunks(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        rate = options.sample_rate or SAMPLE_RATE
        decoder, resampler = PcmDecoder(PcmFormat(PcmEncoding.S16LE, SAMPLE_RATE)), Resampler(SAMPLE_RATE, rate)
        seconds = 0.0
        async with AsyncExitStack() as opened:
            response = await self._answer(text, options, opened)
            async for data in response.aiter_bytes():
                samples = decoder.push(data)
                seconds += len(samples) / SAMPLE_RATE
                if seconds > MOST_SOUND:
                    raise UpstreamError(f"{self._url} does not stop speaking")
                if len(sound := resampler.push(samples)):
                    yield SpeechChunk(sound, rate)
        if not seconds:
            raise UpstreamError(f"{self._url} answered without sound")
        tail = resampler.finish() if rate != SAMPLE_RATE else np.zeros(0, np.float32)
        yield SpeechChunk(tail, rate, estimated_words(text, seconds))

    async def _answer(self, text: str, options: SpeechOptions, opened: AsyncExitStack) -> httpx2.Response:
        """A response that has begun well. Raises UpstreamError."""
        body = {
            "model": self._model,
            "input": text.encode("utf-8", "replace").decode(),  # a lone surrogate has no UTF-8
            "voice": options.voice or self._voice,
            "response_format": "pcm",
            "speed": options.speed,
        }
        for attempt in range(self._retries + 1):
            if attempt:
                await asyncio.sleep(self._retry_after * 2 ** (attempt - 1))
            last = attempt == self._retries
            try:
                response = await opened.enter_async_context(self._http.stream("POST", self._url, json=body))
            except httpx2.TransportError as error:
                if last:
                    why = str(error) or type(error).__name__
                    raise UpstreamError(f"{self._url} cannot be reached ({why}); is the server running?") from error
                continue
            if response.is_success:
                self._check_type(response)
                return response
            if response.status_code in AGAIN and not last:
                await response.aclose()
                continue
            raise await self._refused(response)
        raise AssertionError("the last attempt returns or raises")

    def _check_type(self, response: httpx2.Response) -> None:
        """JSON or a file with a header would be noise, loud noise."""
        kind = response.headers.get("content-type", "").partition(";")[0].lower()
        raw = kind in ("", "audio/pcm", "audio/l16", "application/octet-stream", "audio/x-pcm", "audio/raw")
        if not raw:
            raise UpstreamError(f"{self._url} sends {kind}; it must know response_format pcm")

    async def _refused(self, response: httpx2.Response) -> UpstreamError:
        said = ""
        async for piece in response.aiter_text():
            said += piece
            if len(said) > MOST_ERROR:
                break
        return UpstreamError(f"{self._url} answers {response.status_code}: {' '.join(said[:MOST_ERROR].split())}")
