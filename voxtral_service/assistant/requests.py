"""Answers that a caller has asked for and that have not begun, and those that go on beside the conversation."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from voxtral_service.assistant.answer import Answer
from voxtral_service.assistant.makings import Makings, Occasion
from voxtral_service.events import (
    AssistantEvent,
    CreateResponse,
    ResponseEnd,
    ResponseEnded,
    ResponseRefused,
    ResponseStarted,
)

logger = logging.getLogger(__name__)

MAX_HELD = 16
"""Those that wait until something has been understood, or another answer is over."""
MAX_APART = 8
"""Those beside the conversation, at once."""


class Requests:
    """Those of one conversation; `changed` is called when an answer beside it is over."""

    def __init__(
        self, makings: Makings, emit: Callable[[AssistantEvent], Awaitable[None]], changed: Callable[[], None]
    ) -> None:
        self._makings, self._emit, self._changed = makings, emit, changed
        self._held: deque[CreateResponse] = deque()
        self._apart: dict[int, tuple[Answer, asyncio.Task[None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._held or self._apart)

    async def hold(self, command: CreateResponse) -> None:
        """Note one; too many are refused."""
        if len(self._held) >= MAX_HELD or (command.apart and len(self._apart) >= MAX_APART):
            await self.refuse(command, "rate_limit_exceeded", "Too many responses were asked for at once")
        else:
            self._held.append(command)

    async def refuse(self, command: CreateResponse, code: str, message: str) -> None:
        """Say that one will not come."""
        await self._emit(ResponseRefused(command.tag, code, message))

    def next(self) -> CreateResponse | None:
        """The one in the conversation whose time has come."""
        command = next((held for held in self._held if not held.apart), None)
        if command is not None:
            self._held.remove(command)
        return command

    async def turn_down(self, reason: ResponseEnd) -> None:
        """Those in the conversation will not come: the person goes on, and the answer to that is one to this too."""
        while (command := self.next()) is not None:
            number = self._makings.next_number()
            await self._emit(ResponseStarted(number, None, command.tag))
            await self._emit(ResponseEnded(number, reason, 0.0))

    def begin_apart(self) -> None:
        """Answer those beside the conversation."""
        for command in [held for held in self._held if held.apart]:
            self._held.remove(command)
            answer = self._makings.answer(Occasion(command=command))
            answer.release()
            self._apart[answer.response] = answer, asyncio.create_task(self._run(answer))

    async def cancel(self, response: int | None) -> bool:
        """Stop one beside the conversation; whether there is one of this number."""
        if response not in self._apart:
            return False
        answer, task = self._apart.pop(response)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await answer.end("cancelled")
        self._changed()
        return True

    def close(self) -> None:
        """Stop all of them, untold."""
        self._held.clear()
        for _, task in self._apart.values():
            task.cancel()

    async def _run(self, answer: Answer) -> None:
        await run(answer)
        self._apart.pop(answer.response, None)
        self._changed()


async def run(answer: Answer) -> None:
    """Answer to the end, or to a defect, which is logged and costs this answer."""
    try:
        await answer.run()
    except* Exception as failed:
        for error in failed.exceptions:
            logger.error("response %d failed", answer.response, exc_info=error)
        await answer.end("failed")
