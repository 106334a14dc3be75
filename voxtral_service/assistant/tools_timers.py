"""Timers and reminders that speak when they are due. They last as long as the conversation."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from voxtral_service.assistant.durations import parse_duration
from voxtral_service.assistant.number_words import ordinal, read_number
from voxtral_service.assistant.tools import BuiltIn, ToolFailed
from voxtral_service.errors import Overloaded

logger = logging.getLogger(__name__)

MAX_TIMERS = 16
LONGEST = 24 * 3600.0
"""Seconds."""
_IDLE = {"the", "my", "a", "an", "to", "for", "of", "about", "timer", "timers", "reminder", "reminders", "number"}
"""Words that do not tell one timer from another."""


class TimerArguments(BaseModel):
    """How long, and what for."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    duration: str = Field(max_length=100, description="From now: such as 90 seconds, 1 hour 30 minutes, half an hour.")
    reminder: str = Field("", max_length=200, description="What to remind of; empty for a plain timer.")


class CancelArguments(BaseModel):
    """Which."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    timer: str = Field(
        "", max_length=200, description="Its number, length or reminder; 'last' (also when empty) or 'all'."
    )


class NoArguments(BaseModel):
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class _Timer:
    due: float
    seconds: float
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
        seconds = parse_duration(asked.duration)
        if seconds is None or not 0 < seconds <= LONGEST:
            raise ToolFailed(f"{asked.duration!r} is no time from a second to {LONGEST / 3600:g} hours")
        self._last += 1
        number, reminder = self._last, asked.reminder.strip().rstrip(".")
        due = asyncio.get_running_loop().time() + seconds
        task = asyncio.create_task(self._ring(number, seconds, reminder))
        self._timers[number] = _Timer(due, seconds, reminder, task)
        return f"timer {number} is set for {duration(seconds)}"

    async def _ring(self, number: int, seconds: float, reminder: str) -> None:
        await asyncio.sleep(seconds)
        del self._timers[number]
        text = f"Reminder: {reminder}." if reminder else f"Your timer of {duration(seconds)} is up."
        try:
            await self._announce(text)
        except Overloaded as error:  # nobody has let it speak for so long that it has lost its meaning
            logger.warning("timer %d is not told: %s", number, error)

    async def _cancel(self, asked: CancelArguments) -> str:
        if not self._timers:
            raise ToolFailed("no timers are set")
        numbers = self._meant(asked.timer)
        if not numbers:
            raise ToolFailed(f"there is no timer {asked.timer!r}; {await self._list(NoArguments())}")
        for number in numbers:
            self._timers.pop(number).task.cancel()
        if len(numbers) == 1:
            return f"timer {numbers[0]} is cancelled"
        return f"timers {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} are cancelled"

    def _meant(self, said: str) -> list[int]:
        """The timers that somebody means, by number, length or reminder."""
        words = [word for word in re.findall(r"[a-z0-9']+", said.lower()) if word not in _IDLE]
        if not words or words[0] in ("it", "that", "last", "latest"):
            return list(self._timers)[-1:]
        if words[0] in ("all", "every", "everything", "both"):
            return list(self._timers)
        timed = parse_duration(" ".join(words))
        if timed is not None and not words[-1].isdigit() and read_number(words) != (Fraction(timed), len(words)):
            return [number for number, timer in self._timers.items() if timer.seconds == timed][-1:]
        number = ordinal(words[0]) or (timed and int(timed))
        if number:
            return [number] if number in self._timers else []
        close = {number: _alike(words, timer.reminder) for number, timer in self._timers.items()}
        best = max(close, key=lambda number: close[number], default=0)
        return [best] if close.get(best, 0) >= 0.6 else []

    async def _list(self, _: NoArguments) -> str:
        now = asyncio.get_running_loop().time()
        set_ones = [
            f"{number}: {timer.reminder or 'timer'} in {duration(max(timer.due - now, 1))}"
            for number, timer in self._timers.items()
        ]
        return "; ".join(set_ones) or "no timers are set"


def _alike(words: list[str], reminder: str) -> float:
    """How much of what is said of a reminder is in it, 0 to 1; words may be misheard a little."""
    there = reminder.lower().split()
    return sum(bool(get_close_matches(word, there, 1, 0.75)) for word in words) / len(words)


def duration(seconds: float) -> str:
    """A length of time in words, to the second: "1 hour 5 minutes"."""
    left = max(round(seconds), 1)
    words = []
    for name, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " ".join(words)
