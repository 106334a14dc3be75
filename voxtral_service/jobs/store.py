"""Jobs and their segments in the database. Every method is one transaction; all block."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError

from voxtral_service.database.database import Database
from voxtral_service.database.tables import job_segments, jobs
from voxtral_service.errors import IdempotencyKeyReused, JobNotFound, Overloaded
from voxtral_service.events import TranscriptSegment
from voxtral_service.jobs import outbox
from voxtral_service.jobs.job import ENDED, Claim, Job, JobError, JobRequest, Move, Status, sources, target

MAX_FAILURES = 3
"""Runs that end with this side's fault, without one segment more, before the job fails."""
MAX_DEATHS = 10
"""Servers that die over a job, without one segment more, before the job fails: it may be what kills them."""
_REQUEST = TypeAdapter(JobRequest)
_SEGMENT = TypeAdapter(TranscriptSegment)


class LeaseLost(Exception):
    """The job is no longer this worker's: it was cancelled or removed, or the lease ran out and another has it."""


class JobStore:
    """All jobs of all owners; what an owner asks for is looked for among his own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        id: str,
        owner: str,
        request: JobRequest,
        *,
        now: float,
        fingerprint: str = "",
        priority: int = 0,
        idempotency_key: str | None = None,
        most: int | None = None,
    ) -> tuple[Job, bool]:
        """A new job, queued, and True; or, for an idempotency key that was used before, its job and False.

        `fingerprint` stands for everything that was asked. Raises IdempotencyKeyReused when the key came with another
        one, Overloaded when the owner has `most` jobs that have not ended.
        """
        values = {
            "id": id,
            "owner": owner,
            "status": Status.QUEUED,
            "priority": priority,
            "body": _REQUEST.dump_json(request).decode(),
            "idempotency_key": idempotency_key,
            "fingerprint": fingerprint,
            "created_at": now,
            "run_at": now,
            "failures": 0,
            "deaths": 0,
            "done_seconds": 0.0,
            "segments": 0,
            "warnings": "[]",
        }
        try:
            with self._database.write() as connection:
                if (known := _known(connection, owner, idempotency_key, fingerprint)) is not None:
                    return known, False
                if most is not None and _open_jobs(connection, owner) >= most:
                    raise Overloaded(f"{most} jobs of this key have not ended, the most there may be; wait for them")
                row = connection.execute(jobs.insert().values(values).returning(jobs)).one()
                return _job(row), True
        except IntegrityError:
            # Another request with the same key was quicker by a moment; only PostgreSQL lets both in.
            with self._database.read() as connection:
                if (known := _known(connection, owner, idempotency_key, fingerprint)) is None:
                    raise
                return known, False

    def get(self, id: str, owner: str | None = None) -> Job:
        """A job; with `owner`, only if it is his. Raises JobNotFound."""
        with self._database.read() as connection:
            return _job(_row(connection, id, owner))

    def list(
        self, owner: str, *, status: Status | None = None, after: str | None = None, limit: int = 20
    ) -> Sequence[Job]:
        """An owner's jobs, newest first, from behind the one with the id `after`. Raises JobNotFound for that id."""
        wanted = sa.select(jobs).where(jobs.c.owner == owner)
        if status is not None:
            wanted = wanted.where(jobs.c.status == status)
        with self._database.read() as connection:
            if after is not None:
                last = _row(connection, after, owner)
                wanted = wanted.where(
                    sa.tuple_(jobs.c.created_at, jobs.c.id) < sa.tuple_(sa.literal(last.created_at), sa.literal(after))
                )
            newest = wanted.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
            return [_job(row) for row in connection.execute(newest)]

    def segments(self, id: str, *, first: int = 0) -> Sequence[TranscriptSegment]:
        """A job's finished segments in order, from number `first` on."""
        wanted = (job_segments.c.job_id == id) & (job_segments.c.number >= first)
        query = sa.select(job_segments.c.body).where(wanted).order_by(job_segments.c.number)
        with self._database.read() as connection:
            return [_SEGMENT.validate_json(body) for (body,) in connection.execute(query)]

    # -- for workers

    def claim(self, *, now: float, seconds: float) -> Claim | None:
        """The most urgent job that may be worked on, leased for some seconds; the oldest among equals.

        Jobs whose servers die too often end here.
        """
        queued = (jobs.c.status == Status.QUEUED) & (jobs.c.run_at <= now)
        lapsed = (jobs.c.status == Status.RUNNING) & (jobs.c.lease_until <= now)
        order = jobs.c.priority.desc(), jobs.c.created_at, jobs.c.id
        choose = sa.select(jobs).where(queued | lapsed).order_by(*order).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            while (row := connection.execute(choose).first()) is not None:
                deaths = row.deaths + (row.status == Status.RUNNING)
                if deaths > MAX_DEATHS:
                    message = f"the server died {deaths} times while it worked on the same part of the recording"
                    _end(connection, jobs.c.id == row.id, Move.FAIL, now, JobError("engine_error", message))
                    continue
                lease = secrets.token_hex(8)
                values = {
                    "lease": lease,
                    "lease_until": now + seconds,
                    "deaths": deaths,
                    "started_at": now if row.started_at is None else row.started_at,
                }
                return Claim(_job(_moved(connection, jobs.c.id == row.id, Move.CLAIM, values)), lease)
        return None

    def renew(self, claim: Claim, *, until: float, audio_seconds: float | None = None) -> None:
        """Keep a job until then; raises LeaseLost."""
        values: dict[str, Any] = {"lease_until": until}
        if audio_seconds is not None:
            values["audio_seconds"] = audio_seconds
        with self._database.write() as connection:
            _held(connection, claim, values)

    def add_segment(self, claim: Claim, segment: TranscriptSegment, *, until: float) -> None:
        """Keep a finished segment for good, and the job until then; raises LeaseLost.

        The next segment is the one whose number follows; any other is a defect of the caller (ValueError).
        """
        with self._database.write() as connection:
            values = {"segments": segment.id + 1, "done_seconds": segment.end, "failures": 0, "deaths": 0}
            before = _held(connection, claim, {"lease_until": until})
            if before.segments != segment.id:
                raise ValueError(f"segment {segment.id} cannot follow {before.segments} segments")
            _held(connection, claim, values)
            body = _SEGMENT.dump_json(segment).decode()
            connection.execute(job_segments.insert().values(job_id=claim.job.id, number=segment.id, body=body))

    def release(self, claim: Claim, *, run_at: float) -> None:
        """Give a job back, to be claimed again from `run_at` on; raises LeaseLost."""
        with self._database.write() as connection:
            _moved(connection, _mine(claim), Move.RELEASE, {"run_at": run_at, "lease": None, "lease_until": None})

    def retry(self, claim: Claim, error: JobError, *, now: float, run_at: float) -> Job:
        """Give a job back after a failure of this side, or let it fail when that has happened too often.

        Raises LeaseLost.
        """
        with self._database.write() as connection:
            row = _held(connection, claim, {"failures": jobs.c.failures + 1})
            if row.failures >= MAX_FAILURES:
                return _end(connection, _mine(claim), Move.FAIL, now, error)
            values = {"run_at": run_at, "lease": None, "lease_until": None}
            return _job(_moved(connection, _mine(claim), Move.RELEASE, values))

    def fail(self, claim: Claim, error: JobError, *, now: float) -> Job:
        """End a job that cannot succeed; raises LeaseLost."""
        with self._database.write() as connection:
            return _end(connection, _mine(claim), Move.FAIL, now, error)

    def succeed(self, claim: Claim, *, now: float, warnings: Sequence[str] = ()) -> Job:
        """End a job whose last segment is kept; raises LeaseLost. Its length is now known for certain."""
        values = {"warnings": json.dumps(list(warnings)), "audio_seconds": jobs.c.done_seconds}
        with self._database.write() as connection:
            return _end(connection, _mine(claim), Move.SUCCEED, now, None, values)

    # -- ends from outside

    def cancel(self, id: str, owner: str, *, now: float) -> Job:
        """End a job; one that has ended stays as it is. Raises JobNotFound."""
        with self._database.write() as connection:
            _row(connection, id, owner)
            try:
                return _end(connection, jobs.c.id == id, Move.CANCEL, now, None)
            except LeaseLost:
                return _job(_row(connection, id, owner))

    def remove(self, id: str, owner: str, *, now: float) -> Job:
        """Cancel a job if it has not ended, and forget it; as it was at last. Raises JobNotFound."""
        job = self.cancel(id, owner, now=now)
        with self._database.write() as connection:
            connection.execute(jobs.delete().where(jobs.c.id == id))
        return job

    def purge(self, *, before: float) -> None:
        """Forget jobs that ended before some time."""
        with self._database.write() as connection:
            connection.execute(jobs.delete().where(jobs.c.finished_at < before))

    def unfinished(self, ids: Collection[str]) -> set[str]:
        """Those of some ids whose jobs exist and have not ended."""
        query = sa.select(jobs.c.id).where(jobs.c.id.in_(ids), jobs.c.status.not_in(ENDED))
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def counts(self) -> dict[Status, int]:
        """How many jobs are in each state that is not an end."""
        query = sa.select(jobs.c.status, sa.func.count()).where(jobs.c.status.not_in(ENDED)).group_by(jobs.c.status)
        with self._database.read() as connection:
            found = {Status(status): number for status, number in connection.execute(query)}
        return {status: found.get(status, 0) for status in Status if status not in ENDED}


