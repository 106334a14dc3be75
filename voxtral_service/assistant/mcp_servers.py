"""Tool servers of the operator, shared by all, and of a session, which are nobody else's."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2

from voxtral_service.assistant.mcp_connection import McpConnection
from voxtral_service.assistant.mcp_http import http
from voxtral_service.assistant.mcp_meter import Meter
from voxtral_service.assistant.mcp_stdio import stdio
from voxtral_service.assistant.tools import RemoteTool, Tell
from voxtral_service.config import McpServer
from voxtral_service.errors import InvalidOption, VoxtralError
from voxtral_service.events import ToolServerFailed, ToolServerReady
from voxtral_service.hosts import AllowedHosts, PinnedTransport, system_authorities
from voxtral_service.tool_servers import LABEL, ToolServer

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

MAX_SERVERS = 8
"""That one session may name."""
MAX_TOOLS = 128
"""Of all servers together, that one model is told of."""
ATTEMPTS = 3
"""To connect again to what a session has named; an operator's servers are waited for as long as it takes."""
RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "accept-encoding"})
"""Headers that shape the connection itself."""
URL_FIELD = "server_url"


class SharedServers:
    """Those in the settings: started with the service, and kept up for as long as it runs. `hosts` is what sessions
    may name.
    """

    def __init__(self, servers: Iterable[McpServer], hosts: AllowedHosts) -> None:
        self.connections = tuple(map(connection_of, servers))
        self._hosts = hosts

    def start(self) -> None:
        """Begin to connect to all of them; who is not there yet is waited for in the background."""
        for connection in self.connections:
            connection.begin()

    async def settled(self, seconds: float) -> None:
        """Wait until each is there or has failed once, but not longer than `seconds`."""
        self.start()
        starting = [asyncio.create_task(connection.start()) for connection in self.connections]
        if starting:
            await asyncio.wait(starting, timeout=seconds)
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)

    def session(self) -> SessionServers:
        """For one conversation."""
        return SessionServers(self.connections, self._hosts)

    async def close(self) -> None:
        """Break off from all."""
        await asyncio.gather(*(connection.close() for connection in self.connections))


class SessionServers:
    """The `ToolServers` of one session: those that are shared, and its own.

    `hosts` is what a session may name; its connections, and what is sent to authorize them, are never shared. `tls`
    replaces the system's certificate authorities.
    """

    def __init__(
        self, shared: Sequence[McpConnection], hosts: AllowedHosts, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._shared, self._hosts, self._tls = tuple(shared), hosts, tls
        self._own: list[tuple[ToolServer, McpConnection]] = []
        self._turn = asyncio.Lock()
        self._closed = False

    def tools(self) -> tuple[RemoteTool, ...]:
        """See `ToolServers`; the first 128."""
        connections = (*self._shared, *(connection for _, connection in self._own))
        return tuple(tool for connection in connections for tool in connection.tools)[:MAX_TOOLS]

    async def use(self, servers: Sequence[ToolServer], tell: Tell) -> None:
        """See `UseToolServers`."""
        async with self._turn:
            dropped = [pair for pair in self._own if pair[0] not in servers]
            self._own = [pair for pair in self._own if pair[0] in servers]
            await asyncio.gather(*(connection.close() for _, connection in dropped))
            taken = [connection.label for connection in self._shared]
            async with asyncio.TaskGroup() as tasks:
                for number, server in enumerate(servers):
                    try:
                        self._check(number, server, taken)
                    except InvalidOption as error:
                        await tell(ToolServerFailed(server.label, error.code, str(error)))
                        continue
                    taken.append(server.label)
                    tasks.create_task(self._connect(server, tell))

    async def close(self) -> None:
        """See `ToolServers`."""
        self._closed = True
        own, self._own = self._own, []
        await asyncio.gather(*(connection.close() for _, connection in own))

    def _check(self, number: int, server: ToolServer, taken: Sequence[str]) -> None:
        if number >= MAX_SERVERS:
            raise InvalidOption(f"a session may name {MAX_SERVERS} tool servers", field="tools")
        if not re.fullmatch(LABEL, server.label):
            raise InvalidOption("a label has up to 40 letters, digits, - and _, a letter first", field="server_label")
        if server.label in taken:
            raise InvalidOption(f"there is a tool server {server.label} already", field="server_label")
        if reserved := RESERVED & {name.lower() for name in server.headers}:
            raise InvalidOption(f"the header {min(reserved)} cannot be set", field="headers")
        self._hosts.check(server.url, URL_FIELD)

    async def _connect(self, server: ToolServer, tell: Tell) -> None:
        pair = next((pair for pair in self._own if pair[0] == server), None)
        if pair is None:
            if self._closed:
                return
            opening = partial(_open_pinned, server, self._hosts, self._tls)
            pair = (
                server,
                McpConnection(
                    server.label, opening, allowed=server.allowed, approval=server.approval, attempts=ATTEMPTS
                ),
            )
            self._own.append(pair)
        try:
            await pair[1].start()
        except VoxtralError as error:
            self._own = [other for other in self._own if other is not pair]
            await pair[1].close()
            await tell(ToolServerFailed(server.label, error.code, str(error)))
        else:
            await tell(ToolServerReady(server.label, pair[1].offered))


def connection_of(server: McpServer, **how: Any) -> McpConnection:
    """A connection to a server in the settings, not begun yet; `how` as of McpConnection."""

    def open_streams(meter: Meter) -> AbstractAsyncContextManager[TransportStreams]:
        if server.command:
            env = {name: value.get_secret_value() for name, value in server.env.items()}
            return stdio(server.label, (server.command, *server.args), env, server.folder, meter)
        headers = {name: value.get_secret_value() for name, value in server.headers.items()}
        return http(server.url, headers, httpx2.AsyncHTTPTransport(), meter)

    return McpConnection(server.label, open_streams, allowed=server.allowed, approval=server.rule, **how)


@asynccontextmanager
async def _open_pinned(
    server: ToolServer, hosts: AllowedHosts, tls: ssl.SSLContext | None, meter: Meter
) -> AsyncGenerator[TransportStreams]:
    if server.url.lower().startswith("https:"):
        tls = tls or await system_authorities()
    transport = PinnedTransport(hosts, URL_FIELD, tls or False)
    async with http(server.url, server.headers, transport, meter) as streams:
        yield streams
