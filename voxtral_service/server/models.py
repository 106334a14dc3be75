"""`/v1/models`: what is on this machine and what it can do, in a shape that OpenAI's and Mistral's clients read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request

from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.catalog import known
from voxtral_service.engine.registry import InstalledModel
from voxtral_service.server.http import REFUSALS, UNREADABLE, admitted, error_answer, state_of
from voxtral_service.server.state import ServerState

routes = APIRouter(dependencies=[Depends(admitted)], tags=["models"], responses=REFUSALS)


@routes.get("/v1/models")
def models(request: Request) -> dict[str, Any]:
    """Every model that requests may name, the one that serves live sessions first."""
    state = state_of(request)
    return {"object": "list", "data": [_card(state, model) for model in state.pool.installed()]}


@routes.get("/v1/models/{name:path}", responses={404: error_answer("There is no such model."), 422: UNREADABLE[422]})
def model(request: Request, name: str) -> dict[str, Any]:
    """The model that requests get for a name: an installed one's, an alias, a hub id, or that of a hosted model."""
    state = state_of(request)
    return _card(state, state.pool.resolve(name))


def install(app: FastAPI) -> None:
    """Put the routes on an application."""
    app.include_router(routes)


def _card(state: ServerState, model: InstalledModel) -> dict[str, Any]:
    can = capabilities(model)
    live, talks = model.name == state.model.name, can.longest_conversation > 0
    alias = known(model.name)
    return {
        "id": model.name,
        "object": "model",
        "created": int(model.folder.stat().st_mtime) if model.folder.is_dir() else state.model.created,
        "owned_by": "voxtral-service",
        "type": "base",
        "aliases": [alias.repository] if alias and alias.repository else [],
        "languages": list(can.languages),
        "capabilities": {
            **dict.fromkeys(("vision", "ocr", "fine_tuning", "classification", "moderation", "audio_speech"), False),
            "completion_chat": talks,
            "function_calling": talks,
            "audio": True,
            "audio_transcription": True,
            "audio_transcription_realtime": live,
            "audio_translation": can.translates,
        },
        "audio_transcription_capabilities": {
            "modes": ["offline", "realtime"] if live else ["offline"],
            "diarization": False,
            "context_bias": can.uses_vocabulary,
            "turn_detection": live,
            "timestamp_granularities": ["segment", "word"],
            "languages": list(can.languages),
        },
    }
