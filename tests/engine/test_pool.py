"""Models come and go within their budget; nobody loses an engine that is in use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests import fakes, tiny_whisper
from voxtral_service.engine.pool import EnginePool, LoadedModel
from voxtral_service.engine.registry import InstalledModel, Registry
from voxtral_service.errors import CheckpointError, EngineError, ModelNotFound, Overloaded

NOWHERE = Path("nowhere")
MODELS = {name: fakes.installed(name, size) for name, size in (("a", 40), ("b", 40), ("c", 60), ("whole", 100))}


class Engine(fakes.SpellingEngine):
    """Knows whether it has been closed."""

    def __init__(self, model: InstalledModel) -> None:
        super().__init__()
        self.model = model
        self.closed = False

    def close(self) -> None:
        self.closed = True


class House:
    """A pool on a virtual clock, whose loads end when they are told to."""

    def __init__(self, budget: int = 100, **options: Any) -> None:
        self.now = 0.0
        self.engines: list[Engine] = []
        self.loading: list[tuple[InstalledModel, asyncio.Future[None]]] = []
        self.pool = EnginePool(
            Registry(NOWHERE, NOWHERE, NOWHERE),
            self._load,
            budget=budget,
            idle_seconds=60,
            clock=lambda: self.now,
            off_loop=self._off_loop,
            **options,
        )

    def _load(self, model: InstalledModel) -> Engine:
        self.engines.append(Engine(model))
        return self.engines[-1]

    async def _off_loop(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if function == self._load:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.loading.append((arguments[0], done))
            try:
                await done
            finally:
                self.loading.pop(0)
        return function(*arguments)

    def end_load(self, error: Exception | None = None) -> None:
        _, done = self.loading[0]
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)


class User:
    """Somebody who uses a model until told to stop."""

    def __init__(self, house: House, model: InstalledModel) -> None:
        self.model = model
        self.engine: Engine | None = None
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(self._use(house))

    async def _use(self, house: House) -> None:
        async with house.pool.use(self.model) as loaded:
            assert isinstance(loaded.engine, Engine)
            self.engine = loaded.engine
            await self._stop.wait()
            self.engine = None

    def stop(self) -> None:
        self._stop.set()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class PoolMachine(RuleBasedStateMachine):
    """Users come, wait, go and give up in any order, loads end well or badly, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.users: list[User] = []
        self.house = self.run(self._start())

    async def _start(self) -> House:
        return House()

    def run(self, coroutine: Any) -> Any:
        async def then_settle() -> Any:
            result = await coroutine
            await settle()
            return result

        return self.runner.run(then_settle())

    @rule(name=st.sampled_from(sorted(MODELS)))
    def come(self, name: str) -> None:
        async def come() -> None:
            self.users.append(User(self.house, MODELS[name]))

        self.run(come())

    @precondition(lambda self: self.users)
    @rule(data=st.data(), give_up=st.booleans())
    def go(self, data: st.DataObject, give_up: bool) -> None:
        async def go() -> None:
            user = self.users.pop(data.draw(st.integers(0, len(self.users) - 1)))
            if give_up:
                user.task.cancel()
            elif user.engine is None and not user.task.done():
                self.users.append(user)  # it still waits, and stays
                return
            user.stop()
            await asyncio.wait([user.task])
            error = None if user.task.cancelled() else user.task.exception()
            assert error is None or isinstance(error, (CheckpointError, Overloaded))

        self.run(go())

    @precondition(lambda self: self.house.loading)
    @rule(well=st.booleans())
    def end_load(self, well: bool) -> None:
        async def end() -> None:
            self.house.end_load(None if well else CheckpointError("torn"))

        self.run(end())

    @rule(seconds=st.floats(0, 100))
    def pass_time(self, seconds: float) -> None:
        async def passing() -> None:
            self.house.now += seconds
            self.house.pool.unload_idle()

        self.run(passing())

    @invariant()
    def what_is_in_memory_fits(self) -> None:
        held = [engine.model for engine in self.house.engines if not engine.closed]
        held += [model for model, _ in self.house.loading]
        assert sum(model.size for model in held) <= 100
        assert len({model.name for model in held}) == len(held)
        assert len(self.house.loading) <= 1

    @invariant()
    def nobody_loses_an_engine(self) -> None:
        for user in self.users:
            if user.engine is not None:
                assert not user.engine.closed
                assert user.engine.model == user.model

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        waiting = [user for user in self.users if user.engine is None and not user.task.done()]
        assert bool(waiting) <= bool(self.house.loading)

    def teardown(self) -> None:
        async def end() -> None:
            for user in self.users:
                user.stop()
            while self.house.loading:
                self.house.end_load()
                await settle()
            await asyncio.gather(*(user.task for user in self.users), return_exceptions=True)
            await self.house.pool.close()

        self.run(end())
        self.runner.close()
        assert all(engine.closed for engine in self.house.engines)


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


