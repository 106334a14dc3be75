"""A scripted chat endpoint on a real socket, and one that is told by its script to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """What one request is answered with; `hold` keeps the connection open behind it, `cut` breaks it off."""

    chunks: Sequence[object] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    hold: bool = False
    cut: bool = False
    silent: bool = False


def text(*pieces: str, finish: str | None = "stop", **usage: Any) -> list[object]:
    """The chunks of an answer in words."""
    chunks: list[object] = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    chunks += [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    if finish:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        chunks.append({"choices": [], "usage": usage or {"prompt_tokens": 9, "completion_tokens": len(pieces)}})
        chunks.append("[DONE]")
    return chunks


def failing(status: int, message: str, **headers: str) -> Reply:
    return Reply([json.dumps({"error": {"message": message}})], status, {"content-type": "application/json"} | headers)


class ScriptedEndpoint:
    def __init__(self, replies: Sequence[Reply]) -> None:
        self.replies = list(replies)
        self.requests: list[dict[str, Any]] = []
        self.authorization: list[str] = []
        self.left = asyncio.Event()
        """Set when a held client has gone away."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            self.requests.append(json.loads(await reader.readexactly(length)))
            self.authorization.append(head.partition("authorization: ")[2].split("\r\n")[0])
            assert head.startswith("post /v1/chat/completions ")
            await self._reply(self.replies.pop(0), reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def _reply(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not reply.silent:
            lines = [f"HTTP/1.1 {reply.status} X", *(f"{k}: {v}" for k, v in reply.headers.items())]
            writer.write("\r\n".join([*lines, "transfer-encoding: chunked", "", ""]).encode())
            events = "text/event-stream" in reply.headers.values()
            for chunk in reply.chunks:
                line = chunk if isinstance(chunk, str) else json.dumps(chunk)
                body = (f"data: {line}\n\n" if events else line).encode()
                writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            await writer.drain()
        if reply.hold or reply.silent:
            await reader.read(1)
            self.left.set()
        elif not reply.cut:
            writer.write(b"0\r\n\r\n")
            await writer.drain()


@asynccontextmanager
async def scripted(*replies: Reply) -> AsyncIterator[tuple[str, ScriptedEndpoint]]:
    """Its base URL, and what it was asked."""
    endpoint = ScriptedEndpoint(replies)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", endpoint
    finally:
        server.close()
        await server.wait_closed()
