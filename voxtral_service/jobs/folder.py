"""The recordings of jobs that have not ended, one file a job."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

UNSETTLED = 3600.0
"""Seconds for which a file may be there before its job is: it is written first."""


class JobFolder:
    """A folder that only its owner can read; servers that share a database share it too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._incoming = path / "incoming"

    def make(self) -> None:
        """Make the folder where it is missing."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(mode=0o700, exist_ok=True)

    def recording(self, id: str) -> Path:
        """Where a job's recording lies; it is there as a whole or not at all."""
        return self.path / id

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A file to write a recording to; gone afterwards, unless it was moved to its place."""
        file = self._incoming / secrets.token_hex(12)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def keep(self, incoming: Path, id: str) -> None:
        """Move a recording that is there as a whole to its place."""
        incoming.replace(self.recording(id))

    def remove(self, id: str) -> None:
        """Delete a recording; harmless when it is gone."""
        self.recording(id).unlink(missing_ok=True)

    def sweep(
        self, unfinished: Callable[[Collection[str]], set[str]], *, clock: Callable[[], float] = time.time
    ) -> int:
        """Delete files of jobs that are not `unfinished`, and remains of uploads that broke off; how many."""
        old = clock() - UNSETTLED
        files = [file for folder in (self.path, self._incoming) for file in folder.iterdir() if file.is_file()]
        settled = {file.name: file for file in files if file.stat().st_mtime < old}
        waste = settled.keys() - unfinished(settled.keys())
        for name in waste:
            settled[name].unlink(missing_ok=True)
        return len(waste)
