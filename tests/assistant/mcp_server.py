"""A tool server made with the `mcp` package, good and bad: `python mcp_server.py stdio|http [LOG]`.

Over HTTP it prints its port. It notes in LOG what happens to calls, and refuses requests without the header
`Authorization: Bearer open` when REQUIRE_KEY is set.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("test")
OUTPUT = os.dup(1)  # the package sends what is printed elsewhere
LOG = Path(sys.argv[2]) if len(sys.argv) > 2 else None


def note(what: str) -> None:
    if LOG is not None:
        with LOG.open("a") as file:
            file.write(what + "\n")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    note("add")
    return a + b


@server.tool()
async def hang() -> str:
    """Never answers."""
    note("hang")
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        note("cancelled")
        raise
    return "never"


@server.tool()
def die() -> str:
    """Ends the process in the middle of a call."""
    os._exit(3)


@server.tool()
def fail() -> str:
    """Raises."""
    raise ValueError("no such letter")


@server.tool()
def long(size: int) -> str:
    """Answers at length."""
    return "x" * size


@server.tool()
def block(seconds: float) -> str:
    """Answers nobody else meanwhile, and reads nothing."""
    note("block")
    time.sleep(seconds)
    return "done"


@server.tool()
def flood() -> str:
    """Says what nobody asked for, without end."""
    line = b'{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}\n'
    while True:
        os.write(OUTPUT, line * 100)


@server.tool()
def complain() -> str:
    """Writes to its standard error, without end."""
    while True:
        os.write(2, b"alas! " * 1000 + b"\n")


@server.tool(name="odd name/ü")
def odd() -> str:
    """Has a name that models do not take."""
    return "odd"


def serve_http() -> None:
    import uvicorn
    from starlette.types import Receive, Scope, Send

    inner = server.streamable_http_app(json_response=bool(os.environ.get("JSON")))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        key = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and os.environ.get("REQUIRE_KEY") and key != b"Bearer open":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run([listening])


if __name__ == "__main__":
    if sys.argv[1] == "http":
        serve_http()
    else:
        server.run("stdio")
