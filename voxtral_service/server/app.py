"""The application: which route leads to which dialect. Wiring only."""

from __future__ import annotations

import time

from fastapi import FastAPI, WebSocket

from voxtral_service import __version__
from voxtral_service.errors import ModelNotFound
from voxtral_service.server import chat, http, jobs, memories, models, page, projects, realtime, speech, transcriptions
from voxtral_service.server.keys import Credentials
from voxtral_service.server.state import ServerState
from voxtral_service.wire import choice
from voxtral_service.wire.base import Dialect
from voxtral_service.wire.mistral_realtime import MistralRealtime


def create_app(state: ServerState) -> FastAPI:
    """The ASGI application over a ready engine."""
    app = FastAPI(
        title="voxtral-service", version=__version__, summary="Speech to text and conversations on your own machine"
    )
    app.state.voxtral = state
    http.install(app)
    models.install(app)
    transcriptions.install(app)
    chat.install(app)
    speech.install(app)
    if state.jobs is not None:
        jobs.install(app)
    if state.knowledge is not None:
        memories.install(app)
        projects.install(app)
    page.install(app)

    @app.websocket("/v1/realtime")
    async def openai_or_vllm(websocket: WebSocket) -> None:
        async def dialect() -> Dialect:
            headers, subprotocols = dict(websocket.headers), tuple(websocket.scope.get("subprotocols", ()))
            attached = state.door.attached(Credentials.of(headers, [*subprotocols]), now=time.time())
            upgrade = choice.Upgrade(dict(websocket.query_params), headers, subprotocols, attached)
            return choice.dialect(upgrade, await state.conversing())

        await realtime.serve(websocket, state, dialect, "realtime", state.assistant)

    @app.websocket("/v1/audio/transcriptions/realtime")
    async def mistral(websocket: WebSocket) -> None:
        async def dialect() -> MistralRealtime:
            connection = state.connection()
            model = websocket.query_params.get("model", connection.model)
            if not connection.accepts(model):
                raise ModelNotFound(
                    f"the model {model[:80]!r} is not served here, {connection.model!r} is", field="model"
                )
            return MistralRealtime(connection)

        await realtime.serve(websocket, state, dialect, "mistral")

    return app
