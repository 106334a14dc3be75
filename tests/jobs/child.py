"""A server of jobs to be killed."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fakes import LoudnessActivity, spelling_pool
from tests.jobs.slow import SlowEngine
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.engine.pool import EnginePool
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.runner import Pace
from voxtral_service.jobs.service import Jobs
from voxtral_service.jobs.webhook import Retries, root_secret
from voxtral_service.server.keys import Door
from voxtral_service.server.run import Listen, run
from voxtral_service.server.seats import Seats
from voxtral_service.server.state import ServedModel, ServerState


def jobs_in(folder: Path, pool: EnginePool, hook_port: int) -> Jobs:
    """Jobs that lose no time: what a dead server held is free after half a second."""
    database = Database.open(f"sqlite:///{folder / 'voxtral.db'}")
    database.upgrade()
    fetcher = Fetcher((f"127.0.0.1:{hook_port}",), max_bytes=10**7, max_seconds=5)
    return Jobs(
        database,
        FileFolder(folder / "jobs"),
        pool,
        fetcher,
        fetcher,
        root_secret(folder / "webhook.secret"),
        pace=Pace(at_once=2, lanes=2, lease=0.5, poll=0.05, retry=0.05),
        retries=Retries(attempts=100, first=0.05, longest=0.2),
        hold=0.5,
    )


def serve(folder: Path, hook_port: int, pause: float, port: int | None, ready: Connection) -> None:
    """Work until killed, and say so; with a port there are routes as well."""
    asyncio.run(_serve(folder, hook_port, pause, port, ready))


async def _serve(folder: Path, hook_port: int, pause: float, port: int | None, ready: Connection) -> None:
    engine = SlowEngine(pause=pause)
    pool = spelling_pool(engine)
    jobs = jobs_in(folder, pool, hook_port)
    ready.send(True)
    if port is None:
        jobs.start()
        await asyncio.Event().wait()
        return
    state = ServerState(
        engine=engine,
        model=ServedModel("spelling", ("en",), 0),
        pool=pool,
        activity=LoudnessActivity,
        door=Door(None),
        seats=Seats(4),
        jobs=jobs,
    )
    await run(state, Listen(port=port))
