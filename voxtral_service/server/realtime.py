"""The websocket routes: the door, a seat, a dialect, a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from voxtral_service.assistant.assistant import Assistant
from voxtral_service.errors import CallerError, Overloaded, ProjectNotFound, VoxtralError
from voxtral_service.server.keys import ApiKey, Credentials
from voxtral_service.server.record import recorded, refused
from voxtral_service.server.state import ServerState
from voxtral_service.server.websocket import SocketSession
from voxtral_service.wire import http
from voxtral_service.wire.base import Dialect


async def serve(
    websocket: WebSocket,
    state: ServerState,
    dialect: Callable[[], Awaitable[Dialect]],
    name: str,
    assistant: Assistant | None = None,
) -> None:
    """Let a connection in and serve it to its end, or answer the upgrade with a plain HTTP error that says why not.

    `assistant` answers, where the dialect has words for that, in the project that the query names if it does.
    """
    offered: list[str] = websocket.scope.get("subprotocols", [])
    try:
        key = state.door.admit(Credentials.of(dict(websocket.headers), offered), now=time.time())
        project = await _project(websocket, state, key) if assistant is not None else None
        speaking = await dialect()
        with state.seats.seat(key):
            await websocket.accept(subprotocol="realtime" if "realtime" in offered else None)
            with recorded(name, key.name) as record:
                allowance = state.allowance(key)
                session = SocketSession(
                    websocket,
                    speaking,
                    state.engine,
                    state.activity,
                    allowance=allowance,
                    record=record,
                    responder=assistant.open(key.name, project) if assistant is not None else None,
                    hears=assistant is not None and assistant.hears,
                )
                state.open.add(session)
                try:
                    await session.run()
                finally:
                    state.open.discard(session)
    except (CallerError, Overloaded) as error:
        refused(error, route=websocket.url.path, client=websocket.client.host if websocket.client else "")
        await websocket.send_denial_response(problem(error))


async def _project(websocket: WebSocket, state: ServerState, key: ApiKey) -> str | None:
    """The project that the address names for this conversation. Raises ProjectNotFound for none of the key's."""
    named = websocket.query_params.get("project")
    if not named:
        return None
    if state.knowledge is None:
        raise ProjectNotFound("this server keeps no projects; start it with knowledge = true", field="project")
    return (await asyncio.to_thread(state.knowledge.projects.get, named, key.name)).id


def problem(error: VoxtralError) -> JSONResponse:
    """An error in the shape that OpenAI's and Mistral's clients read."""
    return JSONResponse(http.openai_error(error), http.status(error), http.headers(error))
