"""HTTP routes do what their OpenAPI page says, whatever they are sent."""

from __future__ import annotations

import atexit
import tempfile
import warnings
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from tests.fakes import LoudnessActivity, SpellingEngine, spelling_pool
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.server.app import create_app
from voxtral_service.server.keys import ApiKey, Door, hashed
from voxtral_service.server.seats import Seats
from voxtral_service.server.state import ServedModel, ServerState

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KEY = ApiKey("me", hashed("vx_1"))
PATHS = r"^/(health|ready|metrics|v1/realtime/.*|v1/client/.*|v1/models.*|v1/audio/.*|v1/memories.*|v1/projects.*)$"
"""Routes that hold what they promise; add those that are new."""


class Brief(Espeak):
    """The longest text that is taken, all of digits, is spoken for hours."""

    def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        return super().speak(text[:40], options)


def knowledge() -> Knowledge:
    """In a folder that goes with this process."""
    made = tempfile.TemporaryDirectory(prefix="voxtral-")
    atexit.register(made.cleanup)
    database = Database.open(f"sqlite:///{made.name}/voxtral.db")
    database.upgrade()
    folder = FileFolder(Path(made.name) / "documents")
    folder.make()
    return Knowledge(database, folder)


def app() -> Any:
    engine = SpellingEngine()
    state = ServerState(
        engine=engine,
        model=ServedModel("spelling", ("en",), 1_700_000_000),
        pool=spelling_pool(engine),
        activity=LoudnessActivity,
        door=Door((KEY,)),
        seats=Seats(4),
        speech=Brief(),
        knowledge=knowledge(),
    )
    return create_app(state)


schema = schemathesis.openapi.from_asgi("/openapi.json", app()).include(path_regex=PATHS)


QUICKLY = settings(deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))


@schema.parametrize()
@settings(QUICKLY, max_examples=10)
def test_a_route_holds_what_it_promises(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers={"Authorization": "Bearer vx_1"}, checks=CHECKS)


@schema.parametrize()
@settings(QUICKLY, max_examples=2)
def test_without_a_key_too(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers={}, checks=CHECKS)
