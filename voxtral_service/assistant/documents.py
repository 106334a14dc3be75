"""Documents of projects and their passages, in the database. All methods block; all but `add` are one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from voxtral_service.assistant.projects import project_row
from voxtral_service.database.database import Database
from voxtral_service.database.fulltext import Entry, TextIndex
from voxtral_service.database.spelling import spelled
from voxtral_service.database.tables import document_pages, document_terms, documents, passages, projects
from voxtral_service.database.words import one_line
from voxtral_service.errors import DocumentNotFound, ProjectNotFound, StoreFull

MOST = 500
"""Documents of one project."""
MAX_NAME = 200
"""Characters."""
_INDEX = TextIndex("passage_index")
_BATCH = 250
_UNFINISHED = 0
"""The pages of a document that is still being written, which nobody is shown."""
UNFINISHED_SECONDS = 3600.0
"""How long writing one may take; what is left of a server that died over it goes then."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file of a project as it was read; `paged` if its pages are the format's, else they are parts."""

    id: str
    project_id: str
    name: str
    kind: str
    bytes: int
    pages: int
    passages: int
    paged: bool
    created_at: float

    def place(self, page: int, last_page: int | None = None) -> str:
        """Where something stands, in words: "page 3", "parts 3-4"."""
        word = "page" if self.paged else "part"
        return f"{word} {page}" if last_page in (None, page) else f"{word}s {page}-{last_page}"


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that has some of the `terms` that were searched for."""

    document: Document
    page: int
    last_page: int
    text: str
    terms: frozenset[str]

    @property
    def source(self) -> str:
        """Document and place, in words."""
        return f"{self.document.name}, {self.document.place(self.page, self.last_page)}"


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What is known of a file when it has been read."""

    id: str
    name: str
    kind: str
    bytes: int
    pages: int
    passages: int
    paged: bool


class Documents:
    """All documents of all owners; what an owner asks for is looked for in his own projects."""

    def __init__(self, database: Database, *, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._database, self._most, self._clock = database, most, clock

    def check_room(self, project: str, owner: str) -> None:
        """Raises ProjectNotFound, and StoreFull when there are too many documents in it."""
        with self._database.read() as connection:
            self._check_room(connection, project, owner)

    def _check_room(self, connection: sa.Connection, project: str, owner: str) -> None:
        id = project_row(connection, project, owner).id
        held = sa.select(sa.func.count()).select_from(documents).where(documents.c.project_id == id)
        if (count := connection.execute(held).scalar_one()) >= self._most:
            raise StoreFull(f"there are {count} documents in this project, as many as may be; delete one first")

    def add(self, project: str, owner: str, new: NewDocument, lines: Iterable[dict[str, Any]]) -> Document:
        """Keep a document; `lines` are its pages and passages as `reading.ReadDocument` tells them.

        A long one takes seconds, so it is written in pieces, for others who write wait; it is seen when all of it is
        there. Raises ProjectNotFound and StoreFull.
        """
        with self._database.write() as connection:
            self._check_room(connection, project, owner)
            values = {
                "id": new.id,
                "project_id": one_line(project),
                "name": one_line(new.name)[:MAX_NAME] or "document",
                "kind": new.kind,
                "bytes": new.bytes,
                "pages": _UNFINISHED,
                "passages": new.passages,
                "paged": new.paged,
                "created_at": self._clock(),
            }
            connection.execute(documents.insert().values(values))
        try:
            return self._fill(new, lines)
        except BaseException:
            with self._database.write() as connection:
                connection.execute(documents.delete().where(documents.c.id == new.id))
            raise

    def _fill(self, new: NewDocument, lines: Iterable[dict[str, Any]]) -> Document:
        words: set[str] = set()
        for batch in _batches(lines):
            pages = [line for line in batch if "terms" not in line]
            found = [line for line in batch if "terms" in line]
            words.update(term for line in found for term in line["terms"].split())
            with self._database.write() as connection:
                row = _unfinished(connection, new.id)
                if pages:
                    fields = [{"document_id": new.id, "page": line["page"], "text": line["text"]} for line in pages]
                    connection.execute(document_pages.insert(), fields)
                if found:
                    _add_passages(connection, row, found)
        with self._database.write() as connection:
            _unfinished(connection, new.id)
            if words:
                connection.execute(document_terms.insert(), [{"document_id": new.id, "term": term} for term in words])
            finished = documents.update().where(documents.c.id == new.id).values(pages=new.pages)
            return _document(connection.execute(finished.returning(documents)).one())

    def get(self, id: str, project: str, owner: str) -> Document:
        """A document; raises ProjectNotFound and DocumentNotFound."""
        with self._database.read() as connection:
            return _document(_row(connection, id, project, owner))

    def list(self, project: str, owner: str) -> Sequence[Document]:
        """The documents of a project, newest first; raises ProjectNotFound."""
        with self._database.read() as connection:
            project_row(connection, project, owner)
            return _of(connection, owner, project)

    def all(self, owner: str, project: str | None = None) -> Sequence[Document]:
        """The documents of an owner, or of one of his projects, newest first."""
        with self._database.read() as connection:
            return _of(connection, owner, project)

    def page(self, id: str, project: str, owner: str, page: int) -> str:
        """The text of a page, from 1; raises ProjectNotFound and DocumentNotFound."""
        with self._database.read() as connection:
            row = _row(connection, id, project, owner)
            query = sa.select(document_pages.c.text).where(
                document_pages.c.document_id == row.id, document_pages.c.page == page
            )
            text = connection.execute(query).scalar()
        if text is None:
            raise DocumentNotFound(f"there is no {_document(row).place(page)} in it, it has {row.pages}", field="page")
        return str(text)

    def search(
        self, owner: str, question: str, *, project: str | None = None, limit: int = 5, loose: bool = False
    ) -> Sequence[Found]:
        """Passages that have words of a question, the best first, of all projects of an owner or one of them.

        `loose` is as in `spelling.spelled`.
        """
        with self._database.read() as connection:
            theirs = {document.id: document for document in _of(connection, owner, project)}
            if not theirs:
                return []
            held = _terms_of(owner, project)

            def known(terms: Collection[str]) -> set[str]:
                return set(connection.execute(held.where(document_terms.c.term.in_(terms))).scalars().all())

            def vocabulary() -> Sequence[str]:
                return connection.execute(held).scalars().all()

            groups = spelled(question, known, vocabulary, loose=loose)
            scopes = {document.project_id for document in theirs.values()}
            numbers = _INDEX.search(connection, scopes, groups, limit=limit)
            rows = connection.execute(sa.select(passages).where(passages.c.number.in_(numbers)))
            found = {row.number: row for row in rows if row.document_id in theirs}
            terms = frozenset(term for group in groups for term in group)
            return [_found(found[number], theirs, terms) for number in numbers if number in found]

    def remove(self, id: str, project: str, owner: str) -> Document:
        """Forget a document, as it was at last; raises ProjectNotFound and DocumentNotFound."""
        with self._database.write() as connection:
            row = _row(connection, id, project, owner)
            connection.execute(documents.delete().where(documents.c.id == row.id))
            return _document(row)


def _of(connection: sa.Connection, owner: str, project: str | None) -> list[Document]:
    newest = documents.c.created_at.desc(), documents.c.id.desc()
    query = sa.select(documents).where(_theirs(owner, project), documents.c.pages != _UNFINISHED).order_by(*newest)
    return [_document(row) for row in connection.execute(query)]


def _batches(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], ...]]:
    rest = iter(lines)
    while batch := tuple(islice(rest, _BATCH)):
        yield batch


