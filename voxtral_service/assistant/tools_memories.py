"""To remember, recall and forget for one person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from voxtral_service.assistant.memories import MAX_TEXT, Memories, Memory
from voxtral_service.assistant.tools import BuiltIn, ToolFailed
from voxtral_service.database.words import asked_terms, is_vague, terms

RECALLED = 5
"""Memories in one result."""
_OFF = "memory is switched off; the person can switch it on in the settings of their memories"


class RememberArguments(BaseModel):
    """What to keep."""

    fact: str = Field(min_length=1, max_length=MAX_TEXT, description="A whole sentence, such as: My dog is called Rex.")


class RecallArguments(BaseModel):
    """What to look for."""

    query: str = Field("", max_length=1000, description="What it is about; empty for the latest.")


class ForgetArguments(BaseModel):
    """What to delete."""

    query: str = Field(min_length=1, max_length=1000, description="What it is about.")


MemoryTools = tuple[BuiltIn[RememberArguments], BuiltIn[RecallArguments], BuiltIn[ForgetArguments]]


def memory_tools(memories: Memories, owner: str, said: Callable[[], str] = lambda: "") -> MemoryTools:
    """For one owner, whom no argument can change; `said` tells what the person has just said."""

    async def remember(asked: RememberArguments) -> str:
        try:
            memory = await asyncio.to_thread(memories.add, owner, asked.fact, said())
        except ValueError as error:
            raise ToolFailed(str(error)) from error
        return f"remembered: {memory.text}"

    async def recall(asked: RecallArguments) -> str:
        if not await asyncio.to_thread(memories.enabled, owner):
            raise ToolFailed(_OFF)
        if is_vague(asked.query):
            found = await asyncio.to_thread(memories.list, owner, limit=RECALLED)
            return _told(found) or "nothing is remembered yet"
        found = await _search(memories, owner, asked.query)
        return _told(found) or f"nothing is remembered about {asked.query}"

    async def forget(asked: ForgetArguments) -> str:
        if is_vague(asked.query):
            raise ToolFailed("say what it is about; all memories at once are deleted in their settings only")
        found = _meant(asked.query, await _search(memories, owner, asked.query))
        if not found:
            return f"nothing is remembered about {asked.query}"
        if len(found) > 1:
            raise ToolFailed(f"which of these? {_told(found)}")
        memory = await asyncio.to_thread(memories.remove, found[0].id, owner)
        return f"forgotten: {memory.text}"

    return (
        BuiltIn("remember", "Remembers a fact for later conversations.", RememberArguments, remember, changes=True),
        BuiltIn("recall", "What the person once asked to be remembered.", RecallArguments, recall),
        BuiltIn("forget", "Forgets a fact that was remembered.", ForgetArguments, forget, changes=True),
    )


async def _search(memories: Memories, owner: str, query: str) -> Sequence[Memory]:
    """What is found word for word, or else whatever is like it."""
    for loose in (False, True):
        if found := await asyncio.to_thread(memories.search, owner, query, limit=RECALLED, loose=loose):
            return found
    return ()


def _meant(query: str, found: Sequence[Memory]) -> list[Memory]:
    """Those that have most of the words."""
    asked = set(asked_terms(query))
    shared = [len(asked.intersection(terms(memory.text))) for memory in found]
    return [memory for memory, count in zip(found, shared, strict=True) if count == max(shared)]


def _told(found: Sequence[Memory]) -> str:
    return "; ".join(f"{memory.text.rstrip('.')} (told on {_day(memory.created_at)})" for memory in found)


def _day(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%d %B %Y}".lstrip("0")
