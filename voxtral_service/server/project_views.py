"""How projects, their documents and conversations look over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from voxtral_service.assistant import projects
from voxtral_service.assistant.documents import Document, Found
from voxtral_service.assistant.kept_conversations import KeptConversation, KeptTurn, Speaker
from voxtral_service.assistant.projects import Project
from voxtral_service.server import openapi

Name = Annotated[str, Field(min_length=1, max_length=projects.MAX_NAME)]
Instructions = Annotated[str, Field(max_length=projects.MAX_INSTRUCTIONS)]
Days = Annotated[float, Field(ge=1 / 24, le=36500)]


class NewProject(BaseModel):
    """A named space for documents and conversations."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Name
    instructions: Instructions = ""
    """What the assistant is told before a conversation in this project."""
    retention_days: Days | None = None
    """Documents and conversations older than that are deleted; null for never."""


class EditedProject(BaseModel):
    """What is to be different; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    instructions: Instructions = ""
    retention_days: Days | None = None


class ProjectView(BaseModel):
    """A project. Times are seconds since 1970."""

    id: str
    object: Literal["project"] = "project"
    name: str
    instructions: str
    retention_days: float | None
    created_at: int


class ProjectList(BaseModel):
    """All projects of a key, newest first."""

    object: Literal["list"] = "list"
    data: list[ProjectView]


class DocumentView(BaseModel):
    """A document as it was read. Where `paged` is false its format has no pages, and `pages` are parts of the text."""

    id: str
    object: Literal["document"] = "document"
    project_id: str
    name: str
    kind: str
    bytes: int
    pages: int
    passages: int
    paged: bool
    created_at: int


class DocumentList(BaseModel):
    """The documents of a project, newest first."""

    object: Literal["list"] = "list"
    data: list[DocumentView]


class PageView(BaseModel):
    """The text of a page."""

    object: Literal["document.page"] = "document.page"
    document_id: str
    page: int
    text: str


class PassageView(BaseModel):
    """A passage that has words of the question; `source` names document and page."""

    object: Literal["passage"] = "passage"
    document_id: str
    source: str
    page: int
    last_page: int
    text: str


class PassageList(BaseModel):
    """Passages, the best first."""

    object: Literal["list"] = "list"
    data: list[PassageView]


class ConversationView(BaseModel):
    """A conversation that was held in a project; `opening` is what was said first."""

    id: str
    object: Literal["conversation"] = "conversation"
    opening: str
    turns: int
    created_at: int
    changed_at: int


class ConversationList(BaseModel):
    """The conversations of a project, the latest first."""

    object: Literal["list"] = "list"
    data: list[ConversationView]


class TurnView(BaseModel):
    """What one side said; of an answer, what was heard."""

    role: Speaker
    text: str
    created_at: int


class WholeConversation(ConversationView):
    """A conversation with all that was said."""

    data: list[TurnView]


class Deleted(BaseModel):
    """Something that is no longer there."""

    id: str
    object: Literal["project", "document", "conversation"]
    deleted: Literal[True] = True


UPLOAD: dict[str, Any] = {
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": {
                                "type": "string",
                                "format": "binary",
                                "description": "PDF, Word (.docx), HTML, Markdown or text, told by its name.",
                            }
                        },
                    }
                }
            },
        }
    },
    "responses": openapi.errors(
        _400="The file cannot be read.",
        _404="There is no such project of this key.",
        _409="There are as many documents as may be.",
        _413="The file is too large.",
        _429="The key has all that it allows.",
        _503="No room now.",
    ),
}


def project(shown: Project) -> ProjectView:
    """A project as it is shown."""
    return ProjectView(
        id=shown.id,
        name=shown.name,
        instructions=shown.instructions,
        retention_days=shown.retention_days,
        created_at=round(shown.created_at),
    )


def document(shown: Document) -> DocumentView:
    """A document as it is shown."""
    return DocumentView(
        id=shown.id,
        project_id=shown.project_id,
        name=shown.name,
        kind=shown.kind,
        bytes=shown.bytes,
        pages=shown.pages,
        passages=shown.passages,
        paged=shown.paged,
        created_at=round(shown.created_at),
    )


def passage(found: Found) -> PassageView:
    """A passage as it is shown."""
    return PassageView(
        document_id=found.document.id,
        source=found.source,
        page=found.page,
        last_page=found.last_page,
        text=found.text,
    )


def conversation(shown: KeptConversation) -> ConversationView:
    """A conversation as it is shown in a list."""
    return ConversationView(
        id=shown.id,
        opening=shown.opening,
        turns=shown.turns,
        created_at=round(shown.created_at),
        changed_at=round(shown.changed_at),
    )


def turn(shown: KeptTurn) -> TurnView:
    """A turn as it is shown."""
    return TurnView(role=shown.role, text=shown.text, created_at=round(shown.created_at))
