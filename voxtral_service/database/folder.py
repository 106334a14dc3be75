"""Files that rows of the database stand for, one a row: recordings of jobs, documents of projects."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

UNSETTLED = 3600.0
"""Seconds for which a file may be there before its row is: it is written first."""


class FileFolder:
    """A folder that only its owner can read; servers that share a database share it too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._incoming = path / "incoming"

    def make(self) -> None:
        """Make the folder where it is missing."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(mode=0o700, exist_ok=True)

    def file(self, id: str) -> Path:
        """Where the file of a row lies; it is there as a whole or not at all."""
        return self.path / id

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A file to write to; gone afterwards, unless it was moved to its place."""
        file = self._incoming / secrets.token_hex(12)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def keep(self, incoming: Path, id: str) -> None:
        """Move a file that is there as a whole to its place."""
        incoming.replace(self.file(id))

    def remove(self, id: str) -> None:
        """Delete a file; harmless when it is gone."""
        self.file(id).unlink(missing_ok=True)

    def sweep(self, needed: Callable[[Collection[str]], set[str]], *, clock: Callable[[], float] = time.time) -> int:
        """Delete files whose rows do not need them, and remains of uploads that broke off; how many."""
        old = clock() - UNSETTLED
        files = [file for folder in (self.path, self._incoming) for file in folder.iterdir() if file.is_file()]
        settled = {file.name: file for file in files if file.stat().st_mtime < old}
        waste = settled.keys() - needed(settled.keys())
        for name in waste:
            settled[name].unlink(missing_ok=True)
        return len(waste)
