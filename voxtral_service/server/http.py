"""The plain HTTP routes: health, metrics, keys for browsers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from voxtral_service.errors import ForeignOrigin, Overloaded, Unauthorized, VoxtralError
from voxtral_service.server.keys import ApiKey, Credentials
from voxtral_service.server.realtime import problem
from voxtral_service.server.record import refused
from voxtral_service.server.state import ServerState, new_id

open_routes = APIRouter()
"""Routes that machines probe and that tell nothing worth a key."""


def state_of(request: Request) -> ServerState:
    """The state the application was made with."""
    state: ServerState = request.app.state.voxtral
    return state


def admitted(request: Request) -> ApiKey:
    """The caller's key; raises what the door raises."""
    return state_of(request).door.admit(Credentials.of(dict(request.headers), []), now=time.time())


Caller = Annotated[ApiKey, Depends(admitted)]
routes = APIRouter(dependencies=[Depends(admitted)])


@open_routes.get("/health")
def health() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@open_routes.get("/ready")
def ready(request: Request) -> JSONResponse:
    """Whether new sessions are taken, and how many there are."""
    seats = state_of(request).seats
    body = {"ready": not seats.draining, "sessions": seats.taken, "places": seats.places}
    return JSONResponse(body, 503 if seats.draining else 200)


@routes.get("/metrics")
def metrics() -> Response:
    """Counters and histograms for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class ExpiresAfter(BaseModel):
    """When an ephemeral key ends, counted from its making."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7200)] = 600


class ClientSecretRequest(BaseModel):
    """OpenAI's request for an ephemeral key; `session` is echoed with an id."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: dict[str, Any] = Field(default_factory=lambda: {"type": "realtime"})


@routes.post("/v1/realtime/client_secrets")
def client_secrets(request: Request, caller: Caller, body: ClientSecretRequest) -> dict[str, Any]:
    """An OpenAI ephemeral key, to be given to a browser."""
    state = state_of(request)
    value, expires_at = state.door.ephemeral(caller, "openai", body.expires_after.seconds, now=time.time())
    session = {"object": "realtime.session", "id": new_id("sess_"), "model": state.model.name, **body.session}
    return {"value": value, "expires_at": int(expires_at), "session": session}


class ClientSessionRequest(BaseModel):
    """Mistral's request for an ephemeral key."""

    purpose: Literal["realtime"] = "realtime"
    model: str = ""
    ttl_seconds: Annotated[int, Field(ge=10, le=7200)] = 600


@routes.post("/v1/client/sessions", status_code=201)
def client_sessions(request: Request, caller: Caller, body: ClientSessionRequest) -> dict[str, Any]:
    """A Mistral ephemeral key, to be given to a browser."""
    value, expires = state_of(request).door.ephemeral(caller, "mistral", body.ttl_seconds, now=time.time())
    until = datetime.fromtimestamp(expires, UTC).isoformat()
    secret = {"value": value, "expires_at": until}
    return {"object": "client.session", "purpose": body.purpose, "expires_at": until, "client_secret": secret}


def install(app: FastAPI) -> None:
    """Put the routes and the error shapes on an application."""
    app.include_router(open_routes)
    app.include_router(routes)

    @app.exception_handler(VoxtralError)
    def explain(request: Request, error: VoxtralError) -> JSONResponse:
        if isinstance(error, Unauthorized | ForeignOrigin | Overloaded):
            refused(error, route=request.url.path, client=request.client.host if request.client else "")
        return problem(error)
