"""Spaces with instructions, documents and conversations: `/v1/projects`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import FileResponse

from voxtral_service.errors import DocumentNotFound, InvalidOption
from voxtral_service.server import openapi
from voxtral_service.server import project_views as views
from voxtral_service.server.http import Caller, admitted, state_of
from voxtral_service.server.memories import Known
from voxtral_service.server.uploads import received
from voxtral_service.wire.form import BadField

routes = APIRouter(dependencies=[Depends(admitted)], tags=["projects"], responses=openapi.errors(_400="It cannot be."))
MISSING = openapi.errors(_404="There is no such project of this key, or no such thing in it.")


@routes.get("/v1/projects")
def list_projects(key: Caller, known: Known) -> views.ProjectList:
    """The key's projects, newest first."""
    return views.ProjectList(data=[views.project(one) for one in known.projects.list(key.name)])


@routes.post("/v1/projects", status_code=201, responses=openapi.errors(_409="There are as many as may be."))
def create_project(key: Caller, known: Known, body: views.NewProject) -> views.ProjectView:
    """Make a project."""
    with _explained():
        made = known.projects.create(
            key.name, body.name, instructions=body.instructions, retention_days=body.retention_days
        )
    return views.project(made)


@routes.get("/v1/projects/{id}", responses=MISSING)
def show_project(id: str, key: Caller, known: Known) -> views.ProjectView:
    """One project."""
    return views.project(known.projects.get(id, key.name))


@routes.patch("/v1/projects/{id}", responses=MISSING)
def edit_project(id: str, key: Caller, known: Known, body: views.EditedProject) -> views.ProjectView:
    """Change its name, instructions or how long it keeps things."""
    with _explained():
        return views.project(known.projects.edit(id, key.name, **body.model_dump(exclude_unset=True)))


@routes.delete("/v1/projects/{id}", responses=MISSING)
def delete_project(id: str, key: Caller, known: Known) -> views.Deleted:
    """Delete a project with all documents and conversations in it."""
    return views.Deleted(id=known.remove_project(id, key.name).id, object="project")


@routes.get("/v1/projects/{id}/search", responses=MISSING)
def search(
    id: str,
    key: Caller,
    known: Known,
    q: Annotated[str, Query(min_length=1, max_length=1000)],
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> views.PassageList:
    """Passages of the project's documents that have words of a question, also where they are spelled otherwise."""
    project = known.projects.get(id, key.name)
    found = known.documents.search(key.name, q, project=project.id, limit=limit, loose=True)
    return views.PassageList(data=[views.passage(one) for one in found])


# -- documents


@routes.get("/v1/projects/{id}/documents", responses=MISSING)
def list_documents(id: str, key: Caller, known: Known) -> views.DocumentList:
    """The project's documents, newest first."""
    return views.DocumentList(data=[views.document(one) for one in known.documents.list(id, key.name)])


@routes.post("/v1/projects/{id}/documents", status_code=201, **views.UPLOAD)
async def upload(request: Request, id: str, key: Caller, known: Known) -> views.DocumentView:
    """Read a document and keep it; when this answers, its passages can be found."""
    await asyncio.to_thread(known.documents.check_room, id, key.name)
    with state_of(request).seats.file(key):
        async with received(request, max_bytes=known.limits.document_bytes, what="document") as form:
            if form.file is None:
                raise BadField("a form holds the document, in the part named file", field="file")
            with known.folder.incoming() as incoming:
                await asyncio.to_thread(_store, form.file.stream, incoming)
                return views.document(await known.take_in(id, key.name, form.file.name, incoming))


@routes.get("/v1/projects/{id}/documents/{document}", responses=MISSING)
def show_document(id: str, document: str, key: Caller, known: Known) -> views.DocumentView:
    """What is known of a document."""
    return views.document(known.documents.get(document, id, key.name))


@routes.get("/v1/projects/{id}/documents/{document}/pages/{page}", responses=MISSING)
def show_page(id: str, document: str, page: int, key: Caller, known: Known) -> views.PageView:
    """The text of a page, from 1."""
    if not 0 < page < 2**31:
        raise DocumentNotFound("pages are counted from 1", field="page")
    text = known.documents.page(document, id, key.name, page)
    return views.PageView(document_id=document, page=page, text=text)


@routes.get(
    "/v1/projects/{id}/documents/{document}/content",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {"schema": openapi.STRING}}}, **MISSING},
)
def content(id: str, document: str, key: Caller, known: Known) -> FileResponse:
    """The file as it was sent, to be saved: what is in it is never shown as a page of this server."""
    found = known.documents.get(document, id, key.name)
    file = known.folder.file(found.id)
    if not file.is_file():
        raise DocumentNotFound(f"the file of {found.id} is gone; its text is still there", field="document")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return FileResponse(file, media_type="application/octet-stream", filename=found.name, headers=headers)


@routes.delete("/v1/projects/{id}/documents/{document}", responses=MISSING)
def delete_document(id: str, document: str, key: Caller, known: Known) -> views.Deleted:
    """Delete a document and its passages."""
    return views.Deleted(id=known.remove_document(document, id, key.name).id, object="document")


# -- conversations


@routes.get("/v1/projects/{id}/conversations", responses=MISSING)
def list_conversations(
    id: str, key: Caller, known: Known, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> views.ConversationList:
    """The conversations that were held in a project, the latest first."""
    found = known.conversations.list(id, key.name, limit=limit)
    return views.ConversationList(data=[views.conversation(one) for one in found])


@routes.get("/v1/projects/{id}/conversations/{conversation}", responses=MISSING)
def show_conversation(id: str, conversation: str, key: Caller, known: Known) -> views.WholeConversation:
    """A conversation, turn by turn."""
    kept, turns = known.conversations.get(conversation, id, key.name)
    said = [views.turn(one) for one in turns]
    return views.WholeConversation(**views.conversation(kept).model_dump(), data=said)


@routes.delete("/v1/projects/{id}/conversations/{conversation}", responses=MISSING)
def delete_conversation(id: str, conversation: str, key: Caller, known: Known) -> views.Deleted:
    """Delete a conversation."""
    known.conversations.remove(conversation, id, key.name)
    return views.Deleted(id=conversation, object="conversation")


def install(app: FastAPI) -> None:
    """Put the routes on an application whose state has knowledge."""
    app.include_router(routes)


def _store(stream: BinaryIO, path: Path) -> None:
    stream.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file, 2**20)


@contextmanager
def _explained() -> Iterator[None]:
    """A name that is empty but for white space passes the form of requests."""
    try:
        yield
    except ValueError as error:
        raise InvalidOption(str(error), field="name") from error
