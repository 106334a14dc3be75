"""Addresses that callers name: which are asked, and what comes of it. The world is a server on loopback."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.errors import InvalidOption, UpstreamError, VoxtralError
from voxtral_service.fetch import Fetched, Fetcher
from voxtral_service.server.tls import self_signed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsound"


@asynccontextmanager
async def answering(
    *answers: bytes, tls: ssl.SSLContext | None = None, hang: bool = False
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that gives each connection the next answer: its port, and the heads of the requests it got."""
    left, asked = list(answers), []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError, OSError):  # some callers hang up
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(left.pop(0))
            if hang:
                await reader.read()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def names(**addresses: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        return addresses[host.replace(".", "_")]

    return resolve


async def got(fetcher: Fetcher, url: str) -> tuple[Fetched, bytes]:
    into = io.BytesIO()
    return await fetcher.download(url, into), into.getvalue()


async def test_a_listed_address_is_fetched() -> None:
    async with answering(OK) as (port, asked):
        fetched, body = await got(
            Fetcher([f"127.0.0.1:{port}"], max_bytes=5), f"http://127.0.0.1:{port}/a/b%20c.wav?k=1#x"
        )
    assert (fetched, body) == (Fetched(5, "b c.wav"), b"sound")
    assert asked[0].startswith(b"GET /a/b%20c.wav?k=1 HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in asked[0].lower()


async def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_looked_at() -> None:
    calls = 0

    async def rebinding(host: str, port: int) -> list[str]:
        nonlocal calls
        calls += 1
        return ["127.0.0.1"] if calls == 1 else ["10.0.0.1"]

    async with answering(OK) as (port, asked):
        fetcher = Fetcher([f"media.example:{port}", "127.0.0.1"], max_bytes=5, resolve=rebinding)
        await got(fetcher, f"http://MEDIA.example.:{port}/x")
    assert calls == 1
    assert f"host: media.example.:{port}".encode() in asked[0].lower()


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with answering(OK) as (port, _):
        fetcher = Fetcher([f"m:{port}", "127.0.0.0/8"], max_bytes=5, resolve=names(m=["127.0.0.9", "127.0.0.1"]))
        assert (await got(fetcher, f"http://m:{port}/x"))[1] == b"sound"


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "172.16.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "2002:7f00:1::",
    "64:ff9b::a00:1", "fec0::1", "2001::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_names_of_private_addresses_are_refused(address: str) -> None:
    fetcher = Fetcher(["*"], max_bytes=5, resolve=names(inside_example=["93.184.216.34", address]))
    with pytest.raises(InvalidOption, match="private network"):
        await got(fetcher, "http://inside.example/")


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("a.example", "https://a.example/x", True),
        ("a.example", "http://a.example:80/x", True),
        ("a.example", "http://A.EXAMPLE./x", True),
        ("a.example", "http://a.example:8080/x", False),
        ("a.example:8080", "http://a.example:8080/x", True),
        ("a.example:8080", "http://a.example/x", False),
        ("a.example", "http://b.a.example/x", False),
        ("a.example", "http://a.example.evil/x", False),
        ("*.example", "http://b.a.example/x", True),
        ("*.example", "http://example/x", False),
        ("*.example", "http://aexample/x", False),
        ("*", "http://anything/x", True),
        ("*", "http://10.0.0.1/x", False),
        ("*", "http://8.8.8.8/x", False),
        ("10.0.0.0/8", "http://10.0.0.1/x", True),
        ("10.0.0.0/8", "http://11.0.0.1/x", False),
        ("10.0.0.0/8:9000", "http://10.0.0.1:9000/x", True),
        ("::1", "http://[::1]/x", True),
        ("[fd00::/8]:9000", "http://[fd00::7]:9000/x", True),
        ("a.example", "http://user@a.example/x", False),
        ("a.example", "http://evil\\@a.example/x", False),
        ("a.example", "ftp://a.example/x", False),
        ("a.example", "file:///etc/passwd", False),
        ("a.example", "//a.example/x", False),
        ("a.example", "http:///x", False),
        ("a.example", "http://a.example/" + "x" * 2048, False),
        ("bücher.example".encode("idna").decode(), "http://bücher.example/x", True),
    ],
)
def test_the_list(entry: str, url: str, allowed: bool) -> None:
    fetcher = Fetcher([entry], max_bytes=5)
    if allowed:
        fetcher.check(url)
    else:
        with pytest.raises(InvalidOption) as caught:
            fetcher.check(url, field="file_url")
        assert caught.value.field == "file_url"


@pytest.mark.parametrize("entry", ["", "http://a.example", "a b", "a.*", "10.0.0.0/99", "a:99999999", "[::1"])
def test_entries_that_are_none(entry: str) -> None:
    with pytest.raises(InvalidOption, match="no host name"):
        Fetcher([entry], max_bytes=5)


