"""Questions about recordings, asked by the clients of others of a real server with a tiny model."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import torch
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from tests import tiny
from tests.fakes import installed
from tests.server.conftest import Running, running
from voxtral_service.audio.write import write_wav
from voxtral_service.engine import loading
from voxtral_service.engine.pool import EnginePool, LoadedModel
from voxtral_service.engine.registry import InstalledModel, Registry
from voxtral_service.engine.voxtral_offline import VoxtralOfflineEngine
from voxtral_service.server.keys import ApiKey, hashed

MODEL = "tiny-voxtral"


def encoded(seconds: float = 1.0, seed: int = 3) -> str:
    file = io.BytesIO()
    write_wav(file, tiny.sound(seconds, seed))
    return base64.b64encode(file.getvalue()).decode()


WAV = encoded()
TEXT = {"type": "text", "text": "Who speaks?"}
OPENAI = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
MISTRAL = {"type": "input_audio", "input_audio": WAV}
VLLM = {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{WAV}"}}


def asked(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": [*parts]}], "max_tokens": 12, **more}


@pytest.fixture(scope="module")
def models(offline_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("models")
    (folder / MODEL).symlink_to(offline_folder)
    return Registry(folder, folder / "none", folder / "none")


@pytest.fixture(scope="module")
def loaded(models: Registry) -> Iterator[VoxtralOfflineEngine]:
    """Loaded once; the pool of each test closes what it is given, so it is given a wrapped one."""
    engine = loading.load(models.find(MODEL), device=torch.device("cpu"), slots=4)
    assert isinstance(engine, VoxtralOfflineEngine)
    yield engine
    engine.close()


class Kept(VoxtralOfflineEngine):
    """Outlives its pool."""

    def __init__(self, engine: VoxtralOfflineEngine) -> None:
        self.__dict__ = engine.__dict__

    def close(self) -> None:
        pass


@pytest.fixture
async def server(models: Registry, loaded: VoxtralOfflineEngine) -> AsyncIterator[Running]:
    async with running() as server:
        server.state.pool = pool(models, loaded, server)
        yield server


def pool(models: Registry, engine: VoxtralOfflineEngine, server: Running) -> EnginePool:
    def load(model: InstalledModel) -> VoxtralOfflineEngine:
        assert model.name == MODEL
        return Kept(engine)

    default = LoadedModel(installed(), server.engine)
    return EnginePool(models, load, budget=10**9, idle_seconds=60, default=default)


async def post(server: Running, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=60) as client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(f"{server.url}/v1/chat/completions", content=content, headers=headers)


async def refusal(server: Running, body: Any, status: int = 400) -> dict[str, Any]:
    response = await post(server, body)
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    return error


async def test_the_three_dialects_of_sound_are_heard_alike(server: Running) -> None:
    answers = [await post(server, asked(part, TEXT)) for part in (OPENAI, MISTRAL, VLLM)]
    contents = {answer.json()["choices"][0]["message"]["content"] for answer in answers}
    assert len(contents) == 1
    assert contents != {""}
    other = await post(server, asked({**MISTRAL, "input_audio": encoded(1, 9)}, TEXT))
    assert other.json()["choices"][0]["message"]["content"] not in contents


async def test_openai_asks_and_streams(server: Running) -> None:
    async with openai.AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0) as client:
        whole = await client.chat.completions.create(**asked(OPENAI, TEXT))
        stream = await client.chat.completions.create(
            **asked(OPENAI, TEXT, stream=True, stream_options={"include_usage": True})
        )
        pieces = [piece async for piece in stream]
    choice = whole.choices[0]
    assert (choice.finish_reason, choice.message.role) == ("length", "assistant")
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == choice.message.content
    assert len([piece for piece in pieces if piece.choices and piece.choices[0].delta.content]) > 3
    assert pieces[0].choices[0].delta.role == "assistant"
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == "length"
    assert [piece.usage is not None for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[-1].choices == []
    assert pieces[-1].usage == whole.usage
    assert whole.usage is not None
    assert whole.usage.prompt_tokens_details is not None
    assert whole.usage.prompt_tokens_details.audio_tokens == 375
    assert whole.usage.completion_tokens == 12
    assert len({piece.id for piece in pieces}) == 1
    assert whole.model == MODEL


async def test_mistral_asks_and_streams(server: Running) -> None:
    async with Mistral(api_key="none", server_url=server.url) as client:
        whole = await client.chat.complete_async(**asked(MISTRAL, TEXT))
        stream = await client.chat.stream_async(**asked(MISTRAL, TEXT))
        pieces = [event.data async for event in stream]
    assert whole is not None
    message = whole.choices[0].message
    assert message is not None
    assert "".join(str(piece.choices[0].delta.content or "") for piece in pieces) == message.content
    assert pieces[-1].choices[0].finish_reason == "length"
    assert [piece.usage is not None for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert whole.usage.prompt_audio_seconds == 1
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + 12


async def test_words_alone_are_answered_too(server: Running) -> None:
    answer = (await post(server, asked(TEXT))).json()
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["prompt_tokens_details"]["audio_tokens"] == 0


async def test_a_seed_and_a_temperature(server: Running) -> None:
    first, again, other = [
        (await post(server, asked(OPENAI, temperature=1.5, seed=seed))).json()["choices"][0]["message"]["content"]
        for seed in (1, 1, 2)
    ]
    assert first == again != other


async def test_a_call_may_be_required(server: Running) -> None:
    """A tiny model cannot call anything; that what it wrote instead is not lost can be seen."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    answer = (await post(server, asked(OPENAI, tools=[tool], tool_choice="required"))).json()
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["prompt_tokens"] > 400


