"""Clients' own libraries against a real server."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx2
import numpy as np
import pytest
import websockets
from mistralai.client import Mistral
from mistralai.client.models import AudioFormat
from openai import AsyncOpenAI, BadRequestError

from tests.fakes import SpellingEngine
from tests.server.conftest import Running, Serve
from tests.wire.wyoming_client import (
    AsyncTcpClient,
    AudioChunk,
    AudioStart,
    AudioStop,
    Describe,
    Info,
    Transcribe,
    Transcript,
)
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.engine.capacity import Capacity, StepTime
from voxtral_service.server.keys import ApiKey, hashed
from voxtral_service.server.seats import Seats


def level(percent: int, seconds: float, rate: int = 16_000) -> bytes:
    return encode_s16le(np.full(round(seconds * rate), percent / 100, np.float32))


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_openai_transcription_with_manual_commits(serve: Serve) -> None:
    async with (
        serve() as server,
        AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        await connection.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                        "turn_detection": None,
                    }
                },
            }
        )
        completed, items = [], []
        for percent in (20, 40):
            await connection.input_audio_buffer.append(audio=base64_of(level(percent, 0.5, 24_000)))
            await connection.input_audio_buffer.commit()
        async for event in connection:
            if event.type == "input_audio_buffer.committed":
                items.append(event.item_id)
            if event.type == "conversation.item.input_audio_transcription.completed":
                completed.append((event.item_id, event.transcript))
                if len(completed) == 2:
                    break
    assert [item for item, _ in completed] == items
    # Resampling overshoots a little where a sound begins.
    for (_, text), percent in zip(completed, (20, 40), strict=True):
        assert all(abs(int(word) - percent) <= percent // 10 for word in text.split())
        assert len(text.split()) == 5


async def test_openai_server_vad_finds_the_turns(serve: Serve) -> None:
    async with (
        serve() as server,
        AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        sound = level(0, 0.5, 24_000) + level(30, 1, 24_000) + level(0, 1, 24_000)
        for at in range(0, len(sound), 4800):
            await connection.input_audio_buffer.append(audio=base64_of(sound[at : at + 4800]))
        kinds: list[str] = []
        async for event in connection:
            kinds.append(event.type)
            if event.type == "conversation.item.input_audio_transcription.completed":
                assert "30" in event.transcript
                break
    wanted = [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert [kind for kind in kinds if kind in wanted] == wanted


async def test_mistral_transcribes_a_stream(serve: Serve) -> None:
    async def sound() -> Any:
        for _ in range(5):
            yield level(50, 0.2)

    async with serve() as server:
        client = Mistral(api_key="any", server_url=server.url)
        texts: list[str] = []
        done: Any = None
        async for event in client.audio.realtime.transcribe_stream(
            audio_stream=sound(),
            model="voxtral-mini-transcribe-realtime-2602",
            audio_format=AudioFormat(encoding="pcm_s16le", sample_rate=16_000),
        ):
            said: Any = event
            if said.type == "transcription.text.delta":
                texts.append(said.text)
            if said.type == "transcription.done":
                done = said
    assert done is not None
    assert done.text == "".join(texts) == " ".join(["50"] * 10)


async def test_vllm_clients_get_their_text(serve: Serve) -> None:
    async with serve() as server, websockets.connect(f"{server.ws}/v1/realtime") as socket:
        created = json.loads(await socket.recv())
        assert created["type"] == "session.created"
        assert created["id"]

        async def send(**message: object) -> None:
            await socket.send(json.dumps(message))

        await send(type="session.update", model="mistralai/Voxtral-Mini-4B-Realtime-2602")
        await send(type="input_audio_buffer.commit")
        sound = level(70, 1)
        for at in range(0, len(sound), 4096):
            await send(type="input_audio_buffer.append", audio=base64_of(sound[at : at + 4096]))
        await send(type="input_audio_buffer.commit", final=True)
        text = ""
        while (message := json.loads(await socket.recv()))["type"] != "transcription.done":
            text += message.get("delta", "")
        assert message["text"].split() == text.split() == ["70"] * 10


async def test_home_assistant_describes_and_transcribes(serve: Serve) -> None:
    async with serve() as server:
        async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            info = Info.from_event(event)
            assert info.asr[0].models[0].languages == ["en"]
        async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
            await client.write_event(AudioChunk(rate=16_000, width=2, channels=1, audio=level(60, 1)).event())
            await client.write_event(AudioStop().event())
            while (event := await client.read_event()) is not None:
                if Transcript.is_type(event.type):
                    assert Transcript.from_event(event).text.split() == ["60"] * 10
                    break
            assert event is not None


async def test_a_full_server_refuses_with_a_time_to_come_back(serve: Serve) -> None:
    async with serve(places=1) as server, websockets.connect(f"{server.ws}/v1/realtime"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(f"{server.ws}/v1/realtime")
        response = caught.value.response
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "5"
        assert json.loads(response.body)["error"]["code"] == "overloaded"
        ready = await _get(f"{server.url}/ready")
        assert ready == {"ready": True, "sessions": 1, "places": 1}


async def test_nobody_more_is_let_in_while_texts_come_late(serve: Serve) -> None:
    late = False
    async with serve(places=4) as server:
        server.state.seats = Seats(4, late=lambda: late)
        late = True
        async with websockets.connect(f"{server.ws}/v1/realtime"):  # whoever is alone makes nobody late
            with pytest.raises(websockets.InvalidStatus) as caught:
                await websockets.connect(f"{server.ws}/v1/realtime")
            response = caught.value.response
            assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
            told = json.loads(response.body)["error"]
            assert told["code"] == "overloaded"
            assert "the 1 sessions there are need all of this server" in told["message"]
            late = False
            async with websockets.connect(f"{server.ws}/v1/realtime"):
                assert server.state.seats.taken == 2


async def test_twice_as_many_as_there_are_places_for(serve: Serve) -> None:
    async def come(server: Running) -> websockets.ClientConnection | str:
        try:
            return await websockets.connect(f"{server.ws}/v1/realtime")
        except websockets.InvalidStatus as error:
            return f"{error.response.status_code}, {error.response.headers['Retry-After']}"

    async with serve(places=5) as server:
        came = await asyncio.gather(*(come(server) for _ in range(10)))
        sockets = [one for one in came if not isinstance(one, str)]
        assert [one for one in came if isinstance(one, str)] == ["503, 5"] * 5
        assert len(sockets) == server.state.seats.taken == 5
        for socket in sockets:
            await socket.close()


async def test_a_measured_engine_shows_what_it_holds(serve: Serve) -> None:
    async with serve(places=2) as server:
        measured = MeasuredEngine(2)
        server.state.engine = measured
        server.state.capacity = measured.measure(0.5)
        assert await _get(f"{server.url}/ready") == {
            "ready": True,
            "sessions": 0,
            "places": 2,
            "capacity": 9,
            "expected_lag": 0.123,
        }


class MeasuredEngine(SpellingEngine):
    """Knows what it can do."""

    expected_lag, is_late = 0.12345, False

    def measure(self, lag_bound: float) -> Capacity:
        return Capacity((StepTime(1, 0.01),), lag_bound, 9)


async def _get(url: str, **headers: str) -> Any:
    async with httpx2.AsyncClient() as client:
        return (await client.get(url, headers=headers)).json()


async def test_keys_are_asked_for_at_every_door(serve: Serve) -> None:
    key = ApiKey("me", hashed("vx_1"))
    async with serve(keys=(key,)) as server, httpx2.AsyncClient(base_url=server.url) as client:
        for path in ("/v1/models", "/metrics"):
            refused = await client.get(path)
            assert refused.status_code == 401
            assert refused.json()["error"]["code"] == "invalid_api_key"
        assert (await client.get("/health")).status_code == 200
        for path in ("/v1/realtime", "/v1/audio/transcriptions/realtime"):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(server.ws + path)
        bearer = {"Authorization": "Bearer vx_1"}
        assert (await client.get("/v1/models", headers=bearer)).json()["data"][0]["id"] == "spelling"
        secret = (await client.post("/v1/realtime/client_secrets", json={}, headers=bearer)).json()["value"]
        protocols = [websockets.Subprotocol(name) for name in ("realtime", f"openai-insecure-api-key.{secret}")]
        async with websockets.connect(f"{server.ws}/v1/realtime", subprotocols=protocols) as socket:
            assert socket.subprotocol == "realtime"
        made = await client.post("/v1/client/sessions", json={"purpose": "realtime"}, headers=bearer)
        assert made.status_code == 201
        token = made.json()["client_secret"]["value"]
        protocols = [websockets.Subprotocol(name) for name in ("realtime", token)]
        async with websockets.connect(f"{server.ws}/v1/audio/transcriptions/realtime", subprotocols=protocols):
            pass


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"type": "singing"}, "session.type"),
        ({"type": "realtime", "audio": {"input": {"format": {"type": "audio/mp3"}}}}, "session.audio.input.format"),
        ({"type": "realtime", "instructions": "x" * 70_000}, "session"),
    ],
)
async def test_settings_that_cannot_be_attached_to_a_key(serve: Serve, session: Any, param: str) -> None:
    async with serve() as server, AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1") as client:
        with pytest.raises(BadRequestError) as refused:
            await client.realtime.client_secrets.create(session=session)
    assert refused.value.param == param


async def test_a_transcription_session_begins_as_its_key_says(serve: Serve) -> None:
    heard: Any = {"turn_detection": None, "transcription": {"model": "any", "language": "de"}}
    async with serve() as server:
        async with AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1") as client:
            secret = await client.realtime.client_secrets.create(
                session={"type": "transcription", "audio": {"input": heard}}
            )
        assert secret.session.type == "transcription"
        async with (
            AsyncOpenAI(api_key=secret.value, base_url=f"{server.url}/v1") as client,
            client.realtime.connect(model="any") as connection,
        ):
            created = await connection.recv()
            assert created.type == "session.created"
            assert created.session.audio.input.transcription.language == "de"  # type: ignore[union-attr]
            await connection.input_audio_buffer.append(audio=base64_of(level(20, 0.5, 24_000)))
            await connection.input_audio_buffer.commit()
            async for event in connection:
                if event.type == "conversation.item.input_audio_transcription.completed":
                    assert len(event.transcript.split()) == 5
                    break


async def test_models_parse_in_both_sdks(serve: Serve) -> None:
    async with serve() as server, AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1") as client:
        assert [model.id for model in (await client.models.list()).data] == ["spelling"]
        async with Mistral(api_key="any", server_url=server.url) as mistral:
            models = await mistral.models.list_async()
        assert [card["id"] for card in models.model_dump()["data"]] == ["spelling"]
        missing = await _get(f"{server.url}/v1/models/other")
        assert missing["error"]["code"] == "model_not_found"


async def test_other_models_are_refused_when_that_was_asked_for(serve: Serve) -> None:
    async with serve(strict_models=True) as server:
        with pytest.raises(websockets.InvalidStatus) as caught:
            await websockets.connect(f"{server.ws}/v1/realtime?model=gpt-realtime")
        assert caught.value.response.status_code == 404


async def test_dropped_connections_leave_nothing_behind(serve: Serve) -> None:
    async with serve(places=3) as server:
        rng = np.random.default_rng(0)
        for _ in range(60):
            socket = await websockets.connect(f"{server.ws}/v1/realtime?intent=transcription")
            for _ in range(int(rng.integers(0, 4))):
                message = {"type": "input_audio_buffer.append", "audio": base64_of(level(50, 0.3, 24_000))}
                await socket.send(json.dumps(message))
            if rng.random() < 0.5:
                socket.transport.abort()
                await socket.wait_closed()
            else:
                await socket.close()
            while server.state.seats.taken:
                await asyncio.sleep(0.005)
        async with asyncio.timeout(20):  # the last session may still be putting its things away
            while server.engine.open_streams or server.state.open:
                await asyncio.sleep(0.005)
