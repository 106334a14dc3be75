"""Writes a conversation down in its project while it is held, behind its back: nobody who talks waits for a disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from voxtral_service.assistant.kept_conversations import KeptConversations, Speaker
from voxtral_service.audio import Samples
from voxtral_service.chat import Message
from voxtral_service.errors import NotFound, StorageError

logger = logging.getLogger(__name__)

MAX_WAITING = 500
"""Turns that wait to be written; it is a slow disk that lets so many come together, and the oldest are not kept."""


class Keeper:
    """For one conversation in one event loop. It is made in the project when something is said."""

    def __init__(self, kept: KeptConversations, project: str, owner: str) -> None:
        self._kept, self._project, self._owner = kept, project, owner
        self._id: str | None = None
        self._waiting: dict[str, tuple[Speaker, str]] = {}
        self._known: set[str] = set()
        self._gone = False
        self._task: asyncio.Task[None] | None = None

    def put(self, key: str, messages: Sequence[Message[Samples]]) -> None:
        """What an entry of the conversation holds now; tools' work and sounds are not kept."""
        speaker: Speaker = "user" if any(message.role == "user" for message in messages) else "assistant"
        said = (part for message in messages if message.role == speaker for part in message.content)
        text = " ".join(part for part in said if isinstance(part, str))
        if self._gone or (not text and key not in self._known):
            return
        self._known.add(key)
        self._waiting[key] = speaker, text
        if len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name="keep-conversation")

    async def written(self) -> None:
        """Wait until all that was put is kept, or given up."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _write(self) -> None:
        while self._waiting:
            key = next(iter(self._waiting))
            speaker, text = self._waiting.pop(key)
            try:
                await asyncio.to_thread(self._put, key, speaker, text)
            except NotFound:  # somebody has deleted it, or its project
                self._gone = True
                self._waiting.clear()
            except StorageError as error:
                logger.error("a turn of a conversation is not kept: %s", error)

    def _put(self, key: str, speaker: Speaker, text: str) -> None:
        if self._id is None:
            self._id = self._kept.begin(self._project, self._owner)
        self._kept.put(self._id, self._project, self._owner, key, speaker, text)
