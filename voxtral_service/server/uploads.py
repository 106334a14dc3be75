"""Forms with a file, read as they come: small things in memory, the file on disk, all within limits.

A file is held in a temporary file without a name, which is gone when it is closed, and when the process dies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from voxtral_service.errors import CallerError, EngineError, TooLarge
from voxtral_service.wire.form import BadField

MAX_FIELDS = 1000
MAX_FIELD = 2**16
"""Bytes of one field; prompts are the longest."""
MAX_BESIDE = 2**20
"""Bytes of all fields, and of what holds the form together."""
PATIENCE = 60.0
"""Seconds for which nothing may come."""
SLOWEST = 4096
"""Bytes a second, from the end of `PATIENCE` on: a place is held by who uses it."""
MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file part: its bytes, and what the client calls it."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Upload:
    """A form: its fields in order, and the part named `file` if there is one."""

    fields: tuple[tuple[str, str], ...]
    file: UploadedFile | None


@asynccontextmanager
async def received(
    request: Request, *, max_bytes: int, what: str = "recording", clock: Callable[[], float] = time.monotonic
) -> AsyncGenerator[Upload]:
    """The form that a request holds; its file, which errors call `what`, is there inside the block.

    Raises TooLarge when the file has more than `max_bytes`, before it is read if the request says so; BadField and
    CallerError for what is no form, no whole form, or does not come; Starlette's ClientDisconnect when the client goes.
    """
    form = await _parsed(request, max_bytes, what, clock)
    try:
        yield _upload(form, what)
    finally:
        await form.close()


async def _parsed(request: Request, max_bytes: int, what: str, clock: Callable[[], float]) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes + MAX_BESIDE:
        raise _too_large(max_bytes, int(announced), what)
    stream = _limited(request, max_bytes, what, clock)
    parser: FormParser | _WholeFormParser
    if kind == MULTIPART:
        parser = _WholeFormParser(request.headers, stream, max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
    elif kind == URLENCODED:
        parser = FormParser(request.headers, stream, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
    else:
        raise BadField(f"the request must be a form of type {MULTIPART}, with the {what} in the part named file")
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise BadField(f"the form cannot be read: {error.message}") from error
    except OSError as error:
        raise EngineError(f"the upload cannot be stored: {error.strerror or error}") from error


class _WholeFormParser(MultiPartParser):
    """Knows whether the form came to its end, which Starlette's does not ask, and how much all fields hold."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._ended = False
        self._beside = 0

    def on_end(self) -> None:
        """The last boundary."""
        self._ended = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Some bytes of a field or a file."""
        if self._current_part.file is None:
            self._beside += end - start
            if self._beside > MAX_BESIDE:
                raise MultiPartException(f"its fields hold more than {MAX_BESIDE} bytes")
        super().on_part_data(data, start, end)

    async def parse(self) -> FormData:
        """The form; raises MultiPartException when it is cut short."""
        form = await super().parse()
        if not self._ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("it ends before its last boundary; send all of it")
        return form


async def _limited(request: Request, max_bytes: int, what: str, clock: Callable[[], float]) -> AsyncGenerator[bytes]:
    chunks: AsyncIterator[bytes] = request.stream()
    taken, began = 0, clock()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(chunks, None), PATIENCE)
        except TimeoutError as error:
            raise CallerError(f"the upload stopped: nothing came for {PATIENCE:g} seconds; send it again") from error
        if chunk is None:
            return
        taken += len(chunk)
        if taken > max_bytes + MAX_BESIDE:
            raise _too_large(max_bytes, taken, what)
        if (elapsed := clock() - began) > PATIENCE and taken < SLOWEST * elapsed:
            raise CallerError(f"the upload is too slow: {taken} bytes in {elapsed:.0f} seconds; send it again")
        yield chunk


def _too_large(limit: int, size: int, what: str) -> TooLarge:
    return TooLarge(
        f"Maximum content size limit ({limit}) exceeded ({size} bytes read); send a shorter or compressed {what}",
        field="file",
    )


def _upload(form: FormData, what: str) -> Upload:
    fields, file = [], None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "file":
                raise BadField(
                    f"there is a file in {name[:80]!r}; the {what} goes into the part named file", field="file"
                )
            file = UploadedFile(value.filename or f"the {what}", value.file)
        else:
            fields.append((name, value))
    return Upload(tuple(fields), file)
