"""Turning a websocket away: a plain HTTP answer, and nothing in the log that looks like a defect."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
import websockets
from websockets.http11 import Response

from tests.server.conftest import Running, Serve
from voxtral_service.server.keys import ApiKey, hashed

KEY = ApiKey("me", hashed("vx_1"))
BEARER = {"Authorization": "Bearer vx_1"}
PATHS = ("/v1/realtime", "/v1/audio/transcriptions/realtime")
UPGRADE = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextmanager
def nothing_logged() -> Iterator[None]:
    """No warnings and errors of the server's own inside the block."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[method-assign, assignment]
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio", "voxtral_service")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
    assert [record.getMessage() for record in records] == []


@asynccontextmanager
async def quiet(serve: Serve, **options: object) -> AsyncIterator[Running]:
    """A server that has said nothing by the time it has stopped."""
    with nothing_logged():
        async with serve(**options) as server:
            yield server


async def refusal(url: str, **headers: str) -> tuple[Response, str]:
    """The answer to a websocket that is turned away, and the code of its error."""
    with pytest.raises(websockets.InvalidStatus) as caught:
        await websockets.connect(url, additional_headers=headers)
    response = caught.value.response
    return response, json.loads(response.body or b"")["error"]["code"]


@pytest.mark.parametrize("path", PATHS)
async def test_strangers_are_turned_away_without_a_line_of_error(serve: Serve, path: str) -> None:
    async with quiet(serve, keys=(KEY,), strict_models=True) as server:
        url = server.ws + path
        response, code = await refusal(url)
        assert (response.status_code, code) == (401, "invalid_api_key")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        response, code = await refusal(url, Origin="https://elsewhere.example", **BEARER)
        assert (response.status_code, code) == (403, "forbidden_origin")
        response, code = await refusal(url + "?model=other", **BEARER)
        assert (response.status_code, code) == (404, "model_not_found")
        assert "Retry-After" not in response.headers


@pytest.mark.parametrize("path", PATHS)
async def test_a_full_server_says_when_to_come_back(serve: Serve, path: str) -> None:
    async with quiet(serve, places=1) as server, websockets.connect(server.ws + path):
        response, code = await refusal(server.ws + path)
        assert (response.status_code, code) == (503, "overloaded")
        assert response.headers["Retry-After"] == "5"
        assert response.headers.get_all("Content-Type") == ["application/json"]


async def test_a_caller_who_is_gone_before_the_answer_is_no_error(serve: Serve) -> None:
    async with quiet(serve, places=1, keys=(KEY,)) as server:
        for path in (*PATHS, "/nowhere"):
            for authorization in ("", "Authorization: Bearer vx_1\r\n"):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                request = UPGRADE.format(path).replace("\r\n\r\n", f"\r\n{authorization}\r\n")
                writer.write(request.encode())
                await writer.drain()
                writer.transport.abort()
        async with websockets.connect(server.ws + PATHS[0], additional_headers=BEARER):
            pass  # those before it have been dealt with, and its seat is free
