"""Text models behind any endpoint that speaks OpenAI's chat completions: OpenAI, Mistral, vLLM, llama.cpp, Ollama, ...

What such endpoints disagree about is met on the way: usage that must be asked for or must not, calls without ids or
indices, answers that are not streamed although that was asked for, content in parts.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx2

from voxtral_service.assistant.completion import Completion
from voxtral_service.assistant.sse import EventStream
from voxtral_service.audio import Samples
from voxtral_service.audio.write import write_wav
from voxtral_service.chat import AnswerEvent, AnswerOptions, Message
from voxtral_service.errors import InvalidOption, Trouble, UpstreamError

LONGEST_WAIT = 5.0
"""Seconds before an attempt is made again; an endpoint that asks for more is busy, and the person is told so."""
RETRIED = {408, 409, 425, 429, 500, 502, 503, 504, 529}
"""Statuses that may be gone at the next attempt."""
MAX_ANSWER = 4 * 2**20
"""Bytes of an answer that is not streamed, and of an error's body that is read."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection, for the first piece of an answer from then on, and for each that follows."""

    connect: float = 3.0
    first_token: float = 20.0
    between_tokens: float = 10.0


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where a model is: `base_url` ends before `/chat/completions`, as OpenAI's clients have it.

    `retries` are attempts after the first one, made only while nothing of an answer has come.
    """

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)
    patience: Patience = Patience()
    retries: int = 2


class _MayRetry(Exception):
    """An attempt failed before its answer began; `wait` is how long the endpoint asks to be left alone."""

    def __init__(self, error: UpstreamError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.wait = error, wait


class Endpoint:
    """A LanguageModel. `client` is closed by whoever made it; `sleep` waits between attempts."""

    def __init__(
        self,
        settings: EndpointSettings,
        client: httpx2.AsyncClient,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises InvalidOption for an address that is none."""
        if not settings.base_url.startswith(("http://", "https://")):
            raise InvalidOption(f"{settings.base_url!r} is no http:// or https:// address", field="base_url")
        self.settings = settings
        self._client = client
        self._sleep = sleep
        self._url = settings.base_url.rstrip("/") + "/chat/completions"
        self._asks_for_usage = True

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        """See `LanguageModel`. Every failure is an UpstreamError whose message names the endpoint."""
        body = {"model": self.settings.model, "messages": [_message(m) for m in messages], **self._options(options)}
        for attempt in range(self.settings.retries + 1):
            try:
                async with aclosing(self._attempt(body)) as events:
                    async for event in events:
                        yield event
                return
            except _MayRetry as failure:
                wait = 0.25 * 2**attempt * random.uniform(0.5, 1.0) if failure.wait is None else failure.wait
                if attempt == self.settings.retries or wait > LONGEST_WAIT:
                    raise failure.error from failure.__cause__
            await self._sleep(wait)

    async def _attempt(self, body: Mapping[str, Any]) -> AsyncGenerator[AnswerEvent, None]:
        patience = self.settings.patience
        completion = Completion()
        begun = False
        waits = {"read": None, "write": patience.first_token, "pool": patience.first_token}
        headers = {"Authorization": f"Bearer {self.settings.api_key}"} if self.settings.api_key else {}
        extra = {"stream_options": {"include_usage": True}} if self._asks_for_usage else {}
        try:
            async with (
                asyncio.timeout(patience.connect + patience.first_token) as limit,
                self._client.stream(
                    "POST",
                    self._url,
                    json={**body, "stream": True, **extra},
                    headers=headers,
                    timeout=httpx2.Timeout(connect=patience.connect, **waits),
                ) as response,
            ):
                if response.status_code >= 300:
                    raise await self._refusal(response)
                async with aclosing(_parts(response)) as parts:
                    async for part in parts:
                        for event in completion.add(part):
                            begun = True
                            limit.reschedule(None)  # whoever takes the events may take his time
                            yield event
                        if begun or completion.ended:
                            limit.reschedule(asyncio.get_running_loop().time() + patience.between_tokens)
                        if completion.ended and completion.usage_came:
                            break
            last = list(completion.finish()) if completion.ended else []
        except TimeoutError as error:
            seconds = patience.between_tokens if begun else patience.first_token
            raise self._trouble(f"says nothing for {seconds:g} s", "slow") from error
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            said = f" ({error})" if str(error) else f" ({type(error).__name__})"
            if begun:
                raise self._trouble(f"broke off in the middle of an answer{said}", "broken") from error
            raise _MayRetry(self._trouble(f"cannot be reached{said}", "unreachable")) from error
        except UpstreamError as error:
            raise self._trouble(str(error), error.trouble) from error
        if not last:
            broken = self._trouble("broke off in the middle of an answer", "broken")
            raise broken if begun else _MayRetry(broken)
        for event in last:
            yield event

    async def _refusal(self, response: httpx2.Response) -> Exception:
        """What an answer that is none means."""
        status, said = response.status_code, await _said(response)
        message = f"answers {status}" + (f": {said}" if said else "")
        if status in (400, 422) and "stream_options" in said and self._asks_for_usage:
            self._asks_for_usage = False
            return _MayRetry(self._trouble(message, "refused"), 0.0)
        trouble: Trouble = "busy" if status in (429, 529) else "unreachable" if status >= 500 else "refused"
        if status in (401, 403):
            message += "; check the API key that is set for it"
        if status == 404:
            message += f"; check its address and that it has a model {self.settings.model!r}"
        error = self._trouble(message, trouble)
        return _MayRetry(error, _retry_after(response)) if status in RETRIED else error

    def _trouble(self, what: str, trouble: Trouble) -> UpstreamError:
        return UpstreamError(f"the language model at {self.settings.base_url} {what}", trouble=trouble)

    def _options(self, options: AnswerOptions) -> dict[str, Any]:
        # OpenAI's newer models take only the long name, most other endpoints only the short one.
        limit = "max_completion_tokens" if "://api.openai.com" in self.settings.base_url else "max_tokens"
        wished: dict[str, Any] = {
            limit: options.max_tokens,
            "temperature": options.temperature,
            "top_p": options.top_p if options.top_p < 1 else None,
            "seed": options.seed,
            "stop": list(options.stop) or None,
        }
        body = {name: value for name, value in wished.items() if value is not None}
        if options.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
                }
                for t in options.tools
            ]
            body["tool_choice"] = "required" if options.must_call else "auto"
        return body


