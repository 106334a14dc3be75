"""Transactions and migrations on both kinds of database."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from voxtral_service.database import database as migrations
from voxtral_service.database.database import Database
from voxtral_service.database.tables import metadata
from voxtral_service.errors import InvalidOption, StorageError

NEWEST = "0002"
INDEXES = ("memory_index", "passage_index")


def test_the_migrations_make_the_tables_as_they_are_declared(database: Database) -> None:
    """But for full-text search, which is made by hand on each kind of database."""

    def declared(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or not str(name).startswith(INDEXES)

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": declared})
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before, after = database.upgrade()
    assert before == after == NEWEST


def test_going_back_and_forth(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    assert database.upgrade() == (None, NEWEST)


def test_processes_that_upgrade_at_once_wait_for_each_other(tmp_path: Path, database: Database) -> None:
    with database.write() as connection:
        for index in INDEXES:
            connection.execute(sa.text(f"DROP TABLE {index}"))
        metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE alembic_version"))
    url = database.engine.url.render_as_string(hide_password=False)
    others = [Database.open(url) for _ in range(3)]
    with ThreadPoolExecutor() as threads:
        moves = list(threads.map(Database.upgrade, others))
    for other in others:
        other.close()
    assert sorted(moves, key=str) == [(NEWEST, NEWEST), (NEWEST, NEWEST), (None, NEWEST)]


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InvalidOption, match=r"revision 9999.*newer version"):
        database.upgrade()


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(sa.text("CREATE TABLE half (id INTEGER)"))
            connection.execute(sa.text("INSERT INTO half VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as connection:
        assert "half" not in sa.inspect(connection).get_table_names()


def test_writers_that_read_first_wait_for_each_other(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE numbers (n INTEGER)"))
        connection.execute(sa.text("INSERT INTO numbers VALUES (0)"))
    together = threading.Barrier(4)

    def count() -> None:
        together.wait()
        for _ in range(10):
            with database.write() as connection:
                row = connection.execute(sa.text("SELECT n FROM numbers" + lock)).scalar_one()
                connection.execute(sa.text("UPDATE numbers SET n = :n"), {"n": row + 1})

    lock = "" if database.engine.dialect.name == "sqlite" else " FOR UPDATE"
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(count) for _ in range(4)]:
            done.result()
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT n FROM numbers")).scalar_one() == 40


def test_sqlite_keeps_a_log_ahead_and_minds_foreign_keys(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'new' / 'folder' / '100%.db'}")
    database.upgrade()
    with database.read() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1
    database.close()


@pytest.mark.parametrize("url", ["here", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(InvalidOption, match="database_url"):
        Database.open(url)


def test_a_folder_that_cannot_be_made_is_this_sides_fault() -> None:
    with pytest.raises(StorageError, match="cannot be made"):
        Database.open(f"sqlite:///{os.devnull}/jobs.db")


def test_a_server_that_is_not_there_is_this_sides_fault(tmp_path: Path) -> None:
    database = Database.open(f"postgresql://voxtral@/postgres?host={tmp_path}")
    with pytest.raises(StorageError, match="cannot be used"):
        database.upgrade()
    database.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no database, but long enough to be looked at as one: " + "x" * 4096)
    database = Database.open(f"sqlite:///{file}")
    with pytest.raises(StorageError, match="not a database"):
        database.upgrade()
    database.close()
