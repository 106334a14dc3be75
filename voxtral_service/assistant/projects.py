"""Projects: named spaces with instructions, documents and conversations. All methods block.

What may be a lot is deleted piece by piece, for others who write wait meanwhile.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from voxtral_service.database.database import Database
from voxtral_service.database.tables import conversations, documents, projects
from voxtral_service.database.words import one_line, storable
from voxtral_service.errors import ProjectNotFound, StoreFull

MAX_NAME = 200
MAX_INSTRUCTIONS = 8000
"""Characters."""
MOST = 100
"""Projects of one owner."""
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Project:
    """A space of one owner; documents and conversations older than `retention_days` go, None for never."""

    id: str
    name: str
    instructions: str
    retention_days: float | None
    created_at: float


class Projects:
    """All projects of all owners; what an owner asks for is looked for among his own."""

    def __init__(self, database: Database, *, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._database, self._most, self._clock = database, most, clock

    def create(self, owner: str, name: str, *, instructions: str = "", retention_days: float | None = None) -> Project:
        """A new project; raises StoreFull, and ValueError for a name without any character."""
        values = {
            "id": "proj_" + secrets.token_hex(12),
            "owner": owner,
            "name": _name(name),
            "instructions": storable(instructions).strip(),
            "retention_days": retention_days,
            "created_at": self._clock(),
        }
        with self._database.write() as connection:
            mine = sa.select(sa.func.count()).select_from(projects).where(projects.c.owner == owner)
            if (count := connection.execute(mine).scalar_one()) >= self._most:
                raise StoreFull(f"there are {count} projects of yours, as many as may be; delete one first")
            return _project(connection.execute(projects.insert().values(values).returning(projects)).one())

    def get(self, id: str, owner: str) -> Project:
        """An owner's project; raises ProjectNotFound."""
        with self._database.read() as connection:
            return _project(project_row(connection, id, owner))

    def list(self, owner: str) -> Sequence[Project]:
        """All projects of an owner, newest first."""
        newest = projects.c.created_at.desc(), projects.c.id.desc()
        with self._database.read() as connection:
            found = connection.execute(sa.select(projects).where(projects.c.owner == owner).order_by(*newest))
            return [_project(row) for row in found]

    def edit(self, id: str, owner: str, **changes: str | float | None) -> Project:
        """Change `name`, `instructions` or `retention_days`; raises ProjectNotFound, and ValueError like `create`."""
        if isinstance(name := changes.get("name"), str):
            changes["name"] = _name(name)
        if isinstance(instructions := changes.get("instructions"), str):
            changes["instructions"] = storable(instructions).strip()
        with self._database.write() as connection:
            row = project_row(connection, id, owner)
            if not changes:
                return _project(row)
            changed = projects.update().where(projects.c.id == row.id).values(changes)
            return _project(connection.execute(changed.returning(projects)).one())

    def remove(self, id: str, owner: str) -> Iterator[str]:
        """Forget a project and all that is in it, document by document; their ids. Raises ProjectNotFound at once."""
        self.get(id, owner)
        return self._remove(id, owner)

    def _remove(self, id: str, owner: str) -> Iterator[str]:
        while True:
            with self._database.write() as connection:
                row = project_row(connection, id, owner)
                held = sa.select(documents.c.id).where(documents.c.project_id == row.id).limit(1)
                if (document := connection.execute(held).scalar()) is None:
                    connection.execute(projects.delete().where(projects.c.id == row.id))
                    return
                connection.execute(documents.delete().where(documents.c.id == document))
            yield document

    def expire(self, *, unfinished: float) -> Iterator[str]:
        """Forget documents and conversations that are older than their projects keep them; the documents' ids.

        And documents that somebody began to write `unfinished` seconds ago.
        """
        now = self._clock()
        with self._database.write() as connection:
            kept_for = sa.select(projects.c.id, projects.c.retention_days).where(projects.c.retention_days.is_not(None))
            limits = [(id, now - days * DAY) for id, days in connection.execute(kept_for)]
            for id, before in limits:
                silent = (conversations.c.project_id == id) & (conversations.c.changed_at < before)
                connection.execute(conversations.delete().where(silent))
        old = [(documents.c.project_id == id) & (documents.c.created_at < before) for id, before in limits]
        old.append((documents.c.pages == 0) & (documents.c.created_at < now - unfinished))
        with self._database.read() as connection:
            ids = [id for each in old for id in connection.execute(sa.select(documents.c.id).where(each)).scalars()]
        for id in ids:
            with self._database.write() as connection:
                connection.execute(documents.delete().where(documents.c.id == id))
            yield id

    def needed(self, ids: Collection[str]) -> set[str]:
        """Those of some ids that documents have."""
        with self._database.read() as connection:
            return set(connection.execute(sa.select(documents.c.id).where(documents.c.id.in_(ids))).scalars())


def project_row(connection: sa.Connection, id: str, owner: str) -> sa.Row[Any]:
    """An owner's project, in a transaction; raises ProjectNotFound."""
    query = sa.select(projects).where(projects.c.id == one_line(id), projects.c.owner == owner)
    if (row := connection.execute(query).first()) is None:
        raise ProjectNotFound(f"there is no project {id[:80]!r} of yours here; it may have been deleted", field="id")
    return row


def _name(name: str) -> str:
    if not (name := one_line(name)[:MAX_NAME]):
        raise ValueError("a project has a name")
    return name


def _project(row: sa.Row[Any]) -> Project:
    return Project(row.id, row.name, row.instructions, row.retention_days, row.created_at)
