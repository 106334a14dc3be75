"""Models loaded when they are asked for, several at a time, within a budget of memory."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxtral_service.engine.base import Engine
from voxtral_service.engine.registry import InstalledModel, Registry, hearing
from voxtral_service.errors import EngineError, ModelNotFound, Overloaded

logger = logging.getLogger(__name__)

HOSTED = re.compile(r"whisper-1|gpt-.*|voxtral-.*(latest|transcribe|-\d{4})")
"""Names of OpenAI's and Mistral's hosted models; clients have them built in and mean whatever model is served."""


OffLoop = Callable[..., Coroutine[Any, Any, Any]]
"""Makes a blocking call and lets the loop go on, as `asyncio.to_thread`."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to take streams."""

    model: InstalledModel
    engine: Engine


@dataclass(slots=True)
class _Entry:
    """A model that is wanted: waiting to be loaded, or loaded."""

    model: InstalledModel
    loading: asyncio.Task[None] | None = None
    loaded: LoadedModel | None = None
    users: int = 0
    last_used: float = 0.0


class EnginePool:
    """Loads models in a worker thread, one at a time, and unloads those that nobody has used for a while.

    Users of a model share it, and share the wait for it. When the budget has no room for another, the least recently
    used idle models make it. The default model is loaded from the start, is never unloaded and does not count. Used
    from one asyncio loop.
    """

    def __init__(
        self,
        registry: Registry,
        load: Callable[[InstalledModel], Engine],
        *,
        budget: int,
        idle_seconds: float,
        need: Callable[[InstalledModel], int] = lambda model: model.size,
        clock: Callable[[], float] = time.monotonic,
        off_loop: OffLoop = asyncio.to_thread,
        default: LoadedModel | None = None,
        strict: bool = False,
    ) -> None:
        """`budget` is in bytes, `need` tells how many of them a model takes, `off_loop` makes calls that take long.

        `strict` refuses names of hosted models instead of taking them to mean the default.
        """
        self._registry, self._load, self._need = registry, load, need
        self._budget, self._idle_seconds, self._clock = budget, idle_seconds, clock
        self._off_loop = off_loop
        self._default, self._strict = default, strict
        self._entries: dict[Path, _Entry] = {}
        self._one_load = asyncio.Lock()
        self._closing: set[asyncio.Future[None]] = set()
        self._closed = False

    @property
    def loaded(self) -> list[InstalledModel]:
        """The models that are in memory now, the default first."""
        first = [self._default.model] if self._default else []
        return first + [entry.model for entry in self._entries.values() if entry.loaded]

    @property
    def used(self) -> int:
        """Bytes of the budget that are taken by models in memory."""
        return sum(self._need(entry.model) for entry in self._entries.values() if entry.loaded)

    def installed(self) -> list[InstalledModel]:
        """Every model that may be asked for, the default first."""
        first = [self._default.model] if self._default else []
        here, _ = self._registry.installed()
        return first + [m for m in here if m.kind.hears and m.folder not in {one.folder for one in first}]

    def resolve(self, name: str) -> InstalledModel:
        """The model of an alias or hub id, never of a folder: names come from clients, who must not probe the disk.

        An empty name is the default, and so are names of hosted models unless `strict`. Raises ModelNotFound and
        CheckpointError like `Registry.named`.
        """
        default = self._default.model if self._default else None
        if default and name in {"", default.name}:
            return default
        try:
            return hearing(self._registry.named(name))
        except ModelNotFound:
            if default and not self._strict and HOSTED.fullmatch(name):
                return default
            raise

    @asynccontextmanager
    async def use(self, model: str | InstalledModel) -> AsyncGenerator[LoadedModel]:
        """A model, loaded; it stays so inside the block.

        Raises like `resolve` for a name; CheckpointError and EngineError when the model cannot be loaded, Overloaded
        when the budget is full of models in use.
        """
        wanted = model if isinstance(model, InstalledModel) else await self._off_loop(self.resolve, model)
        if self._default and wanted.folder == self._default.model.folder:
            yield self._default
            return
        entry = self._entry(wanted)
        try:
            yield await self._ready(entry)
        finally:
            entry.users -= 1
            entry.last_used = self._clock()
            if not entry.users and not self._closed:
                asyncio.get_running_loop().call_later(self._idle_seconds, self.unload_idle)

    def unload_idle(self) -> None:
        """Unload the models that nobody has used for as long as the pool allows; called by itself when that is due."""
        now = self._clock()
        for entry in list(self._entries.values()):
            if entry.loaded and not entry.users and now - entry.last_used >= self._idle_seconds:
                self._unload(entry)

    async def close(self) -> None:
        """Unload everything but the default, which belongs to whoever loaded it; harmless when closed.

        A load that has begun is waited for. Models in use fail their streams.
        """
        self._closed = True
        for entry in list(self._entries.values()):
            if entry.loading:
                await asyncio.wait([entry.loading])
            if entry.loaded:
                self._unload(entry)
        await asyncio.gather(*self._closing)

    def _entry(self, model: InstalledModel) -> _Entry:
        """The entry of a model, with one user more."""
        if self._closed:
            raise EngineError("the server is stopping; ask again when it is back")
        entry = self._entries.get(model.folder)
        if entry is None:
            entry = self._entries[model.folder] = _Entry(model)
            entry.loading = asyncio.create_task(self._bring_in(entry), name=f"load {model.name}")
            entry.loading.add_done_callback(_log_unheard)
        entry.users += 1
        return entry

    async def _ready(self, entry: _Entry) -> LoadedModel:
        if entry.loading:
            # A waiter that gives up takes neither the others' load with it nor the work done so far.
            await asyncio.shield(entry.loading)
        if entry.loaded is None:
            raise EngineError(f"{entry.model.name} was unloaded while it was loaded; the server is stopping")
        return entry.loaded

    async def _bring_in(self, entry: _Entry) -> None:
        try:
            async with self._one_load:
                if not entry.users or self._closed:  # everybody who waited has given up
                    return
                await self._make_room(entry.model)
                started = time.monotonic()
                engine = await self._off_loop(self._load, entry.model)
                entry.loaded = LoadedModel(entry.model, engine)
                entry.last_used = self._clock()
                logger.info("loaded %s in %.1f s", entry.model.name, time.monotonic() - started)
        finally:
            entry.loading = None
            if entry.loaded is None:
                self._entries.pop(entry.model.folder, None)

    async def _make_room(self, model: InstalledModel) -> None:
        needed = self._need(model)
        if needed > self._budget:
            raise EngineError(
                f"{model.name} takes {needed / 1e9:.1f} GB and {self._budget / 1e9:.1f} GB are set aside for models; "
                "raise models_memory or choose a smaller model"
            )
        idle = [entry for entry in self._entries.values() if entry.loaded and not entry.users]
        if self.used - sum(self._need(entry.model) for entry in idle) + needed > self._budget:
            raise Overloaded(
                f"there is no memory for {model.name} while other models are in use; try again later, or raise "
                "models_memory"
            )
        for entry in sorted(idle, key=lambda entry: entry.last_used):
            if self.used + needed <= self._budget:
                break
            self._unload(entry)
        # Only when the memory is free again can it be given to another.
        await asyncio.gather(*self._closing)

    def _unload(self, entry: _Entry) -> None:
        """Forget an engine and close it in a worker thread."""
        loaded = entry.loaded
        del self._entries[entry.model.folder]
        if loaded is not None:
            logger.info("unloading %s", entry.model.name)
            closing = asyncio.ensure_future(self._off_loop(loaded.engine.close))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _log_unheard(load: asyncio.Task[None]) -> None:
    """Whoever waited may have given up before the load failed."""
    if not load.cancelled() and (error := load.exception()):
        logger.warning("%s failed: %s", load.get_name(), error)
