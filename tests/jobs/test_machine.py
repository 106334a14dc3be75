"""Jobs under any order of events, workers that lost their lease included, beside a model that fits in the head."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from voxtral_service.database.database import Database
from voxtral_service.database.tables import job_segments, jobs, webhook_deliveries
from voxtral_service.errors import JobNotFound
from voxtral_service.events import TranscriptSegment
from voxtral_service.jobs.job import ENDED, Claim, JobError, JobRequest, Status
from voxtral_service.jobs.outbox import Outbox
from voxtral_service.jobs.store import MAX_DEATHS, MAX_FAILURES, JobStore, LeaseLost

LEASE = 10.0
OWNER = "me"


@dataclass
class Expected:
    """A job as it should be."""

    priority: int
    created_at: float
    status: Status = Status.QUEUED
    lease: str | None = None
    lease_until: float = 0.0
    run_at: float = 0.0
    segments: int = 0
    failures: int = 0
    deaths: int = 0
    events: list[str] = field(default_factory=list)

    def end(self, status: Status) -> None:
        self.status, self.lease = status, None
        self.events.append(f"job.{status}")


class JobMachine(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.database = Database.open(f"sqlite:///{self.folder / 'jobs.db'}")
        self.store, self.outbox = JobStore(self.database), Outbox(self.database)
        self.now = 0.0
        self.made = 0
        self.expected: dict[str, Expected] = {}
        self.removed: dict[str, list[str]] = {}

    @initialize()
    def migrate(self) -> None:
        with self.database.write() as connection:
            for table in (jobs, job_segments, webhook_deliveries):
                table.create(connection)

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def holds(self, claim: Claim) -> bool:
        job = self.expected.get(claim.job.id)
        return job is not None and job.lease == claim.lease

    @rule(priority=st.integers(-1, 1))
    def create(self, priority: int) -> None:
        id = f"job_{self.made}"
        self.made += 1
        request = JobRequest("m", "s", webhook_url="http://127.0.0.1/")
        self.store.create(id, OWNER, request, now=self.now, priority=priority)
        self.expected[id] = Expected(priority, self.now)

    @rule(seconds=st.sampled_from([0.5, 4.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=claims)
    def claim(self) -> object:
        while True:
            free = [
                (-job.priority, job.created_at, id)
                for id, job in self.expected.items()
                if (job.status is Status.QUEUED and job.run_at <= self.now)
                or (job.status is Status.RUNNING and job.lease_until <= self.now)
            ]
            if not free:
                break
            job = self.expected[min(free)[2]]
            job.deaths += job.status is Status.RUNNING
            if job.deaths <= MAX_DEATHS:
                break
            job.end(Status.FAILED)
        claim = self.store.claim(now=self.now, seconds=LEASE)
        if not free:
            assert claim is None
            return multiple()
        assert claim is not None
        assert claim.job.id == min(free)[2]
        assert (claim.job.segments, claim.job.deaths) == (job.segments, job.deaths)
        job.status, job.lease, job.lease_until = Status.RUNNING, claim.lease, self.now + LEASE
        return claim

    @rule(claim=claims)
    def add_segment(self, claim: Claim) -> None:
        number = self.expected[claim.job.id].segments if self.holds(claim) else claim.job.segments
        segment = TranscriptSegment(number, float(number), number + 1.0, "so")
        try:
            self.store.add_segment(claim, segment, until=self.now + LEASE)
        except LeaseLost:
            assert not self.holds(claim)
        else:
            assert self.holds(claim)
            job = self.expected[claim.job.id]
            job.segments, job.failures, job.deaths, job.lease_until = number + 1, 0, 0, self.now + LEASE

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        try:
            self.store.renew(claim, until=self.now + LEASE)
        except LeaseLost:
            assert not self.holds(claim)
        else:
            assert self.holds(claim)
            self.expected[claim.job.id].lease_until = self.now + LEASE

    @rule(claim=consumes(claims), how=st.sampled_from(["release", "retry", "fail", "succeed"]), later=st.booleans())
    def finish(self, claim: Claim, how: str, later: bool) -> None:
        run_at = self.now + 5 * later
        error = JobError("engine_error", "broke")
        try:
            match how:
                case "release":
                    self.store.release(claim, run_at=run_at)
                case "retry":
                    self.store.retry(claim, error, now=self.now, run_at=run_at)
                case "fail":
                    self.store.fail(claim, error, now=self.now)
                case "succeed":
                    self.store.succeed(claim, now=self.now)
        except LeaseLost:
            assert not self.holds(claim)
            return
        assert self.holds(claim)
        job = self.expected[claim.job.id]
        job.failures += how == "retry"
        if how == "succeed":
            job.end(Status.SUCCEEDED)
        elif how == "fail" or job.failures >= MAX_FAILURES:
            job.end(Status.FAILED)
        else:
            job.status, job.lease, job.run_at = Status.QUEUED, None, run_at

    @rule(data=st.data(), remove=st.booleans())
    def cancel(self, data: st.DataObject, remove: bool) -> None:
        id = data.draw(st.sampled_from([*self.expected, "job_none"]))
        act = self.store.remove if remove else self.store.cancel
        try:
            job = act(id, OWNER, now=self.now)
        except JobNotFound:
            assert id not in self.expected
            return
        known = self.expected[id]
        if known.status not in ENDED:
            known.end(Status.CANCELLED)
        assert job.status is known.status
        if remove:
            self.removed[id] = self.expected.pop(id).events

    @invariant()
    def everything_is_as_expected(self) -> None:
        there = {job.id: job for job in self.store.list(OWNER, limit=1000)}
        assert there.keys() == self.expected.keys()
        for id, known in self.expected.items():
            job = there[id]
            assert (job.status, job.segments, job.failures) == (known.status, known.segments, known.failures)
            assert [segment.id for segment in self.store.segments(id)] == list(range(known.segments))

    @invariant()
    def every_end_is_told_once(self) -> None:
        told: dict[str, list[str]] = {}
        for delivery in self.outbox.list(OWNER, limit=1000):
            told.setdefault(delivery.job_id, []).append(delivery.event)
        ended = {id: job.events for id, job in self.expected.items() if job.events} | self.removed
        assert told == ended
        assert all(len(events) == 1 for events in told.values())


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