async def test_users_of_a_model_share_one_load_and_one_engine() -> None:
    house = House()
    first, second = User(house, MODELS["a"]), User(house, MODELS["a"])
    await settle()
    assert len(house.loading) == 1
    first.task.cancel()  # the other one still waits
    await settle()
    house.end_load()
    await settle()
    third = User(house, MODELS["a"])
    await settle()
    assert second.engine is third.engine is house.engines[0]
    assert house.pool.loaded == [MODELS["a"]]
    for user in (second, third):
        user.stop()
    await house.pool.close()
    assert house.engines[0].closed
    with pytest.raises(EngineError, match="the server is stopping"):
        async with house.pool.use(MODELS["a"]):
            pass


async def test_the_least_recently_used_idle_model_makes_room() -> None:
    house = House()
    for name in ("a", "b", "a"):
        user = User(house, MODELS[name])
        await settle()
        if house.loading:
            house.end_load()
            await settle()
        house.now += 1
        user.stop()
        await settle()
    user = User(house, MODELS["c"])
    await settle()
    house.end_load()
    await settle()
    assert house.pool.loaded == [MODELS["a"], MODELS["c"]]
    with pytest.raises(Overloaded, match="no memory for whole while other models are in use"):
        async with house.pool.use(MODELS["whole"]):
            pass
    assert house.pool.loaded == [MODELS["a"], MODELS["c"]]  # nothing was unloaded in vain
    user.stop()
    await house.pool.close()


async def test_a_model_is_unloaded_when_nobody_has_used_it_for_long_enough() -> None:
    house = House()
    user = User(house, MODELS["a"])
    await settle()
    house.end_load()
    await settle()
    house.now = 1000
    house.pool.unload_idle()
    assert not house.engines[0].closed
    user.stop()
    await settle()
    house.now += 59
    house.pool.unload_idle()
    assert house.pool.loaded
    house.now += 1
    house.pool.unload_idle()
    await settle()
    assert house.engines[0].closed


async def test_a_model_that_never_fits_is_an_error_that_says_so() -> None:
    house = House(budget=30)
    with pytest.raises(EngineError, match=r"a takes 0\.0 GB and 0\.0 GB are set aside .* raise models_memory"):
        async with house.pool.use(MODELS["a"]):
            pass


async def test_the_default_is_always_there_and_belongs_to_whoever_made_it() -> None:
    engine = Engine(fakes.installed())
    house = House(budget=0, default=LoadedModel(engine.model, engine))
    async with house.pool.use("") as loaded:
        assert loaded.engine is engine
    house.now = 1e9
    house.pool.unload_idle()
    await house.pool.close()
    assert not engine.closed


@pytest.mark.parametrize("name", ["", "spelling", "whisper-1", "gpt-4o-mini-transcribe", "voxtral-mini-latest"])
def test_names_that_clients_have_built_in_mean_the_default(name: str) -> None:
    assert fakes.spelling_pool(fakes.SpellingEngine()).resolve(name).name == "spelling"


@pytest.mark.parametrize("name", ["whisper-tiny", "org/name", "nonsense", "/etc", "..", "voxtral-mini-3b"])
def test_other_names_are_not_replaced_and_folders_not_looked_at(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        fakes.spelling_pool(fakes.SpellingEngine()).resolve(name)
    assert caught.value.field == "model"


def test_a_strict_pool_takes_no_name_for_another() -> None:
    pool = fakes.spelling_pool(fakes.SpellingEngine(), strict=True)
    assert pool.resolve("spelling").name == pool.resolve("").name == "spelling"
    with pytest.raises(ModelNotFound):
        pool.resolve("whisper-1")


def test_installed_models_are_listed_after_the_default(tmp_path: Path) -> None:
    tiny_whisper.write_whisper(tmp_path / "whisper")
    registry = Registry(tmp_path, NOWHERE, NOWHERE)
    default = LoadedModel(fakes.installed(), fakes.SpellingEngine())
    pool = EnginePool(registry, Engine, budget=1, idle_seconds=1, default=default)
    assert [model.name for model in pool.installed()] == ["spelling", "whisper"]
