"""Connections to the one database of this service: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from voxtral_service.errors import InvalidOption, StorageError

BUSY_SECONDS = 10.0
"""How long a writer waits for another to finish."""
_WRITES = "voxtral_writes"
_MIGRATION_LOCK = 0x766F7874
"""Any number, but the same in every process: the key of PostgreSQL's advisory lock."""


class Database:
    """Transactions on SQLite (WAL, one writer at a time) or PostgreSQL. Blocking; any thread may use it."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at an SQLAlchemy URL (`sqlite:///FILE`, `postgresql://USER@HOST/NAME`).

        A missing SQLite file is made, with its folder; nothing is connected to yet. Raises InvalidOption for a URL that
        is none, for another kind of database, and when the driver is not installed; StorageError when the folder cannot
        be made.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise InvalidOption("database_url is no database URL, such as postgresql://user@host/name") from error
        kind = parsed.get_backend_name()
        if kind == "sqlite":
            return cls(_sqlite(parsed))
        if kind not in ("postgresql", "postgres"):
            raise InvalidOption(f"database_url names {kind!r}; SQLite and PostgreSQL can be used", field="database_url")
        try:
            engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        except ImportError as error:
            raise InvalidOption(
                "PostgreSQL needs its driver; install it: pip install 'voxtral-service[postgres]'", field="database_url"
            ) from error
        return cls(engine)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads. Raises StorageError when the database cannot be used."""
        with _explained(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may write; on SQLite it keeps other writers out from its first moment.

        Raises StorageError when the database cannot be used.
        """
        with _explained(), self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def upgrade(self) -> tuple[str | None, str | None]:
        """Bring the tables to what this program knows; the revisions before and after.

        Processes that do so at once wait for each other. Raises InvalidOption when a newer program has made the tables,
        StorageError when the database cannot be used.
        """
        from alembic import command
        from alembic.config import Config
        from alembic.runtime.migration import MigrationContext
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            before = MigrationContext.configure(connection).get_current_revision()
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise InvalidOption(
                    f"the database is at revision {before}, which this version does not know; "
                    "install the newer version that made it"
                ) from error
            return before, MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.engine.dispose()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (DataError, IntegrityError, ProgrammingError):  # what the statement was, not what befell it
        raise
    except (DBAPIError, PoolTimeout) as error:
        cause = getattr(error, "orig", None) or error
        raise StorageError(f"the database cannot be used: {str(cause).strip().splitlines()[0]}") from error


def _sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise InvalidOption("database_url needs a file, such as sqlite:///jobs.db: a database in memory keeps nothing")
    folder = Path(url.database).absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the folder of the database, {folder}, cannot be made: {error.strerror}") from error
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # Python's driver would begin transactions late and by itself; `begin` below does it.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later would fail if another wrote in between.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
