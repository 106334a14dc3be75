"""What the assistant knows of the people it talks with: all that the routes and conversations of a server speak to."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voxtral_service.assistant import documents as documents_
from voxtral_service.assistant import memories as memories_
from voxtral_service.assistant import projects as projects_
from voxtral_service.assistant.documents import Document, Documents, NewDocument
from voxtral_service.assistant.keeper import Keeper
from voxtral_service.assistant.kept_conversations import KeptConversations
from voxtral_service.assistant.memories import Memories
from voxtral_service.assistant.own_context import OwnContext
from voxtral_service.assistant.projects import Project, Projects
from voxtral_service.assistant.reading import ReadDocument, Reader, kind_of
from voxtral_service.assistant.tools import Callee
from voxtral_service.assistant.tools_documents import document_tools
from voxtral_service.assistant.tools_memories import memory_tools
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.errors import StorageError

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class KnowledgeLimits:
    """How much one owner may keep; documents are counted per project and have at most `document_bytes`."""

    memories: int = memories_.MOST
    projects: int = projects_.MOST
    documents: int = documents_.MOST
    document_bytes: int = 100 * 2**20


class Knowledge:
    """Memories, projects, documents and kept conversations of one server; forgets in time what is not to be kept.

    An owner is the name of an API key. `memories`, `projects`, `documents` and `conversations` block for a moment. What
    is deleted here and not there takes files along.
    """

    def __init__(
        self,
        database: Database,
        folder: FileFolder,
        *,
        limits: KnowledgeLimits | None = None,
        reader: Reader | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits or KnowledgeLimits()
        self.folder = folder
        self.memories = Memories(database, most=self.limits.memories, clock=clock)
        self.projects = Projects(database, most=self.limits.projects, clock=clock)
        self.documents = Documents(database, most=self.limits.documents, clock=clock)
        self.conversations = KeptConversations(database, clock=clock)
        self._database, self._clock = database, clock
        self._reader = reader or Reader()
        self._sweeper: asyncio.Task[None] | None = None
        self._keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()

    def start(self) -> None:
        """Begin to forget in time, in the loop that runs now."""
        self.folder.make()
        self._sweeper = asyncio.create_task(self._sweep(), name="knowledge-sweep")

    async def stop(self) -> None:
        """Stop that, once conversations are written down; harmless if repeated."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        for keeper in tuple(self._keepers):
            await keeper.written()
        self._database.close()

    # -- for a conversation

    def tools(
        self, owner: str, project: str | None = None, *, said: Callable[[], str] = lambda: ""
    ) -> tuple[Callee, ...]:
        """The tools of a conversation with an owner, in one of his projects if it is named.

        `said` tells what the person has just said, which a memory keeps as its source.
        """
        return (*memory_tools(self.memories, owner, said), *document_tools(self.documents, owner, project))

    def context(self, owner: str, project: str | None = None) -> OwnContext:
        """What belongs before that conversation."""
        return OwnContext(self.memories, self.projects, self.documents, owner, project)

    def keeper(self, owner: str, project: str) -> Keeper:
        """Who writes that conversation down, in the running event loop."""
        made = Keeper(self.conversations, project, owner)
        self._keepers.add(made)
        return made

    # -- documents

    async def take_in(self, project: str, owner: str, name: str, file: Path) -> Document:
        """Read a file, keep it, and have it found from now on; `file` is moved from where `folder.incoming` had it.

        Raises ProjectNotFound, StoreFull, UnreadableDocument and StorageError.
        """
        await asyncio.to_thread(self.documents.check_room, project, owner)
        size, head = await asyncio.to_thread(_looked_at, file)
        kind = kind_of(name, head)
        id = "doc_" + secrets.token_hex(12)
        with self.folder.incoming() as output:
            async with self._reader.read(file, kind, output) as read:
                new = NewDocument(id, name, kind, size, read.pages, read.passages, read.paged)
                return await asyncio.to_thread(self._keep, project, owner, new, file, read)

    def _keep(self, project: str, owner: str, new: NewDocument, file: Path, read: ReadDocument) -> Document:
        kept = False
        try:
            self.folder.keep(file, new.id)
            document = self.documents.add(project, owner, new, read.lines())
            kept = True
        finally:
            if not kept:
                self.folder.remove(new.id)
        return document

    def remove_document(self, id: str, project: str, owner: str) -> Document:
        """Forget a document and its file; raises ProjectNotFound and DocumentNotFound."""
        document = self.documents.remove(id, project, owner)
        self.folder.remove(document.id)
        return document

    def remove_project(self, id: str, owner: str) -> Project:
        """Forget a project, all that is in it, and its files; raises ProjectNotFound."""
        project = self.projects.get(id, owner)
        for document in self.projects.remove(id, owner):
            self.folder.remove(document)
        return project

    def sweep(self) -> None:
        """Forget what projects keep no longer, and files that no document needs."""
        for document in self.projects.expire(unfinished=documents_.UNFINISHED_SECONDS):
            self.folder.remove(document)
        if removed := self.folder.sweep(self.projects.needed, clock=self._clock):
            logger.info("removed %d files of documents that are gone", removed)

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.sweep)
            except (StorageError, OSError) as error:
                logger.error("old documents cannot be removed: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)


def _looked_at(file: Path) -> tuple[int, bytes]:
    with file.open("rb") as opened:
        return file.stat().st_size, opened.read(1024)
