"""The application: which route leads to which dialect. Wiring only."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket

from voxtral_service import __version__
from voxtral_service.server import http, realtime
from voxtral_service.server.state import ServerState
from voxtral_service.wire.choice import Signals, UndecidedRealtime
from voxtral_service.wire.mistral_realtime import MistralRealtime


def create_app(state: ServerState) -> FastAPI:
    """The ASGI application over a ready engine."""
    app = FastAPI(title="voxtral-service", version=__version__, summary="Speech to text on your own machine")
    app.state.voxtral = state
    http.install(app)

    @app.websocket("/v1/realtime")
    async def openai_or_vllm(websocket: WebSocket) -> None:
        signals = Signals(
            query=dict(websocket.query_params),
            headers=dict(websocket.headers),
            subprotocols=tuple(websocket.scope.get("subprotocols", ())),
        )
        await realtime.serve(websocket, state, UndecidedRealtime(state.connection(), signals), "realtime")

    @app.websocket("/v1/audio/transcriptions/realtime")
    async def mistral(websocket: WebSocket) -> None:
        await realtime.serve(websocket, state, MistralRealtime(state.connection()), "mistral")

    return app
