"""One line in the log for each session and each refusal, and counts that add up."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import httpx2
import numpy as np
import pytest
import websockets
from prometheus_client import REGISTRY

from tests.server.conftest import Serve
from tests.wire.wyoming_client import AsyncTcpClient, AudioChunk, AudioStart
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.events import (
    SessionEvent,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEnded,
    TurnStarted,
)
from voxtral_service.server.keys import ApiKey, hashed
from voxtral_service.server.logs import FIELDS
from voxtral_service.server.record import SessionRecord, recorded

SOUND = encode_s16le(np.full(12_000, 0.5, np.float32))
"""Half a second at OpenAI's 24 kHz."""


def fields(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [getattr(record, FIELDS) for record in caplog.records if hasattr(record, FIELDS)]


async def until_closed(caplog: pytest.LogCaptureFixture, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        while len(fields(caplog)) < count:
            await asyncio.sleep(0.005)
    return fields(caplog)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_session_is_one_line_and_says_nothing_of_what_was_said(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = value("voxtral_lag_seconds_count", stage="sent")
    async with serve(keys=(ApiKey("phone", hashed("vx_1")),)) as server:
        header = {"Authorization": "Bearer vx_1"}
        url = f"{server.ws}/v1/realtime?intent=transcription"
        async with websockets.connect(url, additional_headers=header) as socket:
            rules = {"type": "transcription", "audio": {"input": {"turn_detection": None}}}
            await socket.send(json.dumps({"type": "session.update", "session": rules}))
            audio = base64.b64encode(SOUND).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
            while not (said := json.loads(await socket.recv()))["type"].endswith("completed"):
                pass
        (line,) = await until_closed(caplog, 1)
        async with httpx2.AsyncClient() as client:
            page = (await client.get(f"{server.url}/metrics", headers=header)).text
    assert line.pop("seconds") > 0
    assert line == {
        "dialect": "realtime",
        "key": "phone",
        "audio_seconds": 0.5,
        "turns": 1,
        "failed_turns": 0,
        "reason": "client",
    }
    # Other libraries' lines at level debug are not shown by `logs.configure`.
    own = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("voxtral_service"))
    assert said["transcript"]
    assert said["transcript"] not in own
    assert "vx_1" not in own
    assert value("voxtral_lag_seconds_count", stage="sent") > before
    for stage in ("activity", "engine", "sent"):
        assert f'voxtral_lag_seconds_bucket{{le="0.5",stage="{stage}"}}' in page


async def test_refusals_are_lines_too(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    key = ApiKey("me", hashed("vx_1"))
    unknown = value("voxtral_refused_total", reason="invalid_api_key")
    async with serve(places=0, keys=(key,)) as server:
        for header in ({}, {"Authorization": "Bearer vx_1"}):
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(f"{server.ws}/v1/realtime", additional_headers=header)
        async with httpx2.AsyncClient() as client:
            await client.get(f"{server.url}/v1/models")
    reasons = [(line["route"], line["client"], line["reason"]) for line in fields(caplog)]
    assert reasons == [
        ("/v1/realtime", "127.0.0.1", "invalid_api_key"),
        ("/v1/realtime", "127.0.0.1", "overloaded"),
        ("/v1/models", "127.0.0.1", "invalid_api_key"),
    ]
    assert value("voxtral_refused_total", reason="invalid_api_key") == unknown + 2


async def test_a_wyoming_session_is_a_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serve() as server:
        async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
            await client.write_event(AudioStart(rate=24_000, width=2, channels=1).event())
            await client.write_event(AudioChunk(rate=24_000, width=2, channels=1, audio=SOUND).event())
        (line,) = await until_closed(caplog, 1)
    assert (line["dialect"], line["reason"]) == ("wyoming", "client")


def test_times_are_counted_from_what_they_depend_on() -> None:
    names = ("voxtral_first_text_seconds", "voxtral_final_text_seconds")
    before = [value(f"{name}_sum") for name in names]
    failed = value("voxtral_failed_turns_total", code="engine_error")
    lag = value("voxtral_lag_seconds_sum", stage="sent")
    record = SessionRecord()
    told: list[tuple[SessionEvent, float]] = [
        (TurnStarted(1, 0.0), 10.0),
        (TranscriptDelta(1, "a"), 10.5),
        (TranscriptDelta(1, "b"), 11.5),
        (TurnEnded(1, 0.0, 1.0, "silence"), 12.0),
        (TranscriptFinal(1, "ab", (), 0.0, 1.0), 12.25),
        (TurnStarted(2, 2.0), 13.0),
        (TranscriptFailed(2, "engine_error", "it stopped"), 14.0),
        (TurnStarted(3, 2.0), 15.0),
        (TurnEnded(3, 2.0, 3.0, "cleared"), 16.0),
    ]
    for event, now in told:
        heard_at = now - 0.125 if isinstance(event, TranscriptDelta) else None
        record.told(event, heard_at=heard_at, now=now)
    assert [value(f"{name}_sum") - was for name, was in zip(names, before, strict=True)] == [0.5, 0.25]
    assert value("voxtral_lag_seconds_sum", stage="sent") - lag == pytest.approx(0.25)
    assert value("voxtral_failed_turns_total", code="engine_error") == failed + 1
    assert (record.turns, record.failed) == (3, 1)
    assert not record._open


@pytest.mark.parametrize(
    ("error", "reason"),
    [(TimeoutError(), "stalled"), (ConnectionResetError(), "client"), (RuntimeError(), "failed")],
)
def test_how_a_session_broke_is_told(error: Exception, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(type(error)), recorded("wyoming", "anonymous"):
        raise error
    assert fields(caplog)[-1]["reason"] == reason
