"""Webhooks that have to be delivered, written in the transaction that ends the job they tell of.

A delivery is `pending` until a receiver has taken it (`delivered`) or too many attempts have failed (`dead`). Whoever
attempts one puts its next time off first, so that an attempt whose process died is made again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa

from voxtral_service.database.database import Database
from voxtral_service.database.tables import webhook_deliveries as deliveries
from voxtral_service.errors import JobNotFound
from voxtral_service.jobs.job import Job


class DeliveryStatus(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook; `attempts` have failed, the last with `last_error`."""

    id: str
    job_id: str
    owner: str
    event: str
    url: str
    body: str
    status: DeliveryStatus
    attempts: int
    run_at: float
    created_at: float
    finished_at: float | None
    last_error: str | None


def enqueue(connection: sa.Connection, job: Job, *, now: float) -> None:
    """Write down that a job's end has to be told, if anybody asked for it."""
    if job.request.webhook_url is None:
        return
    event = f"job.{job.status}"
    connection.execute(
        deliveries.insert().values(
            id="msg_" + secrets.token_hex(12),
            job_id=job.id,
            owner=job.owner,
            event=event,
            url=job.request.webhook_url,
            body=_payload(event, job, now),
            status=DeliveryStatus.PENDING,
            attempts=0,
            run_at=now,
            created_at=now,
        )
    )


class Outbox:
    """Reads and settles deliveries. Blocking."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, *, now: float, hold: float, limit: int) -> list[Delivery]:
        """At most `limit` deliveries whose time has come; for `hold` seconds nobody else gets them."""
        due = (deliveries.c.status == DeliveryStatus.PENDING) & (deliveries.c.run_at <= now)
        with self._database.write() as connection:
            chosen = sa.select(deliveries).where(due).order_by(deliveries.c.run_at, deliveries.c.id).limit(limit)
            taken = [_delivery(row) for row in connection.execute(chosen.with_for_update(skip_locked=True))]
            if taken:
                ids = [delivery.id for delivery in taken]
                connection.execute(deliveries.update().where(deliveries.c.id.in_(ids)).values(run_at=now + hold))
        return taken

    def delivered(self, id: str, *, now: float) -> None:
        """A receiver has taken it."""
        self._settle(id, status=DeliveryStatus.DELIVERED, finished_at=now)

    def failed(self, id: str, error: str, *, run_at: float) -> None:
        """An attempt failed; the next one is due at `run_at`."""
        self._settle(id, attempts=deliveries.c.attempts + 1, last_error=error, run_at=run_at)

    def give_up(self, id: str, error: str, *, now: float) -> None:
        """The last attempt failed."""
        self._settle(
            id, status=DeliveryStatus.DEAD, attempts=deliveries.c.attempts + 1, last_error=error, finished_at=now
        )

    def list(
        self, owner: str, *, status: DeliveryStatus | None = None, job_id: str | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """An owner's deliveries, newest first."""
        wanted = sa.select(deliveries).where(deliveries.c.owner == owner)
        if status is not None:
            wanted = wanted.where(deliveries.c.status == status)
        if job_id is not None:
            wanted = wanted.where(deliveries.c.job_id == job_id)
        newest = wanted.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(newest)]

    def revive(self, id: str, owner: str, *, now: float) -> Delivery:
        """Attempt a dead delivery again from the beginning; others are left alone. Raises JobNotFound."""
        mine = (deliveries.c.id == id) & (deliveries.c.owner == owner)
        fresh = {"status": DeliveryStatus.PENDING, "attempts": 0, "run_at": now, "finished_at": None}
        if "\0" in id:  # PostgreSQL's text knows no zero byte
            raise JobNotFound("there is no such delivery", field="id")
        with self._database.write() as connection:
            dead = mine & (deliveries.c.status == DeliveryStatus.DEAD)
            connection.execute(deliveries.update().where(dead).values(fresh))
            row = connection.execute(sa.select(deliveries).where(mine)).first()
        if row is None:
            raise JobNotFound(f"there is no delivery {id!r} of yours here", field="id")
        return _delivery(row)

    def purge(self, *, before: float) -> None:
        """Forget deliveries that were settled before some time."""
        with self._database.write() as connection:
            connection.execute(deliveries.delete().where(deliveries.c.finished_at < before))

    def _settle(self, id: str, **values: object) -> None:
        pending = (deliveries.c.id == id) & (deliveries.c.status == DeliveryStatus.PENDING)
        with self._database.write() as connection:
            connection.execute(deliveries.update().where(pending).values(values))


def _payload(event: str, job: Job, now: float) -> str:
    """As Standard Webhooks recommends: type, timestamp, data; thin, so that nothing private lies with the receiver."""
    error = job.error and {"code": job.error.code, "message": job.error.message, "field": job.error.field}
    data = {
        "id": job.id,
        "object": "job",
        "status": job.status,
        "model": job.request.model,
        "created_at": round(job.created_at),
        "finished_at": job.finished_at and round(job.finished_at),
        "audio_seconds": job.audio_seconds,
        "error": error,
    }
    timestamp = datetime.fromtimestamp(now, UTC).isoformat()
    return json.dumps({"type": event, "timestamp": timestamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def _delivery(row: sa.Row[tuple[object, ...]]) -> Delivery:
    fields = row._asdict()
    return Delivery(**{**fields, "status": DeliveryStatus(fields["status"])})
