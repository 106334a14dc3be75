"""What people asked to be remembered, in the database. Every method is one transaction; all block."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from voxtral_service.database.database import Database
from voxtral_service.database.fulltext import Entry, TextIndex
from voxtral_service.database.spelling import spelled
from voxtral_service.database.tables import memories, memory_owners
from voxtral_service.database.words import one_line, terms
from voxtral_service.errors import MemoryNotFound, MemoryOff, StoreFull

MAX_TEXT = 500
MAX_SOURCE = 1000
"""Characters of a memory, and of what was said when it was made."""
MOST = 1000
"""Memories of one owner."""
_INDEX = TextIndex("memory_index")


@dataclass(frozen=True, slots=True)
class Memory:
    """A fact; `source` is what the person said when it was made, "" if it was written down. Times: seconds, UTC."""

    id: str
    text: str
    source: str
    created_at: float
    changed_at: float


class Memories:
    """All memories of all owners; what an owner asks for is looked for among his own.

    Nothing is remembered for an owner who has not switched it on. Switched off, what there is stays, to be read and
    deleted, but nothing is added, and answers know nothing of it.
    """

    def __init__(self, database: Database, *, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._database, self._most, self._clock = database, most, clock

    def enabled(self, owner: str) -> bool:
        """Whether an owner has switched memory on."""
        with self._database.read() as connection:
            return _enabled(connection, owner)

    def enable(self, owner: str, enabled: bool) -> None:
        """Switch memory on or off."""
        values = {"owner": owner, "enabled": enabled, "changed_at": self._clock()}
        with self._database.write() as connection:
            changed = memory_owners.update().where(memory_owners.c.owner == owner).values(values)
            if connection.execute(changed).rowcount:
                return
            try:
                with connection.begin_nested():
                    connection.execute(memory_owners.insert().values(values))
            except IntegrityError:  # another request of his was first, a moment ago
                connection.execute(changed)

    def add(self, owner: str, text: str, source: str = "") -> Memory:
        """Remember a fact; one that is remembered already stays as it is.

        White space is made even, and more than `MAX_SOURCE` characters of the source are cut off. Raises MemoryOff;
        StoreFull when there are too many; ValueError for a text that is empty or longer than `MAX_TEXT`.
        """
        text, now = _fact(text), self._clock()
        with self._database.write() as connection:
            if not _enabled(connection, owner):
                raise MemoryOff("memory is switched off; switch it on first: PUT /v1/memories/settings")
            mine = memories.c.owner == owner
            if same := connection.execute(sa.select(memories).where(mine, memories.c.text == text)).first():
                return _memory(same)
            count = connection.execute(sa.select(sa.func.count()).select_from(memories).where(mine)).scalar_one()
            if count >= self._most:
                raise StoreFull(f"{count} things are remembered, as many as may be; delete some first")
            values = {
                "id": "mem_" + secrets.token_hex(12),
                "owner": owner,
                "text": text,
                "source": one_line(source)[:MAX_SOURCE],
                "created_at": now,
                "changed_at": now,
            }
            row = connection.execute(memories.insert().values(values).returning(memories)).one()
            _index(connection, row)
            return _memory(row)

    def get(self, id: str, owner: str) -> Memory:
        """An owner's memory; raises MemoryNotFound."""
        with self._database.read() as connection:
            return _memory(_row(connection, id, owner))

    def list(self, owner: str, *, after: str | None = None, limit: int | None = 20) -> Sequence[Memory]:
        """An owner's memories, newest first, from behind the one with the id `after` (raises MemoryNotFound)."""
        place = memories.c.created_at, memories.c.id
        wanted = sa.select(memories).where(memories.c.owner == owner)
        with self._database.read() as connection:
            if after is not None:
                last = _row(connection, after, owner)
                wanted = wanted.where(sa.tuple_(*place) < sa.tuple_(sa.literal(last.created_at), sa.literal(after)))
            newest = wanted.order_by(*(column.desc() for column in place)).limit(limit)
            return [_memory(row) for row in connection.execute(newest)]

    def search(self, owner: str, question: str, *, limit: int = 5, loose: bool = False) -> Sequence[Memory]:
        """An owner's memories that have words of the question, the best first; `loose` as in `spelling.spelled`."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(memories).where(memories.c.owner == owner)).all()
            words = set(terms("\n".join(row.text for row in rows)))
            groups = spelled(question, words.intersection, lambda: words, loose=loose)
            found = {row.number: row for row in rows}
            numbers = _INDEX.search(connection, [owner], groups, limit=limit)
            return [_memory(found[number]) for number in numbers if number in found]

    def edit(self, id: str, owner: str, text: str) -> Memory:
        """Put another fact in place of one. Raises MemoryNotFound, and ValueError like `add`."""
        values = {"text": _fact(text), "changed_at": self._clock()}
        with self._database.write() as connection:
            number = _row(connection, id, owner).number
            changed = memories.update().where(memories.c.number == number).values(values)
            row = connection.execute(changed.returning(memories)).one()
            _index(connection, row)
            return _memory(row)

    def remove(self, id: str, owner: str) -> Memory:
        """Forget a memory, as it was at last; raises MemoryNotFound."""
        with self._database.write() as connection:
            row = _row(connection, id, owner)
            connection.execute(memories.delete().where(memories.c.number == row.number))
            return _memory(row)

    def wipe(self, owner: str) -> int:
        """Forget all that an owner had remembered; how many that were."""
        with self._database.write() as connection:
            return connection.execute(memories.delete().where(memories.c.owner == owner)).rowcount


def _fact(text: str) -> str:
    text = one_line(text)
    if not 0 < len(text) <= MAX_TEXT:
        raise ValueError(f"a memory has 1 to {MAX_TEXT} characters, not {len(text)}")
    return text


def _enabled(connection: sa.Connection, owner: str) -> bool:
    query = sa.select(memory_owners.c.enabled).where(memory_owners.c.owner == owner)
    return bool(connection.execute(query).scalar())


def _index(connection: sa.Connection, row: sa.Row[Any]) -> None:
    _INDEX.put(connection, [Entry(row.number, row.owner, " ".join(terms(row.text)))])


def _row(connection: sa.Connection, id: str, owner: str) -> sa.Row[Any]:
    query = sa.select(memories).where(memories.c.id == one_line(id), memories.c.owner == owner)
    if (row := connection.execute(query).first()) is None:
        raise MemoryNotFound(f"there is no memory {id[:80]!r} of yours here; it may have been deleted", field="id")
    return row


def _memory(row: sa.Row[Any]) -> Memory:
    return Memory(row.id, row.text, row.source, row.created_at, row.changed_at)
