"""A PostgreSQL server of one's own, where the programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from voxtral_service.database.database import Database

PROGRAMS = (*map(Path, ("/usr/local/bin", "/usr/local/pgsql/bin")), *sorted(Path("/usr/lib/postgresql").glob("*/bin")))


def _programs() -> Path:
    """The folder of initdb and pg_ctl; Debian keeps them off the path."""
    found = shutil.which("initdb", path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, PROGRAMS)]))
    if found is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    return Path(found).resolve().parent


def _user() -> str | None:
    """PostgreSQL refuses to run as root, so root lends the programs to somebody harmless."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in names), None)
    if name is None:
        pytest.skip("there is no user but root that PostgreSQL could run as")
    return name


@contextmanager
def cluster() -> Iterator[str]:
    """A new cluster that is gone afterwards; its URL. It listens on a Unix socket only."""
    programs, user = _programs(), _user()
    # A socket's path is at most 107 bytes long, which pytest's folders soon are; and they are closed to other users.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        data = folder / "data"

        def run(*command: str | Path) -> None:
            done = subprocess.run(
                command,
                cwd=folder,
                check=False,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                user=user,
                group=user and pwd.getpwnam(user).pw_gid,
                extra_groups=[] if user else None,
            )
            assert done.returncode == 0, done.stdout

        run(programs / "initdb", "-D", data, "-U", "voxtral", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=40"
        log = folder / "log"
        run(programs / "pg_ctl", "-D", data, "-w", "-s", "-l", log, "-o", options, "start")
        try:
            yield f"postgresql://voxtral@/postgres?host={folder}"
        finally:
            run(programs / "pg_ctl", "-D", data, "-w", "-s", "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with cluster() as url:
        yield url


@pytest.fixture(scope="session")
def new_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with empty tables, to be copied: migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("database") / "new.db"
    made = Database.open(f"sqlite:///{file}")
    made.upgrade()
    made.close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind, with its tables."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("new_sqlite"), tmp_path / "jobs.db")
        made = Database.open(f"sqlite:///{tmp_path / 'jobs.db'}")
    else:
        made = Database.open(request.getfixturevalue("postgres_url"))
        with made.write() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        made.upgrade()
    yield made
    made.close()
