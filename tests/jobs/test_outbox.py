"""Deliveries in both kinds of database."""

from __future__ import annotations

import pytest

from voxtral_service.database.database import Database
from voxtral_service.errors import JobNotFound
from voxtral_service.jobs.job import JobRequest
from voxtral_service.jobs.outbox import DeliveryStatus, Outbox
from voxtral_service.jobs.store import JobStore


@pytest.fixture
def outbox(database: Database) -> Outbox:
    """Three deliveries, made at 0, 1 and 2; a fourth job asked for none."""
    store = JobStore(database)
    for number in range(4):
        url = f"http://127.0.0.1/{number}" if number < 3 else None
        store.create(f"job_{number}", "me", JobRequest("m", "s", webhook_url=url), now=0)
        store.cancel(f"job_{number}", "me", now=number)
    return Outbox(database)


def test_a_delivery_is_taken_by_one_until_its_time_is_up(outbox: Outbox) -> None:
    first = outbox.take(now=1.5, hold=10, limit=5)
    assert [delivery.url[-1] for delivery in first] == ["0", "1"]
    assert [delivery.url[-1] for delivery in outbox.take(now=2, hold=10, limit=5)] == ["2"]
    assert outbox.take(now=11, hold=10, limit=5) == []
    again = outbox.take(now=11.5, hold=10, limit=5)
    assert {delivery.id for delivery in again} == {delivery.id for delivery in first}


def test_what_was_delivered_is_not_taken_again(outbox: Outbox) -> None:
    (delivery,) = outbox.take(now=0, hold=10, limit=1)
    outbox.delivered(delivery.id, now=1)
    outbox.failed(delivery.id, "a late attempt that timed out", run_at=2)
    assert delivery.id not in {other.id for other in outbox.take(now=99, hold=10, limit=9)}
    (settled,) = outbox.list("me", status=DeliveryStatus.DELIVERED)
    assert (settled.id, settled.finished_at, settled.attempts) == (delivery.id, 1, 0)


def test_dead_letters_are_seen_and_can_be_revived(outbox: Outbox) -> None:
    (delivery,) = outbox.take(now=0, hold=10, limit=1)
    outbox.failed(delivery.id, "answers 500", run_at=20)
    outbox.give_up(delivery.id, "answers 503", now=30)
    (dead,) = outbox.list("me", status=DeliveryStatus.DEAD)
    assert (dead.attempts, dead.last_error, dead.finished_at) == (2, "answers 503", 30)
    assert outbox.list("me", job_id="job_0") == [dead]
    with pytest.raises(JobNotFound):
        outbox.revive(delivery.id, "you", now=40)
    fresh = outbox.revive(delivery.id, "me", now=40)
    assert (fresh.status, fresh.attempts, fresh.run_at) == (DeliveryStatus.PENDING, 0, 40)
    outbox.delivered(delivery.id, now=41)
    assert outbox.revive(delivery.id, "me", now=50).status is DeliveryStatus.DELIVERED


def test_settled_deliveries_are_forgotten_after_a_while(outbox: Outbox) -> None:
    (delivery,) = outbox.take(now=0, hold=10, limit=1)
    outbox.delivered(delivery.id, now=5)
    outbox.purge(before=5)
    assert len(outbox.list("me")) == 3
    outbox.purge(before=99)
    assert {other.status for other in outbox.list("me")} == {DeliveryStatus.PENDING}