async def test_a_model_that_only_transcribes_names_those_that_answer(server: Running) -> None:
    async with openai.AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(**asked(OPENAI, TEXT) | {"model": "gpt-4o-audio-preview"})
    assert caught.value.param == "model"
    assert f"spelling transcribes and does not answer; name one that does: {MODEL}" in str(caught.value)
    server.state.pool = EnginePool(
        Registry(Path("none"), Path("none"), Path("none")),
        lambda _: server.engine,
        budget=1,
        idle_seconds=1,
        default=LoadedModel(installed(), server.engine),
    )
    error = await refusal(server, asked(OPENAI) | {"model": ""})
    assert "voxtral models pull voxtral-mini-3b" in error["message"]


async def test_an_unknown_model_is_not_found(server: Running) -> None:
    assert (await refusal(server, asked(OPENAI) | {"model": "zzz"}, 404))["code"] == "model_not_found"
    async with Mistral(api_key="none", server_url=server.url) as client:
        with pytest.raises(SDKError) as caught:
            await client.chat.complete_async(**asked(MISTRAL) | {"model": "zzz"})
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (base64.b64encode(b"no sound at all").decode(), "messages[0].content[0]"),
        (encoded(0), "messages[0].content[0]"),
        (encoded(250), "longer than 240 s"),
    ],
    ids=["noise", "empty", "long"],
)
async def test_bad_audio_is_the_callers(server: Running, data: str, says: str) -> None:
    error = await refusal(server, asked({**MISTRAL, "input_audio": data}))
    assert says in error["message"]
    assert (error["param"], error["code"]) == ("messages[0].content[0]", "invalid_audio")


async def test_the_bound_is_for_all_recordings_together(server: Running) -> None:
    error = await refusal(server, asked(*[{**MISTRAL, "input_audio": encoded(150)}] * 2))
    assert "longer than 90 s" in error["message"]


async def test_addresses_are_asked_only_if_the_operator_lists_them(server: Running) -> None:
    error = await refusal(server, asked({**MISTRAL, "input_audio": "http://127.0.0.1:1/a.wav"}))
    assert error["param"] == "messages[0].content[0]"


async def test_what_is_no_question_is_refused(server: Running) -> None:
    assert "no JSON object" in (await refusal(server, b"\xff"))["message"]
    assert (await refusal(server, {"model": MODEL, "messages": []}))["param"] == "messages"
    error = await refusal(server, {"model": MODEL, "messages": [{"role": "assistant", "content": "Hello."}]})
    assert "template" in error["message"]
    assert error["param"] == "messages"


async def test_the_door_and_the_allowance(models: Registry, loaded: VoxtralOfflineEngine) -> None:
    keys = (ApiKey("k", hashed("secret"), audio_seconds_per_minute=1.0),)
    async with running(keys=keys) as server:
        server.state.pool = pool(models, loaded, server)
        assert (await post(server, asked(TEXT))).status_code == 401
        headers = {"Authorization": "Bearer secret"}
        assert (await post(server, asked({**MISTRAL, "input_audio": encoded(3)}), **headers)).status_code == 200
        tired = await post(server, asked(OPENAI), **headers)
        assert tired.status_code == 429
        assert int(tired.headers["retry-after"]) > 60


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_goes_away_ends_its_answer(
    server: Running, loaded: VoxtralOfflineEngine, stream: bool
) -> None:
    body = json.dumps(asked(OPENAI, stream=stream, max_tokens=3000, temperature=2.0, seed=1)).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await until(lambda: bool(loaded._open))
    if stream:
        assert b"200 OK" in await reader.readline()
    writer.close()
    await until(lambda: not loaded._open)
    await until(lambda: not any(batch.rows for batch in loaded._batches.values()))
    assert server.state.seats.busy == 0


async def test_a_failure_in_the_middle_is_told(
    server: Running, loaded: VoxtralOfflineEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, steps = loaded._model.decode, iter(range(10))

    def failing(*arguments: Any) -> Any:
        if next(steps) == 5:
            raise RuntimeError("the device is gone")
        return decode(*arguments)

    monkeypatch.setattr(loaded._model, "decode", failing)
    async with openai.AsyncOpenAI(api_key="none", base_url=f"{server.url}/v1", max_retries=0) as client:
        stream = await client.chat.completions.create(**asked(OPENAI, stream=True))
        with pytest.raises(openai.APIError, match="middle of a text"):
            async for _ in stream:
                pass


async def until(holds: Any) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
