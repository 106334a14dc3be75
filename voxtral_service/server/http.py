"""The plain HTTP routes: health, metrics, keys for browsers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from voxtral_service.engine.base import Measured
from voxtral_service.errors import ForeignOrigin, InvalidOption, Overloaded, Unauthorized, VoxtralError
from voxtral_service.server import openapi
from voxtral_service.server.keys import ApiKey, Credentials
from voxtral_service.server.realtime import problem
from voxtral_service.server.record import refused
from voxtral_service.server.state import ServerState, new_id
from voxtral_service.wire.openai_session import RealtimeSession

open_routes = APIRouter()
"""Routes that machines probe and that tell nothing worth a key."""


def state_of(request: Request) -> ServerState:
    """The state the application was made with."""
    state: ServerState = request.app.state.voxtral
    return state


def admitted(request: Request) -> ApiKey:
    """The caller's key; raises what the door raises."""
    return state_of(request).door.admit(Credentials.of(dict(request.headers), []), now=time.time())


def error_answer(description: str, schema: openapi.JsonSchema = openapi.ERROR) -> dict[str, Any]:
    """How the OpenAPI page tells of an error."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


REFUSALS: dict[int | str, dict[str, Any]] = {
    401: error_answer("No key, or none that is known."),
    403: error_answer("A page of another site."),
}
UNREADABLE: dict[int | str, dict[str, Any]] = {
    400: error_answer("The body is no JSON."),
    422: error_answer("A field is wrong.", openapi.UNREADABLE),
}

Caller = Annotated[ApiKey, Depends(admitted)]
routes = APIRouter(dependencies=[Depends(admitted)], responses=REFUSALS)


@open_routes.get("/health")
def health() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@open_routes.get("/ready", responses={503: {"description": "The server is stopping."}})
def ready(request: Request) -> JSONResponse:
    """Whether new sessions are taken, and how many there are."""
    state = state_of(request)
    seats, engine = state.seats, state.engine
    body: dict[str, Any] = {"ready": not seats.draining, "sessions": seats.taken, "places": seats.places}
    if isinstance(engine, Measured):
        body |= {"capacity": state.capacity and state.capacity.streams, "expected_lag": round(engine.expected_lag, 3)}
    return JSONResponse(body, 503 if seats.draining else 200)


@routes.get("/metrics", responses={200: {"content": {"text/plain": {}}}}, response_class=Response)
def metrics() -> Response:
    """Counters and histograms for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class ExpiresAfter(BaseModel):
    """When an ephemeral key ends, counted from its making."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=10, le=7200)] = 600


MAX_ATTACHED = 64_000
"""Characters of JSON that are kept as settings with an ephemeral key."""


class ClientSecretRequest(BaseModel):
    """OpenAI's request for an ephemeral key; sessions that are opened with it begin with the settings of `session`."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: dict[str, Any] = Field(default_factory=lambda: {"type": "realtime"})


@routes.post("/v1/realtime/client_secrets", responses=UNREADABLE)
async def client_secrets(request: Request, caller: Caller, body: ClientSecretRequest) -> dict[str, Any]:
    """An OpenAI ephemeral key, to be given to a browser, and the settings in effect for what is opened with it."""
    state = state_of(request)
    settings = {"type": "realtime", **body.session}
    session = RealtimeSession(await state.conversing(), "realtime", new_id("sess_"))
    session.update(settings)
    if len(json.dumps(settings)) > MAX_ATTACHED:
        raise InvalidOption(
            f"'session' takes more than {MAX_ATTACHED} characters; send the rest once connected", field="session"
        )
    seconds = body.expires_after.seconds
    value, expires_at = state.door.ephemeral(caller, "openai", seconds, now=time.time(), session=settings)
    return {"value": value, "expires_at": int(expires_at), "session": session.shown()}


class ClientSessionRequest(BaseModel):
    """Mistral's request for an ephemeral key."""

    purpose: Literal["realtime"] = "realtime"
    model: str = ""
    ttl_seconds: Annotated[int, Field(ge=10, le=7200)] = 600


@routes.post("/v1/client/sessions", status_code=201, responses=UNREADABLE)
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

    @app.exception_handler(RequestValidationError)
    def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        """In OpenAI's shape, with the details where Mistral's clients look for them."""
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path"})
        answer = problem(InvalidOption(f"{field or 'the body'}: {first['msg']}", field=field or None))
        details = [{name: each[name] for name in ("loc", "msg", "type")} for each in error.errors()]
        return JSONResponse({**json.loads(bytes(answer.body)), "detail": details}, 422)

    @app.exception_handler(HTTPException)
    def unserved(_: Request, error: HTTPException) -> JSONResponse:
        """What FastAPI answers by itself: no such route or method, a body that is no JSON."""
        body = {"message": error.detail, "type": "invalid_request_error", "param": None, "code": None}
        return JSONResponse({"error": body, "detail": error.detail}, error.status_code, error.headers)

    @app.exception_handler(VoxtralError)
    def explain(request: Request, error: VoxtralError) -> JSONResponse:
        if isinstance(error, Unauthorized | ForeignOrigin | Overloaded):
            refused(error, route=request.url.path, client=request.client.host if request.client else "")
        return problem(error)
