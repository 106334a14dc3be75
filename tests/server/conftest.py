"""A real server on a port of loopback, over an engine whose text shows what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import uvicorn

from tests.detectors import LoudnessDetector
from tests.fakes import LoudnessActivity, SpellingEngine, spelling_pool
from voxtral_service.assistant.assistant import Assistant
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.speech import Synthesizer
from voxtral_service.engine.base import Capabilities
from voxtral_service.engine.pool import EnginePool
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.service import Jobs
from voxtral_service.server import tcp
from voxtral_service.server.keys import ApiKey, Door
from voxtral_service.server.run import Listen, configure
from voxtral_service.server.seats import Seats
from voxtral_service.server.state import FileSettings, ServedModel, ServerState


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    state: ServerState
    engine: SpellingEngine
    port: int
    wyoming_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@asynccontextmanager
async def running(
    places: int = 4,
    keys: tuple[ApiKey, ...] | None = None,
    *,
    strict_models: bool = False,
    files: FileSettings | None = None,
    capabilities: Capabilities | None = None,
    fetch_from: tuple[str, ...] = (),
    jobs: Callable[[EnginePool], Jobs] | None = None,
    speech: Synthesizer | None = None,
    assistant: Assistant | None = None,
    knowledge: Knowledge | None = None,
) -> AsyncIterator[Running]:
    engine = SpellingEngine(places, capabilities=capabilities or Capabilities(live=True))
    limits = replace(files or FileSettings(), detector=LoudnessDetector)
    state = ServerState(
        engine=engine,
        model=ServedModel("spelling", ("en",), 1_700_000_000),
        pool=spelling_pool(engine, strict=strict_models),
        activity=LoudnessActivity,
        door=Door(keys),
        seats=Seats(places),
        strict_models=strict_models,
        files=limits,
        speech=speech if speech is not None or assistant is None else assistant.synthesizer,
        assistant=assistant,
        knowledge=knowledge,
        fetcher=Fetcher(fetch_from, max_bytes=limits.max_upload),
    )
    if jobs is not None:
        state.jobs = jobs(state.pool)
        state.jobs.start()
    if knowledge is not None:
        knowledge.start()
    async with listening(state) as (port, wyoming_port):
        yield Running(state, engine, port, wyoming_port)


@asynccontextmanager
async def listening(state: ServerState) -> AsyncIterator[tuple[int, int]]:
    """Serve on free ports of loopback, for HTTP and for Wyoming, and stop all that the state holds."""
    server = uvicorn.Server(configure(state, Listen(port=0)))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    wyoming = await tcp.listen(state, "127.0.0.1", 0)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield port, wyoming.sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        wyoming.close()
        await task
        if state.jobs is not None:
            await state.jobs.stop()
        if state.knowledge is not None:
            await state.knowledge.stop()
        await state.pool.close()


@pytest.fixture
def serve() -> Serve:
    return running
