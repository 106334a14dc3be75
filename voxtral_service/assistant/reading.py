"""Reading documents in a process of their own that cannot take more time and memory than it is given."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from voxtral_service.errors import UnreadableDocument

logger = logging.getLogger(__name__)

SECONDS = 180.0
"""How long reading one document may take."""
MEMORY = 2**30
"""Bytes that it may take."""
KINDS = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "md",
    ".markdown": "md",
    ".txt": "txt",
    ".text": "txt",
}
# A document's reader needs none of the server's secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "HOME", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What was read: how many pages and passages; `paged` if the format has pages. `lines` tells them."""

    pages: int
    passages: int
    paged: bool
    _output: Path

    def lines(self) -> Iterator[dict[str, Any]]:
        """Pages and then passages, as `document_text` writes them."""
        with self._output.open(encoding="utf-8") as file:
            for line in file:
                told = json.loads(line)
                if "text" in told:
                    yield told


def kind_of(name: str, head: bytes) -> str:
    """What a file is, by its name and first bytes; raises UnreadableDocument for what cannot be read."""
    kind = KINDS.get(PurePath(name).suffix.lower())
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04") and kind != "docx":
        kind = None
    if kind is None:
        raise UnreadableDocument(
            f"{name[:80]!r} is no document that can be read; PDF, Word (.docx), HTML, Markdown and text can",
            field="file",
        )
    return kind


class Reader:
    """Reads documents, a few at once; the others wait."""

    def __init__(self, *, at_once: int = 2, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._seconds, self._memory = seconds, memory

    @asynccontextmanager
    async def read(self, path: Path, kind: str, output: Path) -> AsyncGenerator[ReadDocument]:
        """What a document holds, for as long as the block lasts; it is written to `output` meanwhile.

        Raises UnreadableDocument that says why.
        """
        async with self._places:
            await self._run(path, kind, output)
        yield await asyncio.to_thread(_end, output)

    async def _run(self, path: Path, kind: str, output: Path) -> None:
        program = (sys.executable, "-P", "-m", "voxtral_service.assistant.document_text")
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with output.open("wb") as file, tempfile.TemporaryFile() as complaints:
            process = await asyncio.create_subprocess_exec(
                *program,
                kind,
                str(path),
                str(self._memory),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=complaints,
                env={**environment, "PYTHONIOENCODING": "utf-8"},
            )
            try:
                async with asyncio.timeout(self._seconds):
                    status = await process.wait()
            except TimeoutError as error:
                raise UnreadableDocument(
                    f"the document could not be read in {self._seconds:g} seconds; send it in parts", field="file"
                ) from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if status:
                complaints.seek(max(complaints.tell() - 500, 0))
                logger.warning(
                    "reading a document failed (%d): %s", status, complaints.read().decode("utf-8", "replace")
                )
                raise UnreadableDocument(
                    "the document cannot be read: it is damaged, or takes more time or memory than is given to one",
                    field="file",
                )


def _end(output: Path) -> ReadDocument:
    """The last line tells whether all is there."""
    with output.open("rb") as file:
        file.seek(max(output.stat().st_size - 4096, 0))
        told = json.loads(file.read().splitlines()[-1])
    if "unreadable" in told:
        raise UnreadableDocument(told["unreadable"], field="file")
    return ReadDocument(told["pages"], told["passages"], told["paged"], output)
