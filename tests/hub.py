"""A model hub on this machine: what `huggingface_hub` asks of the real one, answered from a folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"


@contextlib.contextmanager
def serving(repository: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that has one repository, and the names of the files that have been fetched from it."""
    fetched: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            files = {file.name: file for file in folder.iterdir()}
            name = path.removeprefix(f"/{repository}/resolve/{REVISION}/")
            if path.startswith(f"/api/models/{repository}/tree/"):
                self._send(200, json.dumps([_entry(file) for file in files.values()]).encode(), body=body)
            elif path.startswith(f"/api/models/{repository}"):
                siblings = [{"rfilename": name, "size": file.stat().st_size} for name, file in files.items()]
                info = {"id": repository, "sha": REVISION, "siblings": siblings}
                self._send(200, json.dumps(info).encode(), body=body)
            elif name in files:
                if body:
                    fetched.append(name)
                self._send(200, files[name].read_bytes(), body=body)
            else:
                self._send(404, b"{}", body=body)

        def _send(self, status: int, content: bytes, *, body: bool) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", fetched
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _entry(file: Path) -> dict[str, object]:
    content = file.read_bytes()
    return {"type": "file", "path": file.name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
