"""How a request asks to become a websocket."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTION = b"connection"


class UpgradingProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also sees the upgrade where `Connection` is sent more than once.

    LiveKit's Mistral plugin sends `Connection: Upgrade` and then `Connection: keep-alive`. The two lines mean the same
    as one list (RFC 9110, 5.3), of which uvicorn looks at the last line only and answers 404.
    """

    def on_headers_complete(self) -> None:
        """All headers have come; called by the parser."""
        tokens = [value for name, value in self.headers if name == CONNECTION]
        if len(tokens) > 1:
            # In place, since the request's scope holds this very list.
            self.headers[:] = [header for header in self.headers if header[0] != CONNECTION]
            self.headers.append((CONNECTION, b", ".join(tokens)))
        super().on_headers_complete()
