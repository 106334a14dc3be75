"""A language model on loopback that takes a set time: OpenAI's chat completions, streamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ANSWER = (
    "It is a little after nine in the evening, and the moon is up. The birds are asleep, and so should we be by now."
)


@asynccontextmanager
async def scripted_llm(first_token: float, between: float = 0.02) -> AsyncIterator[str]:
    """Its base URL. The first word of every answer comes after `first_token` seconds, the others `between` apart."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                await asyncio.sleep(first_token)
                for word in ANSWER.split():
                    _send(writer, json.dumps({"choices": [{"index": 0, "delta": {"content": f"{word} "}}]}))
                    await writer.drain()
                    await asyncio.sleep(between)
                _send(writer, json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
                _send(writer, "[DONE]")
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever asked has the answer, or wants it no more
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


def _send(writer: asyncio.StreamWriter, data: str) -> None:
    event = f"data: {data}\n\n".encode()
    writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