def _mine(claim: Claim) -> sa.ColumnElement[bool]:
    return (jobs.c.id == claim.job.id) & (jobs.c.lease == claim.lease)


def _moved(connection: sa.Connection, which: sa.ColumnElement[bool], move: Move, values: dict[str, Any]) -> sa.Row[Any]:
    """Make a move of the table; LeaseLost when the job is in no state for it."""
    possible = which & jobs.c.status.in_(sources(move))
    changed = jobs.update().where(possible).values(status=target(move), **values).returning(jobs)
    if (row := connection.execute(changed).first()) is None:
        raise LeaseLost
    return row


def _held(connection: sa.Connection, claim: Claim, values: dict[str, Any]) -> sa.Row[Any]:
    """Change a job that is being worked on, without a move; the row as it is then."""
    running = _mine(claim) & (jobs.c.status == Status.RUNNING)
    row = connection.execute(jobs.update().where(running).values(values).returning(jobs)).first()
    if row is None:
        raise LeaseLost
    return row


def _end(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    move: Move,
    now: float,
    error: JobError | None,
    values: dict[str, Any] | None = None,
) -> Job:
    """End a job and write down, in the same transaction, that its end has to be told."""
    ending = {
        "finished_at": now,
        "lease": None,
        "lease_until": None,
        "error_code": error and error.code,
        # PostgreSQL's text knows no zero byte, and messages quote what callers sent.
        "error_message": error and error.message.replace("\0", ""),
        "error_field": error and error.field,
        **(values or {}),
    }
    job = _job(_moved(connection, which, move, ending))
    outbox.enqueue(connection, job, now=now)
    return job


