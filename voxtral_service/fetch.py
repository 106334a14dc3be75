"""Downloads from, and posts to, addresses that callers name, as far as `hosts` allows. Redirects are checked like the
first URL.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote

import httpx2

from voxtral_service.errors import InvalidOption, UpstreamError
from voxtral_service.hosts import AllowedHosts, PinnedTransport, Resolve, system_authorities

MAX_REDIRECTS = 3
TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
"""Seconds without a sign of life from the other side."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came from an address: how many bytes, and the file name that its path ends with (may be empty)."""

    size: int
    name: str


class Fetcher:
    """Downloads from, and posts to, the addresses that a list allows; the empty list allows none.

    `max_bytes` bounds a download, `max_seconds` all of a request. `tls` replaces the system's certificate authorities.
    Raises InvalidOption for an entry that is none.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        *,
        max_bytes: int,
        max_seconds: float = 300.0,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = AllowedHosts(allowed, resolve=resolve, instead="send the file itself, or ")
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._tls = tls

    def check(self, url: str, *, field: str = "url") -> None:
        """Whether a URL may be asked for, as far as that can be told without a look at the network.

        Raises InvalidOption that names `field`.
        """
        self._hosts.check(url, field)

    async def download(self, url: str, into: BinaryIO, *, field: str = "url") -> Fetched:
        """Write what lies at a URL to a file.

        Raises InvalidOption, which names `field`, when the URL may not be asked for, is refused there (status 4xx) or
        holds more than the limit; UpstreamError when the other side fails or takes too long.
        """
        for _ in range(MAX_REDIRECTS + 1):
            async with self._request("GET", url, field) as response:
                if response.has_redirect_location:
                    url = _redirected(response, url, field)
                    continue
                _check_status(response, field)
                return Fetched(await self._save(response, into, field), _file_name(url))
        raise InvalidOption(f"the address of {field} redirects more than {MAX_REDIRECTS} times", field=field)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, field: str = "url") -> int:
        """Send a body; the status of the answer, which is not read and not followed if it is a redirect.

        Raises InvalidOption and UpstreamError like `download`, but for no status.
        """
        async with self._request("POST", url, field, body, headers) as response:
            return response.status_code

    @asynccontextmanager
    async def _request(
        self, method: str, url: str, field: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        if self._hosts.check(url, field).scheme == "https" and self._tls is None:
            self._tls = await system_authorities()
        # Compressed answers would grow after they were measured.
        fixed = {"Accept-Encoding": "identity", "User-Agent": "voxtral-service"}
        try:
            async with (
                asyncio.timeout(self._max_seconds),
                httpx2.AsyncClient(
                    transport=PinnedTransport(self._hosts, field, self._tls or False),
                    follow_redirects=False,
                    timeout=TIMEOUT,
                ) as client,
            ):
                request = client.build_request(method, url, content=body, headers={**(headers or {}), **fixed})
                response = await client.send(request, stream=True)
                try:
                    yield response
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise UpstreamError(
                f"the host of {field} took longer than {self._max_seconds:g} seconds", field=field
            ) from error
        except httpx2.HTTPError as error:
            raise UpstreamError(f"the host of {field} failed: {error or type(error).__name__}", field=field) from error

    async def _save(self, response: httpx2.Response, into: BinaryIO, field: str) -> int:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise InvalidOption(f"what lies at the address of {field} is sent compressed; send the file", field=field)
        announced = response.headers.get("content-length", "0")
        size = 0
        self._check_size(int(announced) if announced.isdecimal() else 0, field)
        async for block in response.aiter_raw():
            size += len(block)
            self._check_size(size, field)
            await asyncio.to_thread(into.write, block)
        return size

    def _check_size(self, size: int, field: str) -> None:
        if size > self._max_bytes:
            raise InvalidOption(
                f"what lies at the address of {field} is larger than {self._max_bytes:,} bytes, the most allowed",
                field=field,
            )


def _redirected(response: httpx2.Response, url: str, field: str) -> str:
    try:
        there = httpx2.URL(url).join(response.headers["location"])
    except httpx2.InvalidURL as error:
        raise InvalidOption(f"the address of {field} redirects to what is no URL: {error}", field=field) from error
    if url.lower().startswith("https:") and there.scheme != "https":
        raise InvalidOption(f"the address of {field} redirects from https to {there.scheme or 'nowhere'}", field=field)
    return str(there)


def _check_status(response: httpx2.Response, field: str) -> None:
    status = response.status_code
    if status in (408, 429) or status >= 500:
        raise UpstreamError(f"the host of {field} answers {status}; try again later", field=field)
    if status != 200:
        raise InvalidOption(f"the host of {field} answers {status}; check the address", field=field)


def _file_name(url: str) -> str:
    return unquote(PurePosixPath(httpx2.URL(url).path).name)
