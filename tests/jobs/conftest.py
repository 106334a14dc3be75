"""The jobs of one server, over an engine that spells."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes import spelling_pool
from tests.jobs.slow import SlowEngine
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.job import Job, Status
from voxtral_service.jobs.runner import Pace
from voxtral_service.jobs.service import Jobs, has_ended
from voxtral_service.jobs.webhook import Retries

ROOT = b"r" * 32
MakeJobs = Callable[..., AbstractAsyncContextManager[Jobs]]


@pytest.fixture
def jobs_of(tmp_path: Path, new_sqlite: Path) -> MakeJobs:
    """Jobs that run; several at once share the database and the folder, as servers do."""
    shutil.copy(new_sqlite, tmp_path / "jobs.db")

    @asynccontextmanager
    async def make(engine: SlowEngine, *, hosts: tuple[str, ...] = (), pace: Pace | None = None) -> AsyncIterator[Jobs]:
        pool = spelling_pool(engine)
        fetcher = Fetcher(hosts, max_bytes=10_000_000)
        jobs = Jobs(
            Database.open(f"sqlite:///{tmp_path / 'jobs.db'}"),
            FileFolder(tmp_path / "jobs"),
            pool,
            fetcher,
            fetcher,
            ROOT,
            pace=pace or Pace(poll=0.05, retry=0.05, lease=1.0),
            retries=Retries(attempts=3, first=0.01),
        )
        jobs.start()
        try:
            yield jobs
        finally:
            await jobs.stop()
            await pool.close()

    return make


async def ended(jobs: Jobs, id: str, owner: str = "me") -> Job:
    return await until(jobs, id, has_ended, owner)


async def until(jobs: Jobs, id: str, holds: Callable[[Job], bool], owner: str = "me") -> Job:
    """The job once something holds for it."""
    async with asyncio.timeout(30):
        while not holds(job := await asyncio.to_thread(jobs.get, id, owner)):
            await asyncio.sleep(0.01)
    return job


def is_running(job: Job) -> bool:
    return job.status is Status.RUNNING
