"""What the assistant remembers for a key: `/v1/memories`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.errors import InvalidOption
from voxtral_service.server import memory_views as views
from voxtral_service.server import openapi
from voxtral_service.server.http import Caller, admitted, state_of

routes = APIRouter(dependencies=[Depends(admitted)], tags=["memories"], responses=openapi.errors(_400="It cannot be."))
MISSING = openapi.errors(_404="There is no such memory of this key.")
OFF = openapi.errors(_409="Memory is switched off, or there are as many memories as may be.")


def knowledge_of(request: Request) -> Knowledge:
    """What the server knows; the routes are there only where it knows something."""
    knowledge = state_of(request).knowledge
    assert knowledge is not None
    return knowledge


Known = Annotated[Knowledge, Depends(knowledge_of)]
Question = Annotated[str | None, Query(max_length=1000)]


@routes.get("/v1/memories", responses=MISSING)
def list_memories(
    key: Caller,
    known: Known,
    q: Question = None,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> views.MemoryList:
    """The key's memories: with a question `q`, those that bear on it, the best first; else the newest first.

    The next page is behind the `last_id` of this one.
    """
    if q:
        found = known.memories.search(key.name, q, limit=limit, loose=True)
    else:
        found = known.memories.list(key.name, after=after, limit=limit + 1)
    page = [views.view(memory) for memory in found[:limit]]
    return views.MemoryList(
        data=page,
        first_id=page[0].id if page else None,
        last_id=page[-1].id if page else None,
        has_more=len(found) > limit,
    )


@routes.post("/v1/memories", status_code=201, responses=OFF)
def remember(key: Caller, known: Known, body: views.NewMemory) -> views.MemoryView:
    """Remember something; what is remembered already is left as it is."""
    with _explained():
        return views.view(known.memories.add(key.name, body.text, body.source))


@routes.delete("/v1/memories")
def wipe(key: Caller, known: Known) -> views.WipedMemories:
    """Forget everything."""
    return views.WipedMemories(deleted=known.memories.wipe(key.name))


@routes.get("/v1/memories/export")
def export(key: Caller, known: Known, response: Response) -> views.MemoryExport:
    """All that is remembered, as a file."""
    response.headers["Content-Disposition"] = 'attachment; filename="memories.json"'
    memories = [views.view(memory) for memory in known.memories.list(key.name, limit=None)]
    enabled = known.memories.enabled(key.name)
    return views.MemoryExport(exported_at=int(time.time()), enabled=enabled, memories=memories)


@routes.get("/v1/memories/settings")
def settings(key: Caller, known: Known) -> views.MemorySettings:
    """Whether anything is remembered."""
    return views.MemorySettings(enabled=known.memories.enabled(key.name))


@routes.put("/v1/memories/settings")
def change_settings(key: Caller, known: Known, body: views.MemorySettings) -> views.MemorySettings:
    """Switch memory on or off; switched off, what there is stays, and is neither added to nor used."""
    known.memories.enable(key.name, body.enabled)
    return body


@routes.get("/v1/memories/{id}", responses=MISSING)
def show(id: str, key: Caller, known: Known) -> views.MemoryView:
    """One memory."""
    return views.view(known.memories.get(id, key.name))


@routes.patch("/v1/memories/{id}", responses=MISSING)
def edit(id: str, key: Caller, known: Known, body: views.EditedMemory) -> views.MemoryView:
    """Put another sentence in its place."""
    with _explained():
        return views.view(known.memories.edit(id, key.name, body.text))


@routes.delete("/v1/memories/{id}", responses=MISSING)
def forget(id: str, key: Caller, known: Known) -> views.DeletedMemory:
    """Forget one."""
    return views.DeletedMemory(id=known.memories.remove(id, key.name).id)


def install(app: FastAPI) -> None:
    """Put the routes on an application whose state has knowledge."""
    app.include_router(routes)


@contextmanager
def _explained() -> Iterator[None]:
    """A text that is empty but for white space passes the form of requests."""
    try:
        yield
    except ValueError as error:
        raise InvalidOption(str(error), field="text") from error
