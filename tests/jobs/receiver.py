"""A receiver of webhooks on a port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came, in the order it came; `statuses` are the next answers, then 204."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def host(self) -> str:
        """For the list of addresses that may be asked."""
        return f"127.0.0.1:{self.port}"

    def wait(self, number: int, seconds: float = 30.0) -> list[tuple[dict[str, str], bytes]]:
        """Messages, once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.messages) >= number, seconds), len(self.messages)
            return list(self.messages)

    def told(self) -> dict[str, set[tuple[str, str]]]:
        """For every job the ids and types of its messages."""
        found: dict[str, set[tuple[str, str]]] = {}
        with self.arrived:
            for headers, body in self.messages:
                message: dict[str, Any] = json.loads(body)
                found.setdefault(message["data"]["id"], set()).add((headers["webhook-id"], message["type"]))
        return found


@contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with state.arrived:
                state.messages.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = state.statuses.pop(0) if state.statuses else 204
                state.arrived.notify_all()
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