def _unfinished(connection: sa.Connection, id: str) -> sa.Row[Any]:
    """A document that is being written, held against being deleted for now; raises ProjectNotFound when it was."""
    query = sa.select(documents).where(documents.c.id == id).with_for_update(read=True, key_share=True)
    if (row := connection.execute(query).first()) is None:
        raise ProjectNotFound("the project was deleted while the document was read", field="id")
    return row


def _add_passages(connection: sa.Connection, document: sa.Row[Any], found: Sequence[dict[str, Any]]) -> None:
    fields = [
        {"document_id": document.id, **{name: line[name] for name in ("place", "page", "last_page", "text")}}
        for line in found
    ]
    insert = passages.insert().returning(passages.c.number, sort_by_parameter_order=True)
    numbers = connection.execute(insert, fields).scalars()
    entries = [Entry(number, document.project_id, line["terms"]) for number, line in zip(numbers, found, strict=True)]
    _INDEX.put(connection, entries)


def _theirs(owner: str, project: str | None) -> sa.ColumnElement[bool]:
    """Documents of an owner, or of one of his projects."""
    mine = sa.select(projects.c.id).where(projects.c.owner == owner)
    if project is not None:
        mine = mine.where(projects.c.id == one_line(project))
    return documents.c.project_id.in_(mine)


def _terms_of(owner: str, project: str | None) -> sa.Select[str]:
    held = sa.select(documents.c.id).where(_theirs(owner, project))
    return sa.select(document_terms.c.term).where(document_terms.c.document_id.in_(held)).distinct()


def _row(connection: sa.Connection, id: str, project: str, owner: str) -> sa.Row[Any]:
    project_row(connection, project, owner)
    query = sa.select(documents).where(
        documents.c.id == one_line(id),
        documents.c.project_id == one_line(project),
        documents.c.pages != _UNFINISHED,
    )
    if (row := connection.execute(query).first()) is None:
        raise DocumentNotFound(f"there is no document {id[:80]!r} in this project", field="document")
    return row


def _document(row: sa.Row[Any]) -> Document:
    return Document(**{name: getattr(row, name) for name in Document.__slots__})


def _found(row: sa.Row[Any], documents: dict[str, Document], terms: frozenset[str]) -> Found:
    return Found(documents[row.document_id], row.page, row.last_page, row.text, terms)
