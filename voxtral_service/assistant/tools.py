"""The port of tools, and running what a model calls: bounded in time and size, errors told to the model."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from voxtral_service.chat import Tool, ToolCall
from voxtral_service.errors import VoxtralError

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
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        return Tool(self.name, self.description, schema)

    async def call(self, arguments: str) -> str:
        """See `Callee`."""
        try:
            given = self.arguments.model_validate_json(arguments or "{}")
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors())
            raise ToolFailed(f"wrong arguments: {told}") from error
        return await self.run(given)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model is told of a call."""

    output: str
    failed: bool = False


class Toolbox:
    """The tools of one conversation."""

    def __init__(self, tools: Iterable[Callee] = (), *, timeout: float = 20.0) -> None:
        """A call may take `timeout` seconds. Raises ValueError for two tools of one name."""
        self._tools: dict[str, Callee] = {}
        for callee in tools:
            if callee.tool.name in self._tools:
                raise ValueError(f"there are two tools {callee.tool.name}")
            self._tools[callee.tool.name] = callee
        self._timeout = timeout

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What a model is told."""
        return tuple(callee.tool for callee in self._tools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def changes(self, name: str) -> bool:
        """Whether a call leaves a trace."""
        return name in self._tools and self._tools[name].changes

    async def run(self, call: ToolCall) -> Outcome:
        """Call a tool; whatever becomes of it is an outcome."""
        if call.name not in self._tools:
            return Outcome(
                _error(f"there is no tool {call.name}, only {', '.join(self._tools) or 'none'}"), failed=True
            )
        try:
            async with asyncio.timeout(self._timeout):
                output = await self._tools[call.name].call(call.arguments)
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


def _error(message: str) -> str:
    return json.dumps({"error": message}, ensure_ascii=False)