def test_without_a_list_nothing_is_asked() -> None:
    with pytest.raises(InvalidOption, match="url_hosts"):
        Fetcher([], max_bytes=5).check("https://a.example/")


@given(st.text(max_size=60).map(lambda text: "http://" + text) | st.text(max_size=60))
def test_any_text_is_a_url_or_is_refused(url: str) -> None:
    fetcher = Fetcher(["*"], max_bytes=5)
    try:
        fetcher.check(url)
    except InvalidOption:
        return
    assert url.lower().startswith(("http:", "https:"))


async def test_redirects_are_followed_to_listed_places_only() -> None:
    async with answering(b"HTTP/1.1 302 x\r\nLocation: /second.mp3\r\nContent-Length: 0\r\n\r\n", OK) as (port, asked):
        fetched, body = await got(Fetcher([f"127.0.0.1:{port}"], max_bytes=5), f"http://127.0.0.1:{port}/first")
        assert (fetched.name, body, len(asked)) == ("second.mp3", b"sound", 2)
    for location in ("http://127.0.0.1:1/", "http://169.254.169.254/", "file:///etc/passwd", "http://[", "//x:y"):
        answer = f"HTTP/1.1 302 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
        async with answering(answer) as (port, _):
            with pytest.raises(InvalidOption):
                await got(Fetcher([f"127.0.0.1:{port}"], max_bytes=5), f"http://127.0.0.1:{port}/")


async def test_redirects_come_to_an_end() -> None:
    answer = b"HTTP/1.1 302 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
    async with answering(*[answer] * 4) as (port, asked):
        with pytest.raises(InvalidOption, match="more than 3 times"):
            await got(Fetcher([f"127.0.0.1:{port}"], max_bytes=5), f"http://127.0.0.1:{port}/")
    assert len(asked) == 4


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nsound\r\n" * 2 + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", InvalidOption, "answers 404"),
        (b"HTTP/1.1 206 x\r\nContent-Length: 0\r\n\r\n", InvalidOption, "answers 206"),
        (b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", UpstreamError, "answers 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n", InvalidOption, "larger than 5 bytes"),
        (CHUNKED, InvalidOption, "larger than 5 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nsound", InvalidOption, "compressed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nso", UpstreamError, "failed"),
        (b"SSH-2.0\r\n", UpstreamError, "failed"),
    ],
)
async def test_answers_that_will_not_do(answer: bytes, error: type[VoxtralError], said: str) -> None:
    async with answering(answer) as (port, _):
        with pytest.raises(error, match=said) as caught:
            await got(Fetcher([f"127.0.0.1:{port}"], max_bytes=5), f"http://127.0.0.1:{port}/")
    assert caught.value.field == "url"


async def test_a_host_that_dawdles_is_given_up() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ns", hang=True) as (port, _):
        with pytest.raises(UpstreamError, match=r"longer than 0\.1 seconds"):
            await got(Fetcher([f"127.0.0.1:{port}"], max_bytes=5, max_seconds=0.1), f"http://127.0.0.1:{port}/")


async def test_nobody_there() -> None:
    async with answering() as (port, _):
        pass
    with pytest.raises(UpstreamError, match="failed"):
        await got(Fetcher([f"127.0.0.1:{port}"], max_bytes=5), f"http://127.0.0.1:{port}/")

    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(UpstreamError, match="no address"):
        await got(Fetcher(["*"], max_bytes=5, resolve=unknown), "http://nowhere.example/")


async def test_certificates_are_checked_against_the_name(tmp_path: Path) -> None:
    files = self_signed(tmp_path, ("media.example",))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(files.certificate, files.key)
    trusting = ssl.create_default_context(cafile=str(files.certificate))
    resolve = names(media_example=["127.0.0.1"], other_example=["127.0.0.1"])
    async with answering(OK, tls=theirs) as (port, _):
        allowed = [f"media.example:{port}", f"other.example:{port}", "127.0.0.1"]
        fetcher = Fetcher(allowed, max_bytes=5, resolve=resolve, tls=trusting)
        assert (await got(fetcher, f"https://media.example:{port}/"))[1] == b"sound"
        with pytest.raises(UpstreamError, match="certificate"):
            await got(fetcher, f"https://other.example:{port}/")


async def test_posting() -> None:
    async with answering(b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n") as (port, asked):
        fetcher = Fetcher([f"127.0.0.1:{port}"], max_bytes=5)
        assert await fetcher.post(f"http://127.0.0.1:{port}/hook", b"{}", {"X-Signature": "abc"}) == 302
    assert asked[0].startswith(b"POST /hook")
    assert b"x-signature: abc" in asked[0].lower()
