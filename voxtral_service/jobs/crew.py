"""Tasks that take work from the database, so many at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from voxtral_service.errors import StorageError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class Crew(Generic[Item]):
    """Up to `size` tasks, each with one item.

    `take` is asked for at most so many items, in a worker thread: when a task has finished, when somebody says `wake`,
    and every `poll` seconds, since other processes write to the same database. `work` settles what goes wrong with an
    item; what it raises is a defect and is logged. `name_of` tells items apart.
    """

    def __init__(
        self,
        size: int,
        take: Callable[[int], Sequence[Item]],
        work: Callable[[Item], Coroutine[Any, Any, None]],
        *,
        name_of: Callable[[Item], str],
        poll: float = 1.0,
    ) -> None:
        self._size = size
        self._take = take
        self._work = work
        self._name_of = name_of
        self._poll = poll
        self._woken = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._taker: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopping = False

    @property
    def busy(self) -> int:
        """Tasks at work."""
        return len(self._tasks)

    def start(self) -> None:
        """Begin; in the loop that runs now."""
        self._loop = asyncio.get_running_loop()
        self._taker = asyncio.create_task(self._run(), name="crew")
        self._taker.add_done_callback(_report)

    def wake(self) -> None:
        """There may be something to do; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)

    def drop(self, name: str) -> None:
        """Cancel the task of one item, if it is here; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, name)

    async def stop(self, grace: float = 0.0) -> None:
        """Take nothing more, let the tasks finish for so many seconds, then cancel them."""
        self.stopping = True
        if self._taker is not None:
            self.wake()
            await asyncio.wait([self._taker])
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace)
        rest = list(self._tasks.values())
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _cancel(self, name: str) -> None:
        if name in self._tasks:
            self._tasks[name].cancel()

    async def _run(self) -> None:
        while not self.stopping:
            self._woken.clear()
            try:
                if free := self._size - len(self._tasks):
                    for item in await asyncio.to_thread(self._take, free):
                        self._begin(item)
            except StorageError as error:
                logger.error("cannot look for work: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._poll)

    def _begin(self, item: Item) -> None:
        name = self._name_of(item)
        task = asyncio.create_task(self._work(item), name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        _report(task)
        self.wake()


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s: its task failed", task.get_name(), exc_info=error)
