"""One tool server that speaks MCP: connected, its tools listed, connected again when it breaks off.

The `mcp` package's client must be opened and closed by one task. That task belongs to the connection; calls come from
any other, and are left at once when they are cancelled, however long the server takes to notice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from voxtral_service.assistant.mcp_meter import Meter
from voxtral_service.assistant.mcp_results import Listed, listed, model_name, text_of
from voxtral_service.assistant.tools import RemoteTool, ToolFailed
from voxtral_service.chat import Tool
from voxtral_service.errors import CallerError, Overloaded, UpstreamError, VoxtralError
from voxtral_service.tool_servers import ApprovalRule, ToolFilter

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client._transport import TransportStreams
    from mcp_types import CallToolResult

logger = logging.getLogger(__name__)

Open = Callable[[Meter], AbstractAsyncContextManager["TransportStreams"]]
"""Opens a server's streams, whose bytes are to be measured."""
CONNECT_SECONDS = 15.0
"""For a connection and the list of tools; some servers are installed when they are first started."""
REFRESH_SECONDS = 5.0
"""Between two looks at the tools of a server that says they have changed."""
STEADY_SECONDS = 60.0
"""A connection that has lasted so long has not failed."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
WAIT_SECONDS = 3.0
"""That a call waits for a connection."""
MOST_CALLS = 16
LONGEST_MESSAGE = 300


class McpConnection:
    """See the module. `attempts` is how often in a row connecting may fail before it is given up; None: never."""

    def __init__(
        self,
        label: str,
        open_streams: Open,
        *,
        allowed: ToolFilter,
        approval: ApprovalRule,
        attempts: int | None = None,
        first_pause: float = FIRST_PAUSE,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self.label = label
        self.failure: VoxtralError | None = None
        """Why it is not connected; None while it is, or is about to be for the first time."""
        self._open, self._allowed, self._approval = open_streams, allowed, approval
        self._attempts, self._first_pause, self._connect_seconds = attempts, first_pause, connect_seconds
        self._offered: tuple[Listed, ...] = ()
        self._tools: tuple[RemoteTool, ...] = ()
        self._client: Client | None = None
        self._meter = Meter(label)
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._refresh = asyncio.Event()
        self._calls: set[asyncio.Task[str]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def tools(self) -> tuple[RemoteTool, ...]:
        """As they were last listed; those of a server that has broken off are still named."""
        return self._tools

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The same, by the server's own names."""
        return tuple(each.tool for each in self._offered)

    def begin(self) -> None:
        """Connect in the background. Harmless when begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"mcp {self.label}")

    async def start(self) -> None:
        """Connect; returns when that has worked. Raises the VoxtralError of the first time that it has not."""
        self.begin()
        while self._client is None:
            if self.failure is not None:
                raise self.failure
            await self._changed.wait()

    async def close(self) -> None:
        """Break off. Harmless when closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        for call in tuple(self._calls):
            call.cancel()

    async def call(self, name: str, arguments: str) -> str:
        """What a tool gives, by the server's own name for it.

        Raises ToolFailed for what the server says was wrong, UpstreamError for a server that is not there, breaks off
        or makes no sense, and Overloaded.
        """
        given = _arguments(arguments)
        if len(self._calls) >= MOST_CALLS:
            raise Overloaded(f"{MOST_CALLS} calls of {self.label} are under way", retry_after=1)
        call = asyncio.create_task(self._call(name, given))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            call.cancel()  # the server is told, which may take a while
            raise

    async def _call(self, name: str, arguments: dict[str, Any]) -> str:
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED, CallToolRequest, CallToolRequestParams, CallToolResult

        client = await self._connected()
        meter = self._meter
        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
        try:
            # `call_tool` would hold results against the server's schemas, whose patterns may take for ever to match.
            result: CallToolResult = await client.session.send_request(request, CallToolResult)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                if self._client is client:
                    self._client = None  # whoever calls next waits for another
                raise meter.failure or UpstreamError(f"the tool server {self.label} broke off in a call") from error
            raise ToolFailed(f"{name}: {error.message[:LONGEST_MESSAGE]}") from error
        except ValueError as error:
            raise UpstreamError(f"the tool server {self.label} sends what is no result") from error
        if result.is_error:
            raise ToolFailed(text_of(result)[:LONGEST_MESSAGE])
        return text_of(result)

    async def _connected(self) -> Client:
        self._wanted.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while self._client is None and self._task is not None and not self._task.done():
                    await self._changed.wait()
        if self._client is None:
            raise UpstreamError(
                f"the tool server {self.label} is not connected: {self.failure or 'it takes long to answer'}",
                trouble="unreachable",
            )
        return self._client

    # -- the task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._hold()
            except Exception as error:  # noqa: BLE001 - whatever a server does ends its own connection
                self.failure = self._reason(error)
            finally:
                self._client = None
            failures = 1 if loop.time() - began > STEADY_SECONDS else failures + 1
            logger.warning("the tool server %s is not connected: %s", self.label, self.failure)
            self._tell()
            if _final(self.failure) or failures == self._attempts:
                return
            self._wanted.clear()
            pause = min(self._first_pause * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
            await asyncio.sleep(min(pause, self._first_pause))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), max(pause - self._first_pause, 0.001))

    async def _hold(self) -> None:
        """Connect, list, and stay until it breaks off, which raises."""
        from mcp import Client
        from mcp_types import Implementation

        self._meter = Meter(self.label)
        async with AsyncExitStack() as opened:
            async with asyncio.timeout(self._connect_seconds):
                client = await opened.enter_async_context(
                    Client(
                        self._open(self._meter),
                        cache=None,
                        client_info=Implementation(name="voxtral-service", version="1"),
                        message_handler=self._notice,
                    )
                )
                self._offer(await listed(client, self.label, self._allowed))
            self._client, self.failure = client, None
            self._tell()
            while True:
                await self._refresh.wait()
                await asyncio.sleep(REFRESH_SECONDS)
                self._refresh.clear()
                async with asyncio.timeout(self._connect_seconds):
                    self._offer(await listed(client, self.label, self._allowed))

    async def _notice(self, message: object) -> None:
        from mcp_types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            self._refresh.set()

    def _offer(self, offered: tuple[Listed, ...]) -> None:
        self._offered = offered
        self._tools = tuple(self._remote(each) for each in offered)

    def _remote(self, each: Listed) -> RemoteTool:
        name = each.tool.name
        return RemoteTool(
            Tool(model_name(self.label, name), each.tool.description, each.tool.parameters),
            self.label,
            name,
            asks=self._approval.asks(name, read_only=each.read_only),
            changes=not each.read_only,
            run=partial(self.call, name),
        )

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _reason(self, error: Exception) -> VoxtralError:
        causes = list(_leaves(error))
        ours = next((cause for cause in causes if isinstance(cause, VoxtralError)), None)
        if ours is not None:
            return ours
        first = causes[0]
        told = " ".join(str(first).split())[:LONGEST_MESSAGE] or type(first).__name__
        if isinstance(first, TimeoutError):
            return UpstreamError(
                f"the tool server {self.label} did not answer within {self._connect_seconds:g} s", trouble="slow"
            )
        return UpstreamError(f"the tool server {self.label} cannot be used: {told}", trouble="unreachable")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _final(failure: VoxtralError | None) -> bool:
    """Whether trying again changes nothing."""
    return isinstance(failure, CallerError) or (isinstance(failure, UpstreamError) and failure.trouble == "refused")


def _arguments(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise ToolFailed(f"wrong arguments: {error}") from error
    if not isinstance(given, dict):
        raise ToolFailed("wrong arguments: they must be a JSON object")
    return given
