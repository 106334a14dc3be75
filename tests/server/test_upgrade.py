"""Requests to become a websocket, in the ways that clients really write them."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.conftest import Serve

HEADERS = "Host: localhost\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    "connection",
    [
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n",
        # LiveKit's Mistral plugin: its HTTP client's own header comes after that of the websocket.
        "Upgrade: websocket\r\nConnection: Upgrade\r\nconnection: keep-alive\r\n",
        "connection: keep-alive\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    ],
)
async def test_a_websocket_is_opened_however_connection_is_written(serve: Serve, connection: str) -> None:
    async with serve() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        path = "/v1/audio/transcriptions/realtime?model=m"
        writer.write(f"GET {path} HTTP/1.1\r\n{HEADERS}{connection}\r\n".encode())
        status = await reader.readline()
        writer.close()
    assert status == b"HTTP/1.1 101 Switching Protocols\r\n"
