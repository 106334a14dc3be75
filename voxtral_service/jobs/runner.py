"""Works on jobs: claims them, keeps what is heard segment by segment, and ends them."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Never

from voxtral_service import metrics
from voxtral_service.audio.recording import Recording
from voxtral_service.database.folder import FileFolder
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.pool import EnginePool
from voxtral_service.errors import CallerError, EngineError, Overloaded, StorageError, VoxtralError
from voxtral_service.events import TranscriptSegment
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.crew import Crew
from voxtral_service.jobs.job import Claim, Job, JobError, Status
from voxtral_service.jobs.store import JobStore, LeaseLost

logger = logging.getLogger(__name__)

LONGEST_RETRY = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How jobs are worked on: so many at once, each with up to `lanes` streams of its engine; times in seconds.
    A recording may have `max_seconds` of sound.

    A job whose server died is taken up again when its `lease` has run out. `retry` is the first wait after a failure of
    this side; it doubles with each.
    """

    at_once: int = 2
    lanes: int = 4
    max_seconds: float = 12 * 3600.0
    lease: float = 15.0
    poll: float = 1.0
    retry: float = 10.0


class LetGo(Exception):
    """The server stops; somebody else goes on with the job."""


class Runner:
    """The workers of one process. Leases count in `clock`, which must be much the same on all servers of a database."""

    def __init__(
        self,
        store: JobStore,
        pool: EnginePool,
        folder: FileFolder,
        fetcher: Fetcher,
        *,
        pace: Pace | None = None,
        ended: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._pool = pool
        self._folder = folder
        self._fetcher = fetcher
        self._pace = pace or Pace()
        self._ended = ended
        self._clock = clock
        self.crew: Crew[Claim] = Crew(
            self._pace.at_once,
            self._claim,
            self._work,
            name_of=lambda claim: claim.job.id,
            poll=self._pace.poll,
        )

    def _claim(self, most: int) -> Sequence[Claim]:
        claims: list[Claim] = []
        while len(claims) < most:
            if (claim := self._store.claim(now=self._clock(), seconds=self._pace.lease)) is None:
                break
            claims.append(claim)
        for status, number in self._store.counts().items():
            metrics.JOBS.labels(status.value).set(number)
        return claims

    async def _work(self, claim: Claim) -> None:
        """One claimed job, until it ends or is given back."""
        if claim.job.segments == 0:
            metrics.JOB_WAIT.observe(self._clock() - claim.job.created_at)
        hearing = asyncio.create_task(self._hear(claim))
        holding = asyncio.create_task(self._hold(claim))
        try:
            await asyncio.wait({hearing, holding}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._end_tasks(hearing, holding)
            await self._settle(claim, LetGo())
            raise
        ended = hearing if hearing.done() else holding
        outcome = ended.exception() or ended.result()
        await self._end_tasks(hearing, holding)
        await self._settle(claim, outcome)

    async def _end_tasks(self, *tasks: asyncio.Task[Any]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(self, claim: Claim) -> Never:
        """Renew the lease until it is lost."""
        while True:
            await asyncio.sleep(self._pace.lease / 3)
            try:
                await asyncio.to_thread(self._store.renew, claim, until=self._clock() + self._pace.lease)
            except StorageError as error:
                logger.error("%s: the lease cannot be renewed: %s", claim.job.id, error)

    async def _hear(self, claim: Claim) -> Job:
        job = claim.job
        await self._fetch(job)
        async with self._pool.use(job.request.model) as loaded:
            path, name = self._folder.file(job.id), job.request.source
            recording = Recording(path, name=name, skip=job.done_seconds, max_seconds=self._pace.max_seconds)
            try:
                await asyncio.to_thread(recording.open)
                until = self._clock() + self._pace.lease
                await asyncio.to_thread(self._store.renew, claim, until=until, audio_seconds=recording.duration)
                events = transcribe_file(
                    loaded.engine,
                    recording,
                    job.request.options,
                    lanes=self._pace.lanes,
                    first=job.segments,
                    start=job.done_seconds,
                )
                async with aclosing(events):
                    async for event in events:
                        if isinstance(event, TranscriptSegment):
                            await self._keep(claim, event)
            finally:
                await asyncio.to_thread(recording.close)
        return await asyncio.to_thread(self._store.succeed, claim, now=self._clock(), warnings=recording.warnings)

    async def _keep(self, claim: Claim, segment: TranscriptSegment) -> None:
        await asyncio.to_thread(self._store.add_segment, claim, segment, until=self._clock() + self._pace.lease)
        metrics.JOB_AUDIO_SECONDS.inc(segment.end - segment.start)
        if self.crew.stopping:
            raise LetGo

    async def _fetch(self, job: Job) -> None:
        """Bring the recording here if it is somewhere else."""
        if await asyncio.to_thread(self._folder.file(job.id).is_file):
            return
        if job.request.url is None:
            raise EngineError(f"the recording {job.request.source} is no longer in the jobs' folder; send it again")
        with self._folder.incoming() as incoming:
            with await asyncio.to_thread(incoming.open, "wb") as file:
                await self._fetcher.download(job.request.url, file)
            await asyncio.to_thread(self._folder.keep, incoming, job.id)

    async def _settle(self, claim: Claim, outcome: Job | BaseException) -> None:
        """Do with a job what follows from how its work ended."""
        now, wait = self._clock(), self._wait(claim.job.failures)
        job: Job | None = None
        try:
            match outcome:
                case Job():
                    job = outcome
                case LetGo():
                    await asyncio.to_thread(self._store.release, claim, run_at=now)
                case Overloaded():  # nobody's fault: other work goes first
                    await asyncio.to_thread(self._store.release, claim, run_at=now + wait)
                case CallerError():
                    job = await asyncio.to_thread(self._store.fail, claim, _job_error(outcome), now=now)
                case LeaseLost():
                    logger.info("%s is somebody else's now, or was cancelled", claim.job.id)
                case _:
                    logger.error("%s: a run failed", claim.job.id, exc_info=outcome)
                    metrics.JOB_FAILURES.inc()
                    retry = self._store.retry
                    job = await asyncio.to_thread(retry, claim, _job_error(outcome), now=now, run_at=now + wait)
        except LeaseLost:
            logger.info("%s is somebody else's now, or was cancelled", claim.job.id)
        except VoxtralError as storage:  # the lease runs out, and somebody goes on from the last segment
            logger.error("%s cannot be settled: %s", claim.job.id, storage)
        if job is not None and job.status is not Status.QUEUED:
            metrics.JOBS_ENDED.labels(job.status.value).inc()
            self._folder.remove(job.id)
            self._ended()

    def _wait(self, failures: int) -> float:
        wait: float = min(self._pace.retry * 2**failures, LONGEST_RETRY)
        return wait * random.uniform(0.5, 1.0)


def _job_error(error: BaseException) -> JobError:
    if isinstance(error, VoxtralError):
        return JobError(error.code, str(error), error.field)
    return JobError(EngineError.code, f"the server failed inside ({type(error).__name__}); its log says how")
