"""Text to speech: `/v1/audio/speech` and its voices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from voxtral_service import metrics
from voxtral_service.assistant.speech import SpeechOptions, Synthesizer
from voxtral_service.audio.encode import SoundFormat, encoder
from voxtral_service.errors import EngineError, InvalidOption, ModelNotFound, TooLarge, UpstreamError, VoxtralError
from voxtral_service.server import openapi
from voxtral_service.server.body import read_body
from voxtral_service.server.http import REFUSALS, Caller, admitted, error_answer, state_of
from voxtral_service.server.keys import ApiKey
from voxtral_service.server.record import refused
from voxtral_service.server.sending import EVENTS, Sender, while_connected
from voxtral_service.server.state import ServerState
from voxtral_service.wire import http, speech_answer, speech_request
from voxtral_service.wire.speech_request import SpeechRequest
from voxtral_service.wire.voices import LocalVoice, stand_in

SAMPLE_RATE = 24_000
"""Hz; what `pcm` has at OpenAI and Mistral, and every format here takes."""
MAX_BODY = 2**20
"""Bytes; the longest text with every character escaped, and some."""
MAX_WHOLE = 64 * 2**20
"""Bytes of a file that is not streamed: over two hours of mp3, a dozen minutes of floats."""
MISSING = "no speech is installed; on the server: pip install 'voxtral-service[speech]', or set speech_url"
MOST_VOICES = 1000
QUIET = np.zeros(SAMPLE_RATE // 10, np.float32)
"""What a text without a word sounds like: players take files without any sound for broken."""

_SPEECH = {
    "type": "object",
    "required": ["input"],
    "properties": {
        "input": {"type": "string", "minLength": 1, "maxLength": speech_request.LONGEST},
        "model": {"type": ["string", "null"], "description": "Any; names of hosted models stand for what is here."},
        "voice": {
            "description": "OpenAI: a name from /v1/audio/voices; names of OpenAI's voices stand for local ones.",
            "anyOf": [
                {"type": "string"},
                {"type": "object", "properties": {"id": {"type": "string"}}},
                {"type": "null"},
            ],
        },
        "voice_id": {"type": ["string", "null"], "description": "Mistral: the same."},
        "response_format": {
            "enum": [*speech_request.FORMATS, None],
            "description": "pcm is 24 kHz mono: 16-bit integers for OpenAI, 32-bit floats for Mistral.",
        },
        "speed": {
            "type": ["number", "null"],
            "minimum": speech_request.MIN_SPEED,
            "maximum": speech_request.MAX_SPEED,
        },
        "stream_format": {"enum": ["audio", "sse", None], "description": "OpenAI."},
        "stream": {"type": ["boolean", "null"], "description": "Mistral: events rather than one JSON object."},
    },
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_SAID = {
    "application/json": {"schema": {"type": "object", "required": ["audio_data"]}},
    "text/event-stream": {"schema": {"type": "object", "required": ["data"]}},  # of each event
    **{format.media_type.partition(";")[0]: _BYTES for format in SoundFormat},
}
_ERRORS = {
    code: answer
    for code, answer in openapi.answers(stream=False).items()
    if code in (400, 401, 403, 404, 413, 429, 500, 502, 503)
}
PAGE: dict[str, Any] = {
    "responses": {200: {"description": "The speech.", "content": _SAID}, **_ERRORS},
    "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": _SPEECH}}}},
}
VOICES: dict[str, Any] = {
    "responses": {
        **REFUSALS,
        400: error_answer("Nothing speaks here."),
        422: error_answer("A number is out of range.", openapi.UNREADABLE),
        502: error_answer("The server that speaks failed."),
    }
}
VOICE: dict[str, Any] = {"responses": {**VOICES["responses"], 404: error_answer("No such voice.")}}

routes = APIRouter(dependencies=[Depends(admitted)], tags=["speech"])


@routes.post("/v1/audio/speech", response_class=Response, **PAGE)
async def speech(request: Request, key: Caller) -> Response:
    """A text, spoken: as a file that is sent while it is made, or as events, in OpenAI's and Mistral's forms."""
    return Speech(request, state_of(request), key)


@routes.get("/v1/audio/voices", **VOICES)
async def voices(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST_VOICES)] = MOST_VOICES,
    offset: Annotated[int, Query(ge=0, le=10**6)] = 0,
    type: str = "all",
) -> dict[str, Any]:
    """The voices there are, the default first, as Mistral's clients read them. All are presets."""
    state = state_of(request)
    found = [] if type == "custom" else await _voices(state)
    return speech_answer.voice_list(found, state.model.created, limit=limit, offset=offset)


@routes.get(
    "/v1/audio/voices/{voice_id}", **VOICES | {"responses": {**VOICES["responses"], 404: error_answer("None.")}}
)
async def voice(request: Request, voice_id: str) -> dict[str, Any]:
    """One voice."""
    state = state_of(request)
    for local in await _voices(state):
        if local.name == voice_id:
            return speech_answer.voice(local, state.model.created)
    raise ModelNotFound(f"there is no voice {voice_id[:80]!r}; GET /v1/audio/voices lists them", field="voice_id")


