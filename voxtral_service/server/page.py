"""The browser page: its files, and headers under which nothing but they can run in it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

from fastapi import FastAPI, Request, Response

INDEX = "index.html"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    # Browsers ask again each time and are told 304, so a page never runs on the modules of another version.
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {connect}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page, held in memory: there are few, and they are small."""

    content: bytes
    media_type: str
    etag: str


def assets() -> dict[str, Asset]:
    """The page's files by name."""
    found = {}
    for entry in files(__package__).joinpath("static").iterdir():
        media_type = MEDIA_TYPES.get("." + entry.name.rpartition(".")[2])
        if media_type is not None:
            content = entry.read_bytes()
            found[entry.name] = Asset(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
    return found


def policy(host: str) -> str:
    """The content security policy of the page as it is reached at `host`, the request's Host header.

    Not every browser takes 'self' to cover websockets, hence they are named; a host that is none names nothing.
    """
    named = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return _POLICY.format(connect=f"'self'{named}")


def install(app: FastAPI) -> None:
    """Put the page on an application. It is open to all and holds no secret: keys are asked for by what it calls."""
    served = assets()

    def answer(request: Request, asset: Asset | None) -> Response:
        if asset is None:
            return Response("there is no such file", 404, media_type="text/plain", headers=HEADERS)
        headers = {**HEADERS, "Content-Security-Policy": policy(request.headers.get("host", "")), "ETag": asset.etag}
        if asset.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        return answer(request, served[INDEX])

    @app.api_route("/static/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        return answer(request, served.get(name))
