"""Questions about recordings: `/v1/chat/completions` with sound in its messages."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, BinaryIO, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from voxtral_service import metrics
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import read
from voxtral_service.chat import Message
from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.base import Listener
from voxtral_service.engine.registry import InstalledModel
from voxtral_service.errors import (
    EngineError,
    InvalidAudio,
    InvalidOption,
    VoxtralError,
)
from voxtral_service.server import openapi
from voxtral_service.server.body import read_body
from voxtral_service.server.http import Caller, admitted, state_of
from voxtral_service.server.keys import ApiKey
from voxtral_service.server.record import refused
from voxtral_service.server.sending import Sender, send_events, while_connected
from voxtral_service.server.state import ServerState, new_id
from voxtral_service.wire import chat_request, http, http_choice
from voxtral_service.wire.chat_answer import ChatAnswer
from voxtral_service.wire.chat_request import AudioLink, Sound
from voxtral_service.wire.mistral_http import MistralHttp

MAX_BODY = 128 * 2**20
"""Bytes; the longest audio that a model hears in one conversation, as a WAV file in base64, and some."""
FETCH_MODEL = "voxtral-mini-3b"

_TEXT_OR_PARTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]}
_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": {"enum": list(chat_request.ROLES)}, "content": _TEXT_OR_PARTS},
}
_QUESTION = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "model": {"type": "string", "description": "An installed model that understands sound."},
        "messages": {"type": "array", "minItems": 1, "items": _MESSAGE},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": chat_request.MAX_TEMPERATURE},
        "stop": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "stream": {"type": ["boolean", "null"]},
        "tools": {"type": ["array", "null"], "items": {"type": "object"}},
    },
}
PAGE: dict[str, Any] = {
    "responses": openapi.answers(
        {"type": "object", "required": ["id", "choices", "usage"]}, stream=True, said="The answer."
    ),
    "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": _QUESTION}}}},
}

routes = APIRouter(dependencies=[Depends(admitted)], tags=["chat"])


@routes.post("/v1/chat/completions", **PAGE)
async def completions(request: Request, key: Caller) -> Response:
    """An answer from what is said in recordings, and in words."""
    return Completion(request, state_of(request), key)


def install(app: FastAPI) -> None:
    """Put the route on an application."""
    app.include_router(routes)


class Completion(Response):
    """Reads the question, lets the model answer, and sends that as it is written. A client that goes away ends it."""

    def __init__(self, request: Request, state: ServerState, key: ApiKey) -> None:
        super().__init__()
        self._request, self._state, self._key = request, state, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application of one request."""
        sender = Sender(send)
        outcome = "failed"
        try:
            with self._state.seats.file(self._key):
                self._state.check_allowance(self._key)
                body = await read_body(
                    self._request, MAX_BODY, "send a compressed recording, or its http(s) URL", field="messages"
                )
                outcome = await while_connected(receive, sender, self._work(body, sender))
        except ClientDisconnect:
            outcome = "disconnected"
        except VoxtralError as error:
            outcome = "failed" if isinstance(error, EngineError) else "refused"
            client = self._request.client
            refused(error, route=self._request.url.path, client=client.host if client else "")
            await sender.whole(http.json_answer(http.openai_error(error), http.status(error), http.headers(error)))
        finally:
            metrics.ANSWERS.labels(outcome).inc()

    async def _work(self, body: bytes, sender: Sender) -> str:
        of_mistral = http_choice.before_the_form(self._request.headers) is MistralHttp
        request = await asyncio.to_thread(chat_request.decode, body, mistral=of_mistral)
        model = await asyncio.to_thread(self._state.pool.resolve, request.model)
        longest = capabilities(model).longest_conversation
        if not longest:
            raise await asyncio.to_thread(self._deaf, model)
        messages = await self._heard(request.messages, longest)
        async with self._state.pool.use(model) as loaded:
            if not isinstance(loaded.engine, Listener):
                raise EngineError(f"{model.name} was loaded with an engine that does not answer")
            answer = ChatAnswer(request, id=new_id("chatcmpl-"), model=model.name, created=int(time.time()))
            async with aclosing(loaded.engine.answer(messages, request.options)) as events:
                if request.stream:
                    whole = await send_events(sender, events, answer.event, answer.broken, answer.begin())
                    if whole:
                        await sender.end()
                    return "done" if whole else "failed"
                await sender.whole(answer.whole([event async for event in events]))
        return "done"

    def _deaf(self, model: InstalledModel) -> InvalidOption:
        able = [other.name for other in self._state.pool.installed() if capabilities(other).longest_conversation]
        instead = (
            f"name one that does: {', '.join(able)}"
            if able
            else f"none that is installed does; fetch one with: voxtral models pull {FETCH_MODEL}"
        )
        return InvalidOption(f"{model.name} transcribes and does not answer; {instead}", field="model")

    async def _heard(self, messages: Sequence[Message[Sound]], longest: float) -> list[Message[Samples]]:
        """The same messages with samples in place of bytes and addresses."""
        left = longest
        heard = []
        for i, message in enumerate(messages):
            content: list[str | Samples] = []
            for j, part in enumerate(message.content):
                if isinstance(part, str):
                    content.append(part)
                    continue
                samples = await self._samples(part, f"messages[{i}].content[{j}]", left)
                left -= len(samples) / SAMPLE_RATE
                content.append(samples)
            heard.append(Message(message.role, tuple(content), message.calls, message.call_id))
        self._state.allowance(self._key).delay(longest - left, now=time.monotonic())
        return heard

    async def _samples(self, sound: Sound, field: str, longest: float) -> Samples:
        try:
            if isinstance(sound, AudioLink):
                with cast("BinaryIO", tempfile.TemporaryFile()) as file:
                    await self._state.fetcher.download(sound.url, file, field=field)
                    file.seek(0)
                    return await asyncio.to_thread(read, file, name=field, max_seconds=longest)
            return await asyncio.to_thread(read, sound.data, name=field, max_seconds=longest)
        except InvalidAudio as error:
            raise InvalidAudio(str(error), field=field) from error