def _row(connection: sa.Connection, id: str, owner: str | None) -> sa.Row[Any]:
    query = sa.select(jobs).where(jobs.c.id == id)
    if owner is not None:
        query = query.where(jobs.c.owner == owner)
    # PostgreSQL's text knows no zero byte, and would fault the statement instead of finding nothing.
    row = None if "\0" in id else connection.execute(query).first()
    if row is None:
        raise JobNotFound(f"there is no job {id[:80]!r} of yours here; it may have been removed", field="id")
    return row


def _known(connection: sa.Connection, owner: str, key: str | None, fingerprint: str) -> Job | None:
    if key is None:
        return None
    query = sa.select(jobs).where(jobs.c.owner == owner, jobs.c.idempotency_key == key)
    if (row := connection.execute(query).first()) is None:
        return None
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused(
            "this Idempotency-Key came with another request before; use a new one for a new job",
            field="Idempotency-Key",
        )
    return _job(row)


def _open_jobs(connection: sa.Connection, owner: str) -> int:
    query = sa.select(sa.func.count()).where(jobs.c.owner == owner, jobs.c.status.not_in(ENDED))
    return connection.execute(query).scalar_one()


def _job(row: sa.Row[Any]) -> Job:
    return Job(
        id=row.id,
        owner=row.owner,
        status=Status(row.status),
        priority=row.priority,
        request=_REQUEST.validate_json(row.body),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        audio_seconds=row.audio_seconds,
        done_seconds=row.done_seconds,
        segments=row.segments,
        failures=row.failures,
        deaths=row.deaths,
        warnings=tuple(json.loads(row.warnings)),
        error=JobError(row.error_code, row.error_message, row.error_field) if row.error_code is not None else None,
    )
