"""How memories look over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from voxtral_service.assistant.memories import MAX_SOURCE, MAX_TEXT, Memory

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class NewMemory(BaseModel):
    """Something to remember."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    text: Text
    """A whole sentence; white space is made even."""
    source: Annotated[str, Field(max_length=MAX_SOURCE)] = ""
    """What the person said, where it comes from a conversation."""


class EditedMemory(BaseModel):
    """What a memory is to be."""

    model_config = ConfigDict(extra="forbid")

    text: Text


class MemorySettings(BaseModel):
    """Whether anything is remembered; off until it is switched on."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool


class MemoryView(BaseModel):
    """A memory. Times are seconds since 1970."""

    id: str
    object: Literal["memory"] = "memory"
    text: str
    source: str
    created_at: int
    changed_at: int


class MemoryList(BaseModel):
    """Some memories: the best first where there was a question, else the newest."""

    object: Literal["list"] = "list"
    data: list[MemoryView]
    first_id: str | None
    last_id: str | None
    has_more: bool


class MemoryExport(BaseModel):
    """All that is remembered for a key, newest first."""

    object: Literal["memories.export"] = "memories.export"
    exported_at: int
    enabled: bool
    memories: list[MemoryView]


class DeletedMemory(BaseModel):
    """A memory that is no longer there."""

    id: str
    object: Literal["memory"] = "memory"
    deleted: Literal[True] = True


class WipedMemories(BaseModel):
    """How many memories are no longer there."""

    object: Literal["memories"] = "memories"
    deleted: int


def view(memory: Memory) -> MemoryView:
    """A memory as it is shown."""
    return MemoryView(
        id=memory.id,
        text=memory.text,
        source=memory.source,
        created_at=round(memory.created_at),
        changed_at=round(memory.changed_at),
    )
