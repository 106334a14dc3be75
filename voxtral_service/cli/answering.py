"""Somebody to talk with in this process, as the settings want it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from voxtral_service.assistant import setup
from voxtral_service.assistant.assistant import Assistant
from voxtral_service.assistant.speech import Synthesizer
from voxtral_service.cli.asking import Answering, Talking
from voxtral_service.cli.serve import open_knowledge
from voxtral_service.config import Settings
from voxtral_service.engine import loading
from voxtral_service.engine.base import Engine
from voxtral_service.engine.choice import choose
from voxtral_service.engine.memory import available
from voxtral_service.engine.pool import EnginePool, LoadedModel
from voxtral_service.engine.registry import Registry
from voxtral_service.events import ConfigureResponses, ResponseSettings, SessionSettings
from voxtral_service.server.keys import ANONYMOUS
from voxtral_service.session.dialogue import Dialogue
from voxtral_service.session.session import Activity, Session

if TYPE_CHECKING:
    import torch

OWNER = ANONYMOUS.name
"""Whose memories and documents are known: those of whoever calls a server here without a key."""


@asynccontextmanager
async def answering(
    settings: Settings, synthesizer: Synthesizer | None, wish: ResponseSettings
) -> AsyncGenerator[Answering]:
    """Somebody who reads and does not listen, so that no model for speech is loaded.

    Raises what `setup.assistant` does.
    """
    pool = _pool(settings, loading.pick_device(settings.device), None)
    async with _assistant(settings, pool, None, synthesizer) as assistant:
        responder = assistant.open(OWNER)
        try:
            await responder.send(ConfigureResponses(wish))
            yield responder
        finally:
            await responder.close()


@asynccontextmanager
async def talking(
    settings: Settings,
    synthesizer: Synthesizer | None,
    wish: ResponseSettings,
    session: SessionSettings,
    activity: Callable[[], Activity],
    notice: Callable[[str], None],
) -> AsyncGenerator[Talking]:
    """Somebody who listens with the model that `voxtral listen` would take; `notice` is told which.

    Raises what `setup.assistant`, `choose` and loading do.
    """
    device = loading.pick_device(settings.device)
    choice = choose(Registry(settings.models_dir), settings.model, device)
    if choice.notice:
        notice(choice.notice)
    engine = loading.load(choice.model, device=device, dtype=settings.dtype, slots=2)  # a turn may overlap the last
    try:
        pool = _pool(settings, device, LoadedModel(choice.model, engine))
        async with _assistant(settings, pool, engine, synthesizer) as assistant:
            heard = Session(engine, session, activity, tells_audio=assistant.hears)
            dialogue = Dialogue(heard, assistant.open(OWNER))
            try:
                await dialogue.send(ConfigureResponses(wish))
                yield dialogue
            finally:
                await dialogue.close()
    finally:
        engine.close()


@asynccontextmanager
async def _assistant(
    settings: Settings, pool: EnginePool, engine: Engine | None, synthesizer: Synthesizer | None
) -> AsyncGenerator[Assistant]:
    knowledge = None if settings.knowledge is False else open_knowledge(settings)
    assistant = setup.assistant(settings, pool, engine, synthesizer, knowledge)
    try:
        await assistant.settled()
        yield assistant
    finally:
        await assistant.close()
        await pool.close()
        if knowledge is not None:
            await knowledge.stop()


def _pool(settings: Settings, device: torch.device, default: LoadedModel | None) -> EnginePool:
    return EnginePool(
        Registry(settings.models_dir),
        partial(loading.load, device=device, dtype=settings.dtype, slots=1),
        need=partial(loading.need, device=device, dtype=settings.dtype),
        budget=settings.models_memory or available(device),
        idle_seconds=settings.models_idle,
        default=default,
    )
