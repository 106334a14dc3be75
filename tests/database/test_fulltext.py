"""One contract for full-text search on both kinds of database."""

from __future__ import annotations

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voxtral_service.database.database import Database
from voxtral_service.database.fulltext import Entry, TextIndex
from voxtral_service.database.tables import memories
from voxtral_service.database.words import asked_terms, terms

INDEX = TextIndex("memory_index")
TEXTS = [
    "My dog is called Rex and likes bones",
    "The dentist is on Elm Street; the dentist's name is Miller",
    "I park my car in the garage on Elm Street",
    "Elm, elm, elm, elm: a tree",
    "日本の天気は晴れです",
]


def fill(database: Database, texts: list[str], scope: str = "me", first: int = 1) -> None:
    with database.write() as connection:
        for number, text in enumerate(texts, start=first):
            values = {"number": number, "id": f"m{number}", "owner": scope, "text": text, "source": ""}
            connection.execute(memories.insert().values(**values, created_at=0.0, changed_at=0.0))
        entries = [Entry(number, scope, " ".join(terms(text))) for number, text in enumerate(texts, start=first)]
        INDEX.put(connection, entries)


def found(database: Database, question: str, *scopes: str, limit: int = 10) -> list[int]:
    groups = [[term] for term in asked_terms(question)]
    with database.read() as connection:
        return INDEX.search(connection, scopes or ("me",), groups, limit=limit)


def test_the_best_come_first(database: Database) -> None:
    fill(database, TEXTS)
    assert found(database, "What is my dog called?") == [1]
    assert found(database, "the dentist in Elm Street")[0] == 2
    assert found(database, "parking the car on elm street")[0] == 3
    assert found(database, "天気") == [5]
    assert found(database, "a unicorn") == []
    assert found(database, "?!") == []
    assert len(found(database, "elm", limit=2)) == 2


def test_a_rare_word_counts_for_more_than_common_ones(database: Database) -> None:
    common = [f"a garden with a tree, number {number}" for number in range(12)]
    fill(database, [*common, "an orchid on the sill", *(f"nothing of the kind {number}" for number in range(7))])
    assert found(database, "the orchid, a tree and a garden", limit=2) == [13, 1]


def test_spellings_of_a_word_are_one_word(database: Database) -> None:
    fill(database, TEXTS)
    with database.read() as connection:
        assert INDEX.search(connection, ["me"], [["dogg", "dog"]], limit=5) == [1]
        assert INDEX.search(connection, ["me"], [[], ["rex"]], limit=5) == [1]
        assert INDEX.search(connection, [], [["rex"]], limit=5) == []


def test_scopes_part_what_is_found(database: Database) -> None:
    strange = 'you\' OR scope : "me" --\0\ud800'
    fill(database, TEXTS)
    with database.write() as connection:
        row = {"number": 9, "id": "m9", "owner": "you", "text": "", "source": "", "created_at": 0.0, "changed_at": 0.0}
        connection.execute(memories.insert().values(row))
        INDEX.put(connection, [Entry(9, strange, "dog rex elm me you")])
    assert found(database, "dog", strange) == [9]
    assert found(database, "dog") == [1]
    assert found(database, "dog", "nobody") == []
    assert found(database, "me") == []
    assert sorted(found(database, "dog", "me", strange)) == [1, 9]


def test_a_row_that_changes_or_goes_takes_its_entry_along(database: Database) -> None:
    fill(database, TEXTS)
    with database.write() as connection:
        INDEX.put(connection, [Entry(1, "me", "cat")])
        INDEX.put(connection, [])
    assert (found(database, "dog"), found(database, "cat")) == ([], [1])
    with database.write() as connection:
        connection.execute(memories.delete().where(memories.c.number == 1))
    assert found(database, "cat") == []
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM memory_index")).scalar_one() == len(TEXTS) - 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200), other=st.text(max_size=50))
def test_any_text_is_found_by_its_own_words(database: Database, text: str, other: str) -> None:
    with database.write() as connection:
        connection.execute(memories.delete())
    fill(database, [text.replace("\0", "").encode("utf-8", "replace").decode(), "something else"])
    words = terms(text)
    found(database, other)
    if words:
        assert 1 in found(database, text)
