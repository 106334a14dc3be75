"""What time and what day it is, anywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from voxtral_service.assistant.places import find_place
from voxtral_service.assistant.tools import BuiltIn, ToolFailed


class TimeArguments(BaseModel):
    """Where, and on which day."""

    place: str = Field("", max_length=100, description="A city, country or IANA time zone; empty for where we are.")
    days: int = Field(0, ge=-36500, le=36500, description="Days from today: 1 is tomorrow, -1 yesterday.")


def clock_tool(home: ZoneInfo, now: Callable[[], float]) -> BuiltIn[TimeArguments]:
    """`home` is where the person is; `now` tells the seconds since 1970."""

    async def tell(asked: TimeArguments) -> str:
        found = find_place(asked.place) if asked.place.strip() else ("", home)
        if found is None:
            raise ToolFailed(f"I know no time zone of {asked.place!r}; name a larger city near it")
        name, zone = found
        there = datetime.fromtimestamp(now(), UTC).astimezone(zone)
        day = f"{there + timedelta(days=asked.days):%A, %-d %B %Y}"
        where = f" in {name}" if name else ""
        if asked.days:
            return f"{asked.days:+d} days from today is {day}{where} ({zone.key})"
        return f"{there:%H:%M} on {day}{where} ({zone.key}, UTC{there:%z})"

    return BuiltIn("get_time", "The current time and date, in any place.", TimeArguments, tell)
