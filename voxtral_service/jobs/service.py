"""All of the jobs of one server: what the routes speak to."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.engine.pool import EnginePool
from voxtral_service.errors import StorageError
from voxtral_service.events import TranscriptSegment
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.job import ENDED, Job, JobRequest, Status
from voxtral_service.jobs.outbox import Delivery, DeliveryStatus, Outbox
from voxtral_service.jobs.runner import Pace, Runner
from voxtral_service.jobs.store import JobStore
from voxtral_service.jobs.webhook import Deliverer, Retries, owner_secret

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 3600.0
POST_GRACE = 5.0
"""Seconds that webhooks on their way get when the server stops."""


@dataclass(frozen=True, slots=True)
class JobLimits:
    """`most` is how many jobs of one owner may be open, `keep_seconds` how long ended ones are kept."""

    most: int = 1000
    keep_seconds: float = 30 * 86400.0


class Jobs:
    """Takes jobs in, works on them, tells of their ends, and forgets them after a while.

    Its methods block for a moment, but for those that are coroutines. `posts` sends webhooks; `secret` is the server's
    own. `pace.poll` goes for webhooks too.
    """

    def __init__(
        self,
        database: Database,
        folder: FileFolder,
        pool: EnginePool,
        fetcher: Fetcher,
        posts: Fetcher,
        secret: bytes,
        *,
        limits: JobLimits | None = None,
        pace: Pace | None = None,
        retries: Retries | None = None,
        hold: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        pace = pace or Pace()
        self._limits = limits or JobLimits()
        self._database = database
        self._store = JobStore(database)
        self._outbox = Outbox(database)
        self._pool = pool
        self._fetcher = fetcher
        self._posts = posts
        self._secret = secret
        self._clock = clock
        self._sweeper: asyncio.Task[None] | None = None
        self.folder = folder
        deliverer = Deliverer(self._outbox, posts, secret, retries=retries, hold=hold, poll=pace.poll, clock=clock)
        self._posting = deliverer.crew
        runner = Runner(self._store, pool, folder, fetcher, pace=pace, ended=self._posting.wake, clock=clock)
        self._running = runner.crew

    def start(self) -> None:
        """Begin to work, in the loop that runs now."""
        self.folder.make()
        self._posting.start()
        self._running.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="jobs-sweep")

    async def stop(self, grace: float = 0.0) -> None:
        """Let go of jobs after the segment they are at, or at once after `grace` seconds; harmless if repeated."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        await self._running.stop(grace)
        await self._posting.stop(min(grace, POST_GRACE))
        self._database.close()

    def check_urls(self, request: JobRequest) -> None:
        """Raises InvalidOption when the server may not ask the addresses that a request names."""
        if request.url is not None:
            self._fetcher.check(request.url, field="url")
        if request.webhook_url is not None:
            self._posts.check(request.webhook_url, field="webhook_url")

    def submit(
        self,
        owner: str,
        request: JobRequest,
        recording: Path | None,
        *,
        priority: int = 0,
        idempotency_key: str | None = None,
    ) -> tuple[Job, bool]:
        """A new job and True, or the one that the idempotency key stands for and False.

        `recording` is moved from where `folder.incoming` had it written, unless the job is not new; without one the
        request has a URL. Raises like `check_urls` and `JobStore.create`, and ModelNotFound.
        """
        self.check_urls(request)
        request = replace(request, model=self._pool.resolve(request.model).name)
        id = "job_" + secrets.token_hex(12)
        fingerprint = _fingerprint(request, priority, recording) if idempotency_key is not None else ""
        kept = False
        try:
            if recording is not None:
                self.folder.keep(recording, id)
            job, kept = self._store.create(
                id,
                owner,
                request,
                now=self._clock(),
                fingerprint=fingerprint,
                priority=priority,
                idempotency_key=idempotency_key,
                most=self._limits.most,
            )
        finally:
            if not kept:
                self.folder.remove(id)
        self._running.wake()
        return job, kept

    def get(self, id: str, owner: str) -> Job:
        """An owner's job; raises JobNotFound."""
        return self._store.get(id, owner)

    def list(self, owner: str, *, status: Status | None, after: str | None, limit: int) -> Sequence[Job]:
        """As `JobStore.list`."""
        return self._store.list(owner, status=status, after=after, limit=limit)

    def segments(self, id: str, *, first: int = 0) -> Sequence[TranscriptSegment]:
        """As `JobStore.segments`."""
        return self._store.segments(id, first=first)

    def cancel(self, id: str, owner: str) -> Job:
        """End a job that has not ended; raises JobNotFound."""
        return self._dropped(self._store.cancel(id, owner, now=self._clock()))

    def remove(self, id: str, owner: str) -> Job:
        """Cancel a job if need be, and forget it; raises JobNotFound."""
        return self._dropped(self._store.remove(id, owner, now=self._clock()))

    def deliveries(self, owner: str, *, status: DeliveryStatus | None, limit: int) -> Sequence[Delivery]:
        """An owner's webhooks, newest first."""
        return self._outbox.list(owner, status=status, limit=limit)

    def revive(self, id: str, owner: str) -> Delivery:
        """As `Outbox.revive`."""
        delivery = self._outbox.revive(id, owner, now=self._clock())
        self._posting.wake()
        return delivery

    def secret(self, owner: str) -> str:
        """What an owner's webhooks are signed with."""
        return owner_secret(self._secret, owner)

    def _dropped(self, job: Job) -> Job:
        self.folder.remove(job.id)
        self._running.drop(job.id)
        self._posting.wake()
        return job

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.sweep)
            except (StorageError, OSError) as error:
                logger.error("old jobs cannot be removed: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)

    def sweep(self) -> None:
        """Forget what ended long ago, and files that no open job needs."""
        before = self._clock() - self._limits.keep_seconds
        self._store.purge(before=before)
        self._outbox.purge(before=before)
        if removed := self.folder.sweep(self._store.unfinished, clock=self._clock):
            logger.info("removed %d files of jobs that have ended", removed)


def has_ended(job: Job) -> bool:
    """Whether nothing will happen to a job any more."""
    return job.status in ENDED


def _fingerprint(request: JobRequest, priority: int, recording: Path | None) -> str:
    """Stands for all that was asked, the recording's bytes too."""
    digest = hashlib.sha256(repr((sorted(asdict(request).items()), priority)).encode("utf-8", "surrogateescape"))
    if recording is not None:
        with recording.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
