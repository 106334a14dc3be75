"""Jobs in both kinds of database, move by move."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from voxtral_service.database.database import Database
from voxtral_service.errors import IdempotencyKeyReused, JobNotFound, Overloaded
from voxtral_service.events import Score, Token, TranscriptSegment, Word
from voxtral_service.jobs.job import TRANSITIONS, Claim, Job, JobError, JobRequest, Move, Status
from voxtral_service.jobs.outbox import DeliveryStatus, Outbox
from voxtral_service.jobs.store import MAX_DEATHS, MAX_FAILURES, JobStore, LeaseLost

REQUEST = JobRequest("wren-en", "talk.mp3", vocabulary=("Wren", "Übung"), webhook_url="http://127.0.0.1/hook")
ERROR = JobError("engine_error", "it broke", None)


def segment(number: int) -> TranscriptSegment:
    word = Word("hello", number * 10.0, number * 10 + 0.48)
    score = Score(-0.25, 0.125, 0.2)
    token = Token(7, "hel\ud7ff\0lo", -0.5)
    return TranscriptSegment(number, number * 10.0, number * 10 + 9.5, "hello\0", (word,), (token,), "en", score)


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


def create(store: JobStore, id: str = "job_1", *, owner: str = "me", now: float = 0.0, priority: int = 0) -> Job:
    return store.create(id, owner, REQUEST, now=now, priority=priority)[0]


def claimed(store: JobStore, *, now: float = 1.0) -> Claim:
    claim = store.claim(now=now, seconds=10)
    assert claim is not None
    return claim


def test_a_job_from_its_making_to_its_end(store: JobStore, outbox: Outbox) -> None:
    job = create(store)
    assert (job.status, job.request, job.progress, job.created_at) == (Status.QUEUED, REQUEST, 0.0, 0.0)
    claim = claimed(store)
    assert (claim.job.status, claim.job.started_at) == (Status.RUNNING, 1.0)
    store.renew(claim, until=20, audio_seconds=19.6)
    for number in range(2):
        store.add_segment(claim, segment(number), until=30)
    assert store.get(job.id).progress == pytest.approx(0.995, abs=0.001)
    done = store.succeed(claim, now=9.0, warnings=["cut short"])
    assert done == store.get(job.id, "me")
    assert (done.status, done.progress, done.finished_at, done.warnings) == (Status.SUCCEEDED, 1.0, 9.0, ("cut short",))
    assert (done.audio_seconds, done.segments) == (19.5, 2)
    assert store.segments(job.id) == [segment(0), segment(1)]
    assert store.segments(job.id, first=1) == [segment(1)]
    (told,) = outbox.list("me")
    assert (told.event, told.url, told.status) == ("job.succeeded", REQUEST.webhook_url, DeliveryStatus.PENDING)
    assert json.loads(told.body)["data"]["id"] == job.id


def test_urgent_jobs_go_first_then_older_ones(store: JobStore) -> None:
    create(store, "job_1", now=3)
    create(store, "job_2", now=2)
    create(store, "job_3", now=4, priority=5)
    create(store, "job_4", now=1, priority=-5)
    assert [claimed(store, now=5).job.id for _ in range(4)] == ["job_3", "job_2", "job_1", "job_4"]
    assert store.claim(now=5, seconds=10) is None


def test_a_worker_whose_lease_ran_out_has_no_say(store: JobStore) -> None:
    create(store)
    old = claimed(store, now=1)
    store.add_segment(old, segment(0), until=11)
    assert store.claim(now=10.9, seconds=10) is None
    new = claimed(store, now=11)
    assert (new.job.segments, new.job.done_seconds, new.job.deaths) == (1, 9.5, 1)
    uses: list[Callable[[], object]] = [
        lambda: store.renew(old, until=99),
        lambda: store.add_segment(old, segment(1), until=99),
        lambda: store.release(old, run_at=0),
        lambda: store.retry(old, ERROR, now=12, run_at=0),
        lambda: store.fail(old, ERROR, now=12),
        lambda: store.succeed(old, now=12),
    ]
    for use in uses:
        with pytest.raises(LeaseLost):
            use()
    store.add_segment(new, segment(1), until=30)
    assert store.get("job_1").segments == 2


def moves(store: JobStore, claim: Claim | None) -> dict[Move, Callable[[], object]]:
    held = claim or Claim(store.get("job_1"), "somebody else's")
    return {
        Move.CLAIM: lambda: store.claim(now=1000, seconds=10),
        Move.RELEASE: lambda: store.release(held, run_at=0),
        Move.SUCCEED: lambda: store.succeed(held, now=5),
        Move.FAIL: lambda: store.fail(held, ERROR, now=5),
        Move.CANCEL: lambda: store.cancel("job_1", "me", now=5),
    }


def reach(store: JobStore, status: Status) -> Claim | None:
    create(store)
    if status is Status.QUEUED:
        return None
    claim = claimed(store)
    match status:
        case Status.SUCCEEDED:
            store.succeed(claim, now=2)
        case Status.FAILED:
            store.fail(claim, ERROR, now=2)
        case Status.CANCELLED:
            store.cancel("job_1", "me", now=2)
    return claim


@pytest.mark.parametrize("status", Status)
def test_a_move_is_made_where_the_table_has_it_and_nowhere_else(
    store: JobStore, outbox: Outbox, status: Status
) -> None:
    for number, move in enumerate(Move, 1):
        claim = reach(store, status)
        before = store.get("job_1")
        assert before.status is status
        try:
            moves(store, claim)[move]()
        except LeaseLost:
            assert (status, move) not in TRANSITIONS
        after = store.get("job_1")
        assert after.status is TRANSITIONS.get((status, move), status)
        if (status, move) not in TRANSITIONS:
            assert after == before
        store.remove("job_1", "me", now=6)
        assert len(outbox.list("me")) == number


def test_faults_of_this_side_are_tried_again_so_many_times(store: JobStore) -> None:
    create(store)
    for attempt in range(1, MAX_FAILURES + 1):
        job = store.retry(claimed(store, now=attempt * 100), ERROR, now=attempt * 100, run_at=attempt * 100 + 50)
        assert store.claim(now=attempt * 100 + 49, seconds=10) is None
        assert job.status is (Status.QUEUED if attempt < MAX_FAILURES else Status.FAILED)
    assert job.error == ERROR


def test_progress_forgives_failures_and_deaths(store: JobStore) -> None:
    create(store)
    for number in range(MAX_FAILURES + 2):
        claim = claimed(store, now=number * 100)
        store.add_segment(claim, segment(number), until=number * 100 + 10)
        job = store.retry(claim, ERROR, now=number * 100, run_at=0)
        assert (job.status, job.failures) == (Status.QUEUED, 1)
    assert claimed(store, now=10_000).job.segments == MAX_FAILURES + 2


def test_a_job_that_servers_die_over_fails_in_the_end(store: JobStore, outbox: Outbox) -> None:
    create(store, now=0)
    for death in range(MAX_DEATHS + 1):
        assert claimed(store, now=death * 100).job.deaths == death
    assert store.claim(now=10_000, seconds=10) is None
    job = store.get("job_1")
    assert job.status is Status.FAILED
    assert job.error is not None
    assert "died" in job.error.message
    assert [told.event for told in outbox.list("me")] == ["job.failed"]


def test_segments_come_one_after_the_other(store: JobStore) -> None:
    create(store)
    claim = claimed(store)
    with pytest.raises(ValueError, match="cannot follow"):
        store.add_segment(claim, segment(1), until=20)
    store.add_segment(claim, segment(0), until=20)
    with pytest.raises(ValueError, match="cannot follow"):
        store.add_segment(claim, segment(0), until=20)
    assert store.segments("job_1") == [segment(0)]


def test_an_idempotency_key_makes_one_job(store: JobStore) -> None:
    def submit(id: str, owner: str = "me", fingerprint: str = "a") -> tuple[Job, bool]:
        return store.create(id, owner, REQUEST, now=0, fingerprint=fingerprint, idempotency_key="key")

    first, made = submit("job_1")
    assert made
    assert submit("job_2") == (first, False)
    assert submit("job_3", owner="you")[1]
    with pytest.raises(IdempotencyKeyReused):
        submit("job_4", fingerprint="b")
    store.remove("job_1", "me", now=1)
    assert submit("job_5", fingerprint="b")[1]


def test_an_idempotency_key_makes_one_job_of_requests_at_once(store: JobStore) -> None:
    def submit(number: int) -> tuple[Job, bool]:
        return store.create(f"job_{number}", "me", REQUEST, now=0, idempotency_key="key")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(submit, range(8)))
    assert [made for _, made in answers].count(True) == 1
    assert len({job.id for job, _ in answers}) == 1


def test_workers_at_once_never_share_a_job(store: JobStore) -> None:
    for number in range(12):
        create(store, f"job_{number}")
    with ThreadPoolExecutor(6) as threads:
        claims = list(threads.map(lambda _: store.claim(now=1, seconds=10), range(14)))
    got = [claim.job.id for claim in claims if claim]
    assert len(got) == len(set(got))
    while claim := store.claim(now=1, seconds=10):  # those that another transaction had locked at the moment
        got.append(claim.job.id)
    assert sorted(got) == sorted(f"job_{number}" for number in range(12))


def test_there_may_be_so_many_open_jobs(store: JobStore) -> None:
    for number in range(2):
        store.create(f"job_{number}", "me", REQUEST, now=0, most=2)
    with pytest.raises(Overloaded, match="2 jobs"):
        store.create("job_2", "me", REQUEST, now=0, most=2)
    store.cancel("job_0", "me", now=1)
    store.create("job_2", "me", REQUEST, now=0, most=2)


def test_jobs_of_others_are_not_there(store: JobStore, outbox: Outbox) -> None:
    create(store, owner="you")
    asks: list[Callable[[], object]] = [
        lambda: store.get("job_1", "me"),
        lambda: store.cancel("job_1", "me", now=1),
        lambda: store.remove("job_1", "me", now=1),
        lambda: store.list("me", after="job_1"),
        lambda: store.get("job_\0", "me"),
        lambda: outbox.revive("msg_\0", "me", now=1),
    ]
    for ask in asks:
        with pytest.raises(JobNotFound):
            ask()
    assert store.list("me") == []
    assert store.get("job_1", "you").status is Status.QUEUED


def test_lists_are_newest_first_and_paged(store: JobStore) -> None:
    for number in range(5):
        create(store, f"job_{number}", now=min(number, 3))
    assert [job.id for job in store.list("me", limit=2)] == ["job_4", "job_3"]
    assert [job.id for job in store.list("me", after="job_4")] == ["job_3", "job_2", "job_1", "job_0"]
    claimed(store)
    assert [job.id for job in store.list("me", status=Status.RUNNING)] == ["job_0"]
    assert store.counts() == {Status.QUEUED: 4, Status.RUNNING: 1}


def test_removing_a_job_takes_its_segments_and_still_tells(store: JobStore, outbox: Outbox) -> None:
    create(store)
    claim = claimed(store)
    store.add_segment(claim, segment(0), until=20)
    assert store.remove("job_1", "me", now=2).status is Status.CANCELLED
    with pytest.raises(JobNotFound):
        store.get("job_1")
    assert store.segments("job_1") == []
    with pytest.raises(LeaseLost):
        store.add_segment(claim, segment(1), until=20)
    assert [told.event for told in outbox.list("me")] == ["job.cancelled"]


def test_old_jobs_are_forgotten_and_open_ones_are_not(store: JobStore) -> None:
    for number in range(3):
        create(store, f"job_{number}")
    store.cancel("job_0", "me", now=10)
    store.cancel("job_1", "me", now=20)
    assert store.unfinished(["job_0", "job_2", "job_9"]) == {"job_2"}
    store.purge(before=15)
    assert {job.id for job in store.list("me")} == {"job_1", "job_2"}
