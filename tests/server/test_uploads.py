"""Forms as they come over the wire: whole, cut anywhere, damaged, endless."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import pytest
import starlette.formparsers
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from voxtral_service.errors import CallerError, EngineError, TooLarge
from voxtral_service.server import uploads
from voxtral_service.server.uploads import Upload, received

MULTIPART = "multipart/form-data; boundary=x"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwren-en\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    + bytes(range(256)) * 8
    + b"\r\n--x--\r\n"
)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[IO[bytes]]]:
    """Every temporary file that is made; all are closed in the end."""
    made: list[IO[bytes]] = []

    def make(*arguments: Any, **options: Any) -> Any:
        made.append(tempfile.SpooledTemporaryFile(*arguments, **options))  # noqa: SIM115
        return made[-1]

    monkeypatch.setattr(starlette.formparsers, "SpooledTemporaryFile", make)
    yield made
    assert all(file.closed for file in made)


def request(*chunks: bytes, kind: str = MULTIPART, length: int | None = None, leaves: bool = False) -> Request:
    """A request whose body comes in these chunks, and perhaps a client that goes away behind them."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if leaves else {"type": "http.request", "body": b""})
    headers = [(b"content-type", kind.encode("latin-1"))]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def read(request: Request, max_bytes: int = 10_000) -> tuple[Upload, bytes]:
    async with received(request, max_bytes=max_bytes) as upload:
        return upload, upload.file.stream.read() if upload.file else b""


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("cut", [1, 7, 60, 1000, len(FORM)])
async def test_a_form_comes_in_any_pieces(cut: int) -> None:
    chunks = [FORM[i : i + cut] for i in range(0, len(FORM), cut)]
    upload, content = await read(request(*chunks))
    assert upload.fields == (("model", "wren-en"),)
    assert upload.file is not None
    assert (upload.file.name, content) == ("a.wav", bytes(range(256)) * 8)


async def test_a_form_without_a_file_may_be_url_encoded() -> None:
    upload, _ = await read(request(b"file_url=https%3A%2F%2Fa.example&x=", kind="application/x-www-form-urlencoded"))
    assert (upload.fields, upload.file) == ((("file_url", "https://a.example"), ("x", "")), None)


@pytest.mark.parametrize("end", range(0, len(FORM) - 4, 97))
async def test_a_form_that_is_cut_short_is_refused_and_its_file_closed(end: int, files: list[IO[bytes]]) -> None:
    with pytest.raises(CallerError, match="last boundary"):
        await read(request(FORM[:end]))
    assert len(files) <= 1


async def test_a_client_that_goes_away_leaves_no_file(files: list[IO[bytes]]) -> None:
    with pytest.raises(ClientDisconnect):
        await read(request(FORM[:500], leaves=True))
    assert len(files) == 1


async def test_what_is_announced_as_too_large_is_not_read() -> None:
    unread = request(FORM, length=10_000 + uploads.MAX_BESIDE + 1)
    with pytest.raises(TooLarge, match="10000"):
        await read(unread)
    assert (await unread.receive())["body"] == FORM


async def test_what_grows_too_large_is_not_read_to_its_end(files: list[IO[bytes]]) -> None:
    body = request(FORM[:-10], *[bytes(2**16)] * 40)
    with pytest.raises(TooLarge):
        await read(body)
    assert (await body.receive())["more_body"]
    assert len(files) == 1


@pytest.mark.usefixtures("files")
async def test_a_client_that_sends_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PATIENCE", 0.01)

    async def receive() -> dict[str, Any]:
        return await asyncio.Future()

    headers = [(b"content-type", MULTIPART.encode())]
    silent = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(CallerError, match="nothing came"):
        await read(silent)


@pytest.mark.usefixtures("files")
async def test_a_client_that_dribbles_does_not_hold_its_place() -> None:
    dribble = request(*[FORM[i : i + 1] for i in range(1000)])
    clock = itertools.count(0, 10)
    with pytest.raises(CallerError, match=r"too slow: 7 bytes in 70 seconds"):
        async with received(dribble, max_bytes=10_000, clock=lambda: float(next(clock))):
            pass


async def test_a_full_disk_is_this_sides_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(starlette.formparsers, "SpooledTemporaryFile", Full)
    with pytest.raises(EngineError, match="No space left"):
        await read(request(FORM))


BOUNDARIES = [
    b"--x",
    b"--x--",
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b'Content-Disposition: form-data; name="file"',
    b"; filename=",
]
PIECES = st.lists(st.sampled_from([*BOUNDARIES, FORM, FORM[:200]]) | st.binary(max_size=30), max_size=12)
KINDS = st.sampled_from(
    [MULTIPART, MULTIPART, "multipart/form-data; boundary=\xff", "application/x-www-form-urlencoded"]
)


@given(PIECES, KINDS)
async def test_any_bytes_are_a_form_or_are_refused(pieces: list[bytes], kind: str) -> None:
    try:
        upload, _ = await read(request(*pieces, kind=kind))
    except CallerError:
        return
    assert all(isinstance(part, str) for field in upload.fields for part in field)
