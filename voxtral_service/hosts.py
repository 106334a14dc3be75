"""Which addresses that callers name this server makes requests to, so that nobody makes it knock on doors for them.

A URL is used when its host and port are on a list that the operator wrote, and every address that the host's name
stands for is public or on the list itself. The connection then goes to one of the addresses that were looked at: the
name is not looked up a second time, when it could mean something else.

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
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import httpx2

from voxtral_service.errors import InvalidOption, UpstreamError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host's name, in the order to try them; raises OSError if there are none."""

LONGEST_URL = 2048
ADDRESSES_TRIED = 3
DEFAULT_PORTS = {"http": 80, "https": 443}
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


class AllowedHosts:
    """The operator's list; the empty one allows nothing. `instead` is what else a caller may do, for messages, such as
    "send the file itself, or ". Raises InvalidOption for an entry that is none.
    """

    def __init__(self, entries: Iterable[str], *, resolve: Resolve | None = None, instead: str = "") -> None:
        self._entries = tuple(map(_Entry.parse, entries))
        self._networks = tuple(entry.network for entry in self._entries if entry.network is not None)
        self._resolve = resolve or _system_resolve
        self._instead = instead

    def check(self, url: str, field: str) -> httpx2.URL:
        """The URL, which may be asked for as far as that can be told without a look at the network.

        Raises InvalidOption that names `field`.
        """
        if not self._entries:
            raise InvalidOption(
                f"this server asks no addresses for anything, so {field} cannot be used; {self._instead}list the host "
                "in the server's url_hosts setting",
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
                f"{self._instead}add it there",
                field=field,
            )
        return parsed

    async def addresses(self, url: httpx2.URL, field: str) -> list[Address]:
        """What the host's name stands for; all must be harmless, since nobody knows which a rebound name meant.

        Raises InvalidOption and UpstreamError that name `field`.
        """
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


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Connects to the addresses that `hosts` has looked at, one after the other, until one takes the connection.

    Its requests raise what `AllowedHosts` raises, naming `field`, besides httpx's own errors. `tls` replaces the
    system's certificate authorities.
    """

    def __init__(self, hosts: AllowedHosts, field: str, tls: ssl.SSLContext | bool) -> None:
        self._hosts, self._field = hosts, field
        # The environment's proxies would look names up themselves.
        self._inner = httpx2.AsyncHTTPTransport(verify=tls, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See httpx2; the request's Host is that of the URL."""
        url = self._hosts.check(str(request.url), self._field)
        addresses = (await self._hosts.addresses(url, self._field))[:ADDRESSES_TRIED]
        request.headers["Host"] = url.netloc.decode("ascii")
        for address in addresses:
            pinned = httpx2.Request(
                request.method,
                url.copy_with(host=str(address), fragment=None),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": _host(url)},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if address is addresses[-1]:
                    raise
        raise UpstreamError(f"the host of {self._field} has no address", field=self._field)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def system_authorities() -> ssl.SSLContext:
    """Whom the system trusts. Reading them takes a tenth of a second: once, and when first needed."""
    return await asyncio.to_thread(ssl.create_default_context)


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
