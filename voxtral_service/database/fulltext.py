"""Full-text search over the rows of a table: FTS5 with BM25 on SQLite, tsvector and BM25's rarity on PostgreSQL.

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
        """Its own rank knows nothing of how rare a term is, so that comes first, weighed as by BM25.

        Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, section 3.1, with the 1 that keeps the
        weight of a term that most rows have above zero.
        """
        queries = {f"group{i}": " | ".join(f"'{term}'" for term in group) for i, group in enumerate(groups)}
        numbers = range(len(groups))
        has = ", ".join(f"(terms @@ CAST(:group{i} AS tsquery))::int AS has{i}" for i in numbers)
        rare = ", ".join(f"ln(1 + (rows - sum(has{i}) + 0.5) / (sum(has{i}) + 0.5)) AS rare{i}" for i in numbers)
        weight = " + ".join(f"has{i} * rare{i}" for i in numbers)
        statement = f"""
            WITH found AS MATERIALIZED (
                SELECT number, terms, {has} FROM {self._name}
                WHERE scope = ANY(:scopes) AND terms @@ CAST(:match AS tsquery)
            ), whole AS (SELECT count(*) AS rows FROM {self._name} WHERE scope = ANY(:scopes)),
            rarity AS (SELECT {rare} FROM found, whole GROUP BY rows)
            SELECT number FROM found, rarity
            ORDER BY {weight} DESC, ts_rank_cd(terms, CAST(:match AS tsquery), 1) DESC, number LIMIT :limit
        """
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