def _message(message: Message[Samples]) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role}
    if all(isinstance(part, str) for part in message.content):
        text = "".join(part for part in message.content if isinstance(part, str))
        out["content"] = text if text or not message.calls else None
    else:
        out["content"] = [_part(part) for part in message.content]
    if message.calls:
        out["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.call_id is not None:
        out["tool_call_id"] = message.call_id
    return out


def _part(part: str | Samples) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    file = io.BytesIO()
    write_wav(file, part)
    data = base64.b64encode(file.getvalue()).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


async def _parts(response: httpx2.Response) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of an answer, or the whole one as a single chunk."""
    if response.headers.get("content-type", "").startswith("application/json"):
        yield _object((await _body(response)).decode("utf-8", "replace"))
        return
    stream = EventStream()
    async for raw in response.aiter_bytes():
        for data in stream.push(raw):
            if data.strip() == "[DONE]":
                yield {"done": True}
                return
            yield _object(data)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UpstreamError(f"sends what is no JSON object: {text[:100]!r}", trouble="broken")
    return value


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise UpstreamError(f"sends an answer of more than {MAX_ANSWER} bytes", trouble="broken")
    return bytes(body)


async def _said(response: httpx2.Response) -> str:
    """The message in an error's body, in one line."""
    text = (await _body(response)).decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(name):
            value = value[name]
    return " ".join((value if isinstance(value, str) else json.dumps(value)).split())[:300]


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds, if it says so in seconds; dates are for minutes and more, which nobody waits for."""
    value = response.headers.get("retry-after")
    if value is None:
        return None
    return float(value) if value.isdigit() else LONGEST_WAIT + 1
