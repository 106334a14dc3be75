"""Timers and reminders that speak when they are due. They last as long as the conversation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel, Field

from voxtral_service.assistant.tools import BuiltIn, ToolFailed
from voxtral_service.errors import Overloaded

logger = logging.getLogger(__name__)

MAX_TIMERS = 16
LONGEST = 24 * 3600.0
"""Seconds."""


class TimerArguments(BaseModel):
    """How long, and what for."""

    seconds: float = Field(gt=0, le=LONGEST, description="Seconds from now.")
    reminder: str = Field("", max_length=200, description="What to remind of; empty for a plain timer.")


class CancelArguments(BaseModel):
    """Which."""

    number: int = Field(description="The timer's number.")


class NoArguments(BaseModel):
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class _Timer:
    due: float
    reminder: str
    task: asyncio.Task[None]


class Timers:
    """The timers of one conversation; `announce` says a sentence."""

    def __init__(self, announce: Callable[[str], Awaitable[None]]) -> None:
        self._announce = announce
        self._timers: dict[int, _Timer] = {}
        self._last = 0

    def tools(self) -> tuple[BuiltIn[TimerArguments], BuiltIn[CancelArguments], BuiltIn[NoArguments]]:
        """To set, cancel and list them."""
        told = "Sets a timer, or a reminder that is spoken when it is due."
        return (
            BuiltIn("set_timer", told, TimerArguments, self._set, changes=True),
            BuiltIn("cancel_timer", "Cancels a timer or reminder.", CancelArguments, self._cancel, changes=True),
            BuiltIn("list_timers", "The timers and reminders that are set.", NoArguments, self._list),
        )

    def close(self) -> None:
        """Forget them all."""
        for timer in self._timers.values():
            timer.task.cancel()
        self._timers.clear()

    async def _set(self, asked: TimerArguments) -> str:
        if len(self._timers) >= MAX_TIMERS:
            raise ToolFailed(f"there are {MAX_TIMERS} timers already; cancel one first")
        self._last += 1
        number = self._last
        due = asyncio.get_running_loop().time() + asked.seconds
        task = asyncio.create_task(self._ring(number, asked))
        self._timers[number] = _Timer(due, asked.reminder.strip(), task)
        return f"timer {number} is set for {duration(asked.seconds)}"

    async def _ring(self, number: int, asked: TimerArguments) -> None:
        await asyncio.sleep(asked.seconds)
        del self._timers[number]
        reminder = asked.reminder.strip().rstrip(".")
        text = f"Reminder: {reminder}." if reminder else f"Your timer of {duration(asked.seconds)} is up."
        try:
            await self._announce(text)
        except Overloaded as error:  # nobody has let it speak for so long that it has lost its meaning
            logger.warning("timer %d is not told: %s", number, error)

    async def _cancel(self, asked: CancelArguments) -> str:
        timer = self._timers.pop(asked.number, None)
        if timer is None:
            raise ToolFailed(f"there is no timer {asked.number}; {await self._list(NoArguments())}")
        timer.task.cancel()
        return f"timer {asked.number} is cancelled"

    async def _list(self, _: NoArguments) -> str:
        now = asyncio.get_running_loop().time()
        set_ones = [
            f"{number}: {timer.reminder or 'timer'} in {duration(max(timer.due - now, 1))}"
            for number, timer in self._timers.items()
        ]
        return "; ".join(set_ones) or "no timers are set"


def duration(seconds: float) -> str:
    """A length of time in words, to the second: "1 hour 5 minutes"."""
    left = max(round(seconds), 1)
    words = []
    for name, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " ".join(words)
