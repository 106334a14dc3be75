"""A tool server over HTTP: the `mcp` package's transport over connections whose answers are measured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2

from voxtral_service.assistant.mcp_meter import Meter

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

TIMEOUT = httpx2.Timeout(60.0, connect=5.0)
"""Seconds without a sign of life; calls have limits of their own."""
GOODBYE = httpx2.Timeout(2.0)


@asynccontextmanager
async def http(
    url: str, headers: Mapping[str, str], transport: httpx2.AsyncBaseTransport, meter: Meter
) -> AsyncGenerator[TransportStreams]:
    """The streams of an endpoint. Raises what `transport` raises, and UpstreamError, in exception groups."""
    from mcp.client.streamable_http import streamable_http_client

    # Compressed answers would grow after they were measured.
    fixed = {**headers, "Accept-Encoding": "identity", "User-Agent": "voxtral-service"}
    async with (
        httpx2.AsyncClient(
            transport=_Measured(transport, meter), headers=fixed, timeout=TIMEOUT, follow_redirects=False
        ) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


class _Measured(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "DELETE":  # the end of a session; nobody waits for long until that is noticed
            request.extensions = {**request.extensions, "timeout": GOODBYE.as_dict()}
        response = await self._inner.handle_async_request(request)
        problem = ""
        if response.status_code in (401, 403):
            problem = f"answers {response.status_code}; check what it is sent as authorization"
        elif response.headers.get("content-encoding", "identity") != "identity":
            problem = "sends compressed answers though it was asked not to"
        if problem:
            await response.aclose()
            raise self._meter.broken(problem, "refused")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Counted(response.stream, self._meter)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._meter.take(len(part), messages=part.count(b"data:"))
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
