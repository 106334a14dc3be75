"""The port of tools, and running what a model calls: bounded in time and size, errors told to the model."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from voxtral_service.chat import Tool, ToolCall
from voxtral_service.errors import VoxtralError
from voxtral_service.events import ToolServerFailed, ToolServerReady
from voxtral_service.tool_servers import ToolServer

logger = logging.getLogger(__name__)

MAX_OUTPUT = 16_000
"""Characters of a result that a model is given."""


class ToolFailed(Exception):
    """A tool cannot do what it was asked; the message is for the model, which may ask otherwise or tell the person."""


class Callee(Protocol):
    """Something a model may call."""

    @property
    def tool(self) -> Tool:
        """What the model is told of it."""
        ...

    @property
    def changes(self) -> bool:
        """Whether a call leaves a trace; such are not called for a guess at what the person will have said."""
        ...

    async def call(self, arguments: str) -> str:
        """Do it. Raises ToolFailed and VoxtralError; a cancelled call leaves nothing running."""
        ...


Arguments = TypeVar("Arguments", bound=BaseModel)


@cache
def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """Made once: it takes a millisecond, and every conversation asks for those of all its tools."""
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    return schema


@dataclass(frozen=True)
class BuiltIn(Generic[Arguments]):
    """A function as a tool; its arguments' model is its JSON Schema."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Arguments], Awaitable[str]]
    changes: bool = False

    @property
    def tool(self) -> Tool:
        """See `Callee`."""
        return Tool(self.name, self.description, dict(_schema(self.arguments)))

    async def call(self, arguments: str) -> str:
        """See `Callee`."""
        try:
            given = self.arguments.model_validate_json(arguments or "{}")
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
            raise ToolFailed(f"wrong arguments: {told}") from error
        return await self.run(given)


@dataclass(frozen=True)
class RemoteTool:
    """A tool of another server, which calls it `name`; `asks` tells whether the caller must agree to each call."""

    tool: Tool
    server: str
    name: str
    asks: bool
    changes: bool
    run: Callable[[str], Awaitable[str]]

    async def call(self, arguments: str) -> str:
        """See `Callee`."""
        return await self.run(arguments)


Tell = Callable[[ToolServerReady | ToolServerFailed], Awaitable[None]]


class ToolServers(Protocol):
    """The servers whose tools one conversation may call."""

    def tools(self) -> Sequence[RemoteTool]:
        """Those that can be called now; it may change at any time. No two have one name."""
        ...

    async def use(self, servers: Sequence[ToolServer], tell: Tell) -> None:
        """See `UseToolServers`; returns when all has been told."""
        ...

    async def close(self) -> None:
        """Let go of what is this conversation's own. Harmless when closed."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model is told of a call."""

    output: str
    failed: bool = False


class Toolbox:
    """The tools of one conversation."""

    def __init__(
        self, tools: Iterable[Callee] = (), *, servers: ToolServers | None = None, timeout: float = 20.0
    ) -> None:
        """A call may take `timeout` seconds. Raises ValueError for two tools of one name."""
        self.servers = servers
        self._own: dict[str, Callee] = {}
        for callee in tools:
            if callee.tool.name in self._own:
                raise ValueError(f"there are two tools {callee.tool.name}")
            self._own[callee.tool.name] = callee
        self._timeout = timeout
        self._offered: Callable[[str], bool] = lambda name: True

    def without(self, names: Collection[str]) -> Toolbox:
        """The same without some tools."""
        return self._where(lambda name: name not in names)

    def only(self, names: Collection[str]) -> Toolbox:
        """Some of the tools, if they are there."""
        return self._where(lambda name: name in names)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What a model is told."""
        return tuple(callee.tool for callee in self._all().values())

    def __contains__(self, name: str) -> bool:
        return name in self._all()

    def changes(self, name: str) -> bool:
        """Whether a call leaves a trace."""
        callee = self._all().get(name)
        return callee is not None and callee.changes

    def remote(self, name: str) -> RemoteTool | None:
        """The tool if another server has it."""
        callee = self._all().get(name)
        return callee if isinstance(callee, RemoteTool) else None

    async def run(self, call: ToolCall) -> Outcome:
        """Call a tool; whatever becomes of it is an outcome."""
        tools = self._all()
        if call.name not in tools:
            return Outcome(_error(f"there is no tool {call.name}, only {', '.join(tools) or 'none'}"), failed=True)
        try:
            async with asyncio.timeout(self._timeout):
                output = await tools[call.name].call(call.arguments)
        except TimeoutError:
            return Outcome(_error(f"{call.name} took longer than {self._timeout:g} s and was given up"), failed=True)
        except (ToolFailed, VoxtralError) as error:
            return Outcome(_error(str(error)), failed=True)
        except Exception:  # a tool's bug costs this call, not the conversation
            logger.exception("the tool %s failed", call.name)
            return Outcome(_error(f"{call.name} failed"), failed=True)
        if len(output) > MAX_OUTPUT:
            output = output[:MAX_OUTPUT] + f"\n[cut off: {len(output) - MAX_OUTPUT} more characters]"
        return Outcome(output)

    def _all(self) -> Mapping[str, Callee]:
        """By name; a server cannot take the name of a tool that is here."""
        elsewhere = self.servers.tools() if self.servers is not None else ()
        every = {callee.tool.name: callee for callee in elsewhere} | self._own
        return {name: callee for name, callee in every.items() if self._offered(name)}

    def _where(self, offered: Callable[[str], bool]) -> Toolbox:
        before = self._offered
        other = Toolbox(self._own.values(), servers=self.servers, timeout=self._timeout)
        other._offered = lambda name: before(name) and offered(name)
        return other


def _error(message: str) -> str:
    return json.dumps({"error": message}, ensure_ascii=False)
