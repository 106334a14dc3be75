"""`voxtral db`: the database that jobs are kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from voxtral_service.cli.command import Command

if TYPE_CHECKING:
    from voxtral_service.config import Settings
    from voxtral_service.database.database import Database

app = typer.Typer(no_args_is_help=True, help="The database of jobs.")


def database(settings: Settings) -> Database:
    """The database that the settings name, by default SQLite in the data folder."""
    from voxtral_service.database.database import Database

    return Database.open(settings.database_url or f"sqlite:///{settings.data_dir.absolute() / 'voxtral.db'}")


@app.callback()
def group() -> None:
    """Make a group of a single command."""


@app.command("upgrade", cls=Command)
def upgrade() -> None:
    """Bring the tables to what this version knows; servers do so by themselves when they start.

    Do it before the first server of a new version where several share a database.
    """
    from voxtral_service import config

    opened = database(config.load())
    before, after = opened.upgrade()
    opened.close()
    print(f"at revision {after}" if before == after else f"from revision {before or 'none'} to {after}")
