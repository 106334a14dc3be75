"""What belongs before a conversation with one person: a project's instructions, memories that bear on the question."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from voxtral_service.assistant.context import question_of, told_before
from voxtral_service.assistant.documents import Documents
from voxtral_service.assistant.memories import Memories
from voxtral_service.assistant.projects import Projects
from voxtral_service.audio import Samples
from voxtral_service.chat import Message
from voxtral_service.errors import ProjectNotFound

TOKENS = 300
"""What memories may take of a model's context."""
CHARACTERS_PER_TOKEN = 4
"""Of English, roughly, in the usual vocabularies."""
MEMORIES = 8
NAMES = 20
LONGEST_NAME = 60
"""Characters: room for a name, and for nothing that a name could say instead."""
REMEMBERED = "What the person has asked to be remembered:"
DOCUMENTS = "Documents that search_documents finds passages in:"


class OwnContext:
    """A `ContextProvider` for one owner and, if it is named, one of his projects."""

    def __init__(
        self,
        memories: Memories,
        projects: Projects,
        documents: Documents,
        owner: str,
        project: str | None = None,
        *,
        tokens: int = TOKENS,
    ) -> None:
        self._memories, self._projects, self._documents = memories, projects, documents
        self._owner, self._project = owner, project
        self._room = tokens * CHARACTERS_PER_TOKEN

    async def prepare(self, messages: Sequence[Message[Samples]]) -> tuple[Message[Samples], ...]:
        """See `ContextProvider`."""
        text = await asyncio.to_thread(self._text, question_of(messages))
        return told_before(messages, text)

    def _text(self, question: str) -> str:
        parts = []
        if self._project is not None:
            try:
                parts.append(self._projects.get(self._project, self._owner).instructions)
            except ProjectNotFound:  # it was deleted while they talked
                return ""
            names = [
                document.name[:LONGEST_NAME] for document in self._documents.all(self._owner, self._project)[:NAMES]
            ]
            parts.append(_list(DOCUMENTS, names))
        if self._memories.enabled(self._owner):
            found = self._memories.search(self._owner, question, limit=MEMORIES)
            parts.append(_list(REMEMBERED, self._fitting(memory.text for memory in found)))
        return "\n\n".join(part for part in parts if part)

    def _fitting(self, texts: Iterable[str]) -> list[str]:
        """The first ones that there is room for."""
        kept, room = [], self._room
        for text in texts:
            room -= len(text) + 3
            if room >= 0:
                kept.append(text)
        return kept


def _list(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"- {line}" for line in lines)]) if lines else ""
