"""Full-text search over the rows of a table: FTS5 with BM25 on SQLite, tsvector with ts_rank_cd on PostgreSQL.

An index holds a number, a scope and the terms of each row. Whoever searches names the scopes, so that one person's
rows are never even looked at for another. Rows of the index go with the rows that they stand for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

MAX_POSITION = 16_383
"""PostgreSQL's last position in a text."""
MAX_PLACES = 255
"""PostgreSQL's most positions of one term."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row to find: its number, whose it is, and its terms as `words.terms` has them, with spaces between."""

    number: int
    scope: str
    terms: str


class TextIndex:
    """An index by its table's name; works in transactions of whoever has the rows."""

    def __init__(self, name: str) -> None:
        self._name = name

    def put(self, connection: sa.Connection, entries: Iterable[Entry]) -> None:
        """Add rows, in place of those with the same numbers."""
        postgres = connection.dialect.name == "postgresql"
        values = [
            {
                "number": entry.number,
                "scope": _scope(entry.scope),
                "terms": _vector(entry.terms) if postgres else entry.terms,
            }
            for entry in entries
        ]
        if not values:
            return
        key = "number" if postgres else "rowid"
        terms = "CAST(:terms AS tsvector)" if postgres else ":terms"
        connection.execute(sa.text(f"DELETE FROM {self._name} WHERE {key} = :number"), values)
        insert = f"INSERT INTO {self._name} ({key}, scope, terms) VALUES (:number, :scope, {terms})"
        connection.execute(sa.text(insert), values)

    def search(
        self, connection: sa.Connection, scopes: Collection[str], groups: Sequence[Collection[str]], *, limit: int
    ) -> list[int]:
        """Numbers of the rows in these scopes that have any of the terms, the best first.

        The terms of a group are spellings of one word.
        """
        words = [sorted(group) for group in groups if group]
        if not scopes or not words:
            return []
        search = self._postgres if connection.dialect.name == "postgresql" else self._sqlite
        statement, values = search([_scope(scope) for scope in scopes], words)
        found = connection.execute(sa.text(statement), {**values, "limit": limit})
        return list(found.scalars())

    def _sqlite(self, scopes: list[str], groups: list[list[str]]) -> tuple[str, dict[str, object]]:
        wanted = " OR ".join(_quoted(term) for group in groups for term in group)
        match = f"scope : ({' OR '.join(map(_quoted, scopes))}) AND terms : ({wanted})"
        rank = f"bm25({self._name}, 0.0, 1.0)"
        statement = (
            f"SELECT rowid FROM {self._name} WHERE {self._name} MATCH :match ORDER BY {rank}, rowid LIMIT :limit"
        )
        return statement, {"match": match}

    def _postgres(self, scopes: list[str], groups: list[list[str]]) -> tuple[str, dict[str, object]]:
        queries = {f"group{i}": " | ".join(f"'{term}'" for term in group) for i, group in enumerate(groups)}
        # Its rank knows nothing of how rare a term is, and would put many of one before one of each.
        each = " + ".join(f"(terms @@ CAST(:{name} AS tsquery))::int" for name in queries)
        statement = (
            f"SELECT number FROM {self._name} WHERE scope = ANY(:scopes) AND terms @@ CAST(:match AS tsquery) "
            f"ORDER BY {each} DESC, ts_rank_cd(terms, CAST(:match AS tsquery), 1) DESC, number LIMIT :limit"
        )
        return statement, {**queries, "match": " | ".join(queries.values()), "scopes": scopes}


def _quoted(term: str) -> str:
    return f'"{term}"'


def _scope(name: str) -> str:
    """A name as one term, whatever is in it."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _vector(terms: str) -> str:
    """Terms as PostgreSQL writes a tsvector: its own parser would part some of them further."""
    places: dict[str, list[int]] = {}
    for place, term in enumerate(terms.split(), start=1):
        places.setdefault(term, []).append(min(place, MAX_POSITION))
    return " ".join(f"'{term}':{','.join(map(str, found[:MAX_PLACES]))}" for term, found in places.items())
