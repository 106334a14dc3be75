"""A receiver of webhooks on a port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass
class Receiver:
    """What came, in the order it came; `statuses` are the next answers, then 204. Wrong signatures are counted."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    secret: str | None = None
    """What messages must be signed with; not checked if it is None."""
    forged: int = 0
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


def _is_signed(secret: str, headers: Message, body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    except WebhookVerificationError:
        return False
    return True


@contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:  # the sender was killed in the middle of it
                self.close_connection = True
                return
            with state.arrived:
                state.forged += state.secret is not None and not _is_signed(state.secret, self.headers, body)
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
