"""Requests to addresses that callers name, so that nobody makes this server knock on doors for them.

A URL is used when its host and port are on a list that the operator wrote, and every address that the host's name
stands for is public or on the list itself. The connection then goes to one of the addresses that were looked at: the
name is not looked up a second time, when it could mean something else. Redirects are checked like the first URL.

An entry of the list is a name (`media.example.org`), all names below one (`*.example.org`), any name (`*`), an address
(`192.0.2.7`, `::1`) or a network (`10.0.0.0/8`); with `:PORT` behind it (IPv6 addresses in brackets) it stands for that
port, else for 80 and 443. A name that stands for an address on a private network needs two entries, for the name and
for the address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote

import httpx2

from voxtral_service.errors import InvalidOption, UpstreamError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host's name, in the order to try them; raises OSError if there are none."""

LONGEST_URL = 2048
MAX_REDIRECTS = 3
ADDRESSES_TRIED = 3
DEFAULT_PORTS = {"http": 80, "https": 443}
TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
"""Seconds without a sign of life from the other side."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ENTRY = re.compile(r"(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d{1,5}))?")
_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\*")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    network: Network | None
    port: int | None

    @classmethod
    def parse(cls, text: str) -> _Entry:
        entry = text.strip().lower().rstrip(".")
        network = _network(entry)  # an IPv6 address without brackets is all colons and no port
        match = None if network else _ENTRY.fullmatch(entry)
        port = int(match["port"]) if match and match["port"] else None
        if match:
            entry = match["host"].strip("[]")
            network = _network(entry)
        if network is None and not _NAME.fullmatch(entry):
            raise InvalidOption(f"{text[:80]!r} is no host name, address or network, each with :PORT or without")
        return cls(entry, network, port)

    def covers(self, host: str, address: Address | None, port: int) -> bool:
        if port != self.port if self.port is not None else port not in DEFAULT_PORTS.values():
            return False
        if self.network is not None or address is not None:
            return self.network is not None and address is not None and address in self.network
        return self.name in ("*", host) or (self.name.startswith("*.") and host.endswith(self.name[1:]))


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
        self._entries = tuple(map(_Entry.parse, allowed))
        self._networks = tuple(entry.network for entry in self._entries if entry.network is not None)
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._resolve = resolve or _system_resolve
        self._tls = tls

    def check(self, url: str, *, field: str = "url") -> None:
        """Whether a URL may be asked for, as far as that can be told without a look at the network.

        Raises InvalidOption that names `field`.
        """
        self._allowed(url, field)

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

    def _allowed(self, url: str, field: str) -> httpx2.URL:
        if not self._entries:
            raise InvalidOption(
                f"this server asks no addresses for anything, so {field} cannot be used; send the file itself, "
                "or list the host in the server's url_hosts setting",
                field=field,
            )
        try:
            if len(url) > LONGEST_URL:
                raise ValueError(f"longer than {LONGEST_URL} characters")
            parsed = httpx2.URL(url)
            if parsed.scheme not in DEFAULT_PORTS or not parsed.host or parsed.userinfo:
                raise ValueError("an http or https URL without user name is needed")
            host = _host(parsed)
        except (ValueError, TypeError, httpx2.InvalidURL) as error:
            raise InvalidOption(f"{field} is no URL that can be used: {error}", field=field) from error
        if not any(entry.covers(host, _address(host), _port(parsed)) for entry in self._entries):
            raise InvalidOption(
                f"{host[:100]}, port {_port(parsed)}, is not on this server's list of hosts (setting url_hosts); "
                "send the file itself",
                field=field,
            )
        return parsed

    async def _addresses(self, url: httpx2.URL, field: str) -> list[Address]:
        """What the host's name stands for; all must be harmless, since nobody knows which a rebound name meant."""
        host = _host(url)
        try:
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in await self._resolve(host, _port(url))]
        except (OSError, UnicodeError) as error:
            raise UpstreamError(f"the host of {field}, {host[:100]}, has no address: {error}", field=field) from error
        for address in found:
            if not any(address in network for network in self._networks) and not _is_public(address):
                raise InvalidOption(
                    f"the host of {field}, {host[:100]}, stands for an address on a private network, which is not on "
                    "this server's list (setting url_hosts)",
                    field=field,
                )
        return found

    @asynccontextmanager
    async def _request(
        self, method: str, url: str, field: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        allowed = self._allowed(url, field)
        try:
            # The environment's proxies would look names up themselves.
            async with (
                asyncio.timeout(self._max_seconds),
                httpx2.AsyncClient(
                    trust_env=False, follow_redirects=False, timeout=TIMEOUT, verify=await self._verify(allowed.scheme)
                ) as client,
            ):
                response = await self._send(client, method, allowed, field, body, headers or {})
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

    async def _verify(self, scheme: str) -> ssl.SSLContext | bool:
        """Whom to trust. Reading the system's authorities takes a tenth of a second: once, and when first needed."""
        if scheme == "http":
            return False
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    async def _send(
        self,
        client: httpx2.AsyncClient,
        method: str,
        url: httpx2.URL,
        field: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> httpx2.Response:
        """Ask the addresses one after the other, by number, until one takes the connection."""
        addresses = (await self._addresses(url, field))[:ADDRESSES_TRIED]
        # Compressed answers would grow after they were measured.
        fixed = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity", "User-Agent": "voxtral-service"}
        for last, address in [(address is addresses[-1], address) for address in addresses]:
            request = client.build_request(
                method,
                url.copy_with(host=str(address), fragment=None),
                content=body,
                headers={**headers, **fixed},
                extensions={"sni_hostname": _host(url)},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if last:
                    raise
        raise UpstreamError(f"the host of {field} has no address", field=field)

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


def _host(url: httpx2.URL) -> str:
    return url.raw_host.decode("ascii").lower().rstrip(".").strip("[]")


def _port(url: httpx2.URL) -> int:
    return url.port or DEFAULT_PORTS[url.scheme]


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    """Whether an address can be reached by all the world, with any IPv4 address that it wraps."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def _system_resolve(host: str, port: int) -> list[str]:
    import socket

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in found]


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