def install(app: FastAPI) -> None:
    """Put the routes on an application."""
    app.include_router(routes)


def installed(state: ServerState) -> Synthesizer:
    """What speaks here. Raises InvalidOption, with what to install, where nothing does."""
    if state.speech is None:
        raise InvalidOption(MISSING, field="model")
    return state.speech


async def _voices(state: ServerState) -> tuple[LocalVoice, ...]:
    """Those there are. Raises like `installed`."""
    installed(state)
    return await state.voices()


class Speech(Response):
    """Reads the request and sends the speech as it is made. A client that goes away ends it."""

    def __init__(self, request: Request, state: ServerState, key: ApiKey) -> None:
        super().__init__()
        self._request, self._state, self._key = request, state, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application of one request."""
        sender = Sender(send)
        outcome = "failed"
        try:
            with self._state.seats.speaking(self._key):
                synthesizer = installed(self._state)
                body = await read_body(self._request, MAX_BODY, "send a shorter text", field="input")
                request = speech_request.decode(body)
                outcome = await while_connected(receive, sender, self._work(synthesizer, request, sender))
        except ClientDisconnect:
            outcome = "disconnected"
        except VoxtralError as error:
            outcome = "failed" if isinstance(error, EngineError | UpstreamError) else "refused"
            client = self._request.client
            refused(error, route=self._request.url.path, client=client.host if client else "")
            if sender.begun:
                return  # without an end, which breaks the connection: half a file would look like a whole one
            await sender.whole(http.json_answer(http.openai_error(error), http.status(error), http.headers(error)))
        finally:
            metrics.SPEECH.labels(outcome).inc()

    async def _work(self, synthesizer: Synthesizer, request: SpeechRequest, sender: Sender) -> str:
        if self._state.strict_models and request.model not in ("", synthesizer.name):
            raise ModelNotFound(f"the model {request.model[:80]!r} does not speak here; {synthesizer.name!r} does")
        options = SpeechOptions(await self._voice(request), speed=request.speed, sample_rate=SAMPLE_RATE)
        format = SoundFormat(request.format)
        async with aclosing(_file(synthesizer, request.text, options, format)) as pieces:
            if request.mistral and not request.events:
                await sender.whole(speech_answer.whole(await _whole(pieces)))
                return "done"
            first = await anext(pieces)  # an error before it is an answer with a status
            await sender.begin(EVENTS if request.events else format.media_type)
            try:
                await sender.piece(_said(request, first))
                async for piece in pieces:
                    await sender.piece(_said(request, piece))
            except VoxtralError as error:
                if not request.events:
                    raise
                await sender.piece(speech_answer.broken(error, mistral=request.mistral))
                await sender.end()
                return "failed"
            if request.events:
                await sender.piece(speech_answer.done(mistral=request.mistral))
            await sender.end()
        return "done"

    async def _voice(self, request: SpeechRequest) -> str:
        """The voice to speak with. Mistral's names for its own say nothing here, so they stand for the default."""
        if not request.voice or self._state.strict_models:
            return request.voice
        there = await self._state.voices()
        name = stand_in(request.voice, there)
        unknown = there and not any(voice.name == name.partition("+")[0] for voice in there)
        return "" if request.mistral and unknown else name


async def _whole(pieces: AsyncGenerator[bytes]) -> bytes:
    """A file that is answered with at once. Raises TooLarge: a text of digits only is spoken for hours."""
    file = bytearray()
    async for piece in pieces:
        file += piece
        if len(file) > MAX_WHOLE:
            raise TooLarge(
                f"the speech takes more than {MAX_WHOLE} bytes; ask for a stream, or another response_format",
                field="stream",
            )
    return bytes(file)


def _said(request: SpeechRequest, piece: bytes) -> str | bytes:
    return speech_answer.delta(piece, mistral=request.mistral) if request.events else piece


async def _file(
    synthesizer: Synthesizer, text: str, options: SpeechOptions, format: SoundFormat
) -> AsyncGenerator[bytes]:
    """The bytes of a file, piece by piece, none of them empty."""
    encode = encoder(format, SAMPLE_RATE)
    begun, seconds = time.monotonic(), 0.0
    async with aclosing(synthesizer.speak(text, options)) as chunks:
        async for chunk in chunks:
            if len(chunk.samples) and not seconds:
                metrics.FIRST_SOUND.observe(time.monotonic() - begun)
            seconds += chunk.duration
            metrics.SPEECH_SECONDS.inc(chunk.duration)
            if data := await asyncio.to_thread(encode.push, chunk.samples):
                yield data
    last = (b"" if seconds else encode.push(QUIET)) + encode.finish()
    if last:
        yield last
