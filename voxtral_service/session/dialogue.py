"""A session with somebody who answers: what is said goes to the responder, and both are heard in one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

from voxtral_service.events import (
    AssistantCommand,
    AssistantEvent,
    Command,
    Event,
    IdleTimeout,
    SessionEnded,
    SessionEvent,
)
from voxtral_service.session.session import Session

MAX_WAITING_EVENTS = 4
"""The session and the responder have queues of their own; what an interruption makes void must not wait here too."""


class Responder(Protocol):
    """Takes part in a conversation; see `assistant.responder`."""

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        ...

    async def hear(self, event: SessionEvent) -> None:
        """Take in what a session tells, every event in order."""
        ...

    async def send(self, command: AssistantCommand) -> None:
        """Carry out a command."""
        ...

    async def quiet(self) -> None:
        """Wait until all that was said has been answered."""
        ...

    async def close(self) -> None:
        """Stop everything; the events end."""
        ...

    def __aiter__(self) -> AsyncIterator[AssistantEvent]:
        """Events until `close`."""
        ...


class Dialogue:
    """A session that answers; without a responder it only listens.

    Commands to the responder take effect in the order in which they were sent among those to the session: an answer
    that is asked for behind a commit is one to what was committed. A listener hears of a turn before the answer to it.
    """

    def __init__(self, session: Session, responder: Responder | None = None) -> None:
        self._session, self._responder = session, responder
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def audio_seconds(self) -> float:
        """How much audio has been taken in."""
        return self._session.audio_seconds

    def arrival(self, position: float) -> float | None:
        """See `Session.arrival`."""
        return self._session.arrival(position)

    async def send(self, command: Command | AssistantCommand) -> None:
        """Carry out a command. Raises like `Session.send`."""
        await self._session.send(command)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events until SessionEnded, which comes when the last answer has been heard."""
        if self._responder is None:
            async for event in self._session:
                yield event
            return
        telling = self._spawn(self._tell(self._responder))
        self._spawn(self._hear(self._responder, telling))
        while True:
            told = await self._events.get()
            if isinstance(told, Exception):
                raise told
            yield told
            if isinstance(told, SessionEnded):
                return

    async def close(self) -> None:
        """Drop everything at once, as when the connection is lost. Harmless after the end."""
        self._session.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._responder is not None:
            await self._responder.close()

    async def _hear(self, responder: Responder, telling: asyncio.Task[None]) -> None:
        async for event in self._session.everything():
            if isinstance(event, AssistantCommand):
                await responder.send(event)
            elif isinstance(event, SessionEnded):
                await responder.quiet()
                await responder.close()
                await telling
                await self._events.put(event)
            elif not (isinstance(event, IdleTimeout) and responder.busy):
                await self._events.put(event)
                await responder.hear(event)

    async def _tell(self, responder: Responder) -> None:
        async for event in responder:
            await self._events.put(event)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        return task

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  raised again where events are read
            await self._events.put(error)
