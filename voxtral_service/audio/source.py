"""Where the bytes of one input come from: a path, memory, or any object with `read`."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

from voxtral_service.errors import InvalidAudio

STREAM_HEAD = 2 * 1024  # what ffmpeg reads before its first guess: looking at this much delays a live stream by nothing
FILE_HEAD = 64 * 1024
SPOOL_IN_MEMORY = 4 * 1024 * 1024


class Readable(Protocol):
    """A binary stream. `read(n)` returns 1 to n bytes, or b"" at the end; it may block."""

    def read(self, size: int, /) -> bytes | None: ...


Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable


class ByteSource:
    """One input under one interface, made to be read by C code that knows nothing of Python's exceptions.

    Reading never raises: an exception of the underlying stream looks like the end of the input, is kept, and
    is raised by `check`. A seekable stream is read from its beginning. What `open` opened itself is closed on
    exit; a stream that was handed in is not.

    `label` names the input in messages, `head` is its first bytes (all of a shorter input), `size` its length
    in bytes if known.
    """

    def __init__(self, stream: Any, label: str) -> None:
        self.label = label
        self.failure: BaseException | None = None
        self._owned = ExitStack()
        self._ahead = b""  # read from the stream but not handed out yet
        self._ended = False
        self._attach(stream)
        self.size = self._measure()
        self.head = self._peek(FILE_HEAD if self.seekable() else STREAM_HEAD)
        self.check()
        if not self.head:
            raise InvalidAudio(f"{label}: there is nothing in it (0 bytes); send a recording")

    @classmethod
    def open(cls, source: Source, name: str | None = None) -> ByteSource:
        """Open `source`; `name` replaces the name used in messages.

        Raises `InvalidAudio` when there is nothing to read: no such file, a directory, no permission, no
        bytes.
        """
        if isinstance(source, bytes | bytearray | memoryview):
            return cls(io.BytesIO(source), name or "the uploaded bytes")
        if not isinstance(source, str | os.PathLike):
            return cls(source, name or _stream_name(source))
        label = name or repr(os.fspath(source))
        with ExitStack() as opened:
            try:
                file = opened.enter_context(Path(source).open("rb"))
            except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
                raise InvalidAudio(f"{label}: {_why_not_opened(error)}") from error
            opened_source = cls(file, label)
            opened_source._owned.enter_context(opened.pop_all())
            return opened_source

    def read(self, size: int) -> bytes:
        """At most `size` bytes, as soon as any are there; b"" at the end, and for ever after it."""
        data, self._ahead = (self._ahead or self._pull(size)), b""
        # Some streams return more than they were asked for, and the C side would write past its buffer.
        self._ahead = data[size:]
        return data[:size]

    def seekable(self) -> bool:
        """Whether `seek` works."""
        return self._seekable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As for files; -1 when it failed."""
        self._ahead, self._ended = b"", False
        try:
            return int(self._stream.seek(offset, whence))
        except Exception as error:  # noqa: BLE001  crosses C code; `check` raises it
            self.failure = self.failure or error
            return -1

    def tell(self) -> int:
        """The position, as for files."""
        return int(self._stream.tell())

    def check(self) -> None:
        """Raise what went wrong while reading, if anything did."""
        if self.failure is not None:
            raise self.failure

    def spool(self, limit: int) -> None:
        """Copy the rest of the stream to a temporary file (in memory while small), which makes it seekable.

        Raises `InvalidAudio` when it is longer than `limit` bytes.
        """
        file = self._owned.enter_context(tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY))  # noqa: SIM115
        while data := self.read(256 * 1024):
            if file.tell() + len(data) > limit:
                raise InvalidAudio(
                    f"{self.label}: its index comes last, behind the {limit} bytes that may be stored; "
                    "send WAV, FLAC, MP3 or OGG, or put the index in front (ffmpeg -movflags +faststart)"
                )
            file.write(data)
        self.check()
        self._attach(file)
        self.size = self._measure()

    def close(self) -> None:
        """Close what `open` and `spool` opened."""
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attach(self, stream: Any) -> None:
        self._stream = stream
        # read1 hands over what has arrived where read waits until `size` bytes are there.
        self._read_some = getattr(stream, "read1", None) or stream.read
        says = getattr(stream, "seekable", None)
        self._seekable = hasattr(stream, "seek") and hasattr(stream, "tell") and (says is None or bool(says()))

    def _measure(self) -> int | None:
        if not self._seekable:
            return None
        size = self.seek(0, os.SEEK_END)
        self.seek(0)
        return size

    def _peek(self, size: int) -> bytes:
        head = b""
        while len(head) < size and (more := self._pull(size - len(head))):
            head += more
        if self._seekable:
            self.seek(0)
        else:
            self._ahead = head
        return head

    def _pull(self, size: int) -> bytes:
        if self._ended:
            return b""
        try:
            data = self._read_some(size)
            if data is None:
                raise BlockingIOError(errno.EAGAIN, "the stream does not block; hand in one that does")
            data = bytes(memoryview(data))  # a TypeError here: a text stream
        except Exception as error:  # noqa: BLE001  crosses C code; `check` raises it
            self.failure = error
            data = b""
        self._ended = not data
        return data


def _stream_name(stream: object) -> str:
    name = getattr(stream, "name", None)
    if name in ("<stdin>", 0):
        return "standard input"
    return repr(name) if isinstance(name, str) and name else "the audio stream"


def _why_not_opened(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the path"
    if isinstance(error, IsADirectoryError):
        return "it is a directory; name a file in it"
    if isinstance(error, PermissionError):
        return "there is no permission to read it; change its mode or owner"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"it cannot be opened ({reason})"
