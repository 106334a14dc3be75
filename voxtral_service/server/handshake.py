"""How a websocket is turned away before it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which knows that a refusal ends a handshake.

    uvicorn up to 0.54 sends the HTTP response that refuses an upgrade, then logs an error as if nothing had been sent
    (https://github.com/Kludex/uvicorn/pull/3138).
    """

    async def send(self, message: ASGISendEvent) -> None:
        """Send an ASGI message."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
