"""Jobs from their making to their end, with everything that may come between."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.jobs.conftest import MakeJobs, ended, is_running, until
from tests.jobs.receiver import receiver
from tests.jobs.slow import SECONDS, SlowEngine, heard, write_talk
from voxtral_service.errors import EngineError, InvalidAudio, InvalidOption, JobNotFound, ModelNotFound, Overloaded
from voxtral_service.jobs.job import Job, JobRequest, Status
from voxtral_service.jobs.outbox import DeliveryStatus
from voxtral_service.jobs.runner import Pace
from voxtral_service.jobs.service import Jobs
from voxtral_service.jobs.store import MAX_FAILURES

REQUEST = JobRequest("", "talk.wav", language="en")


def submit(jobs: Jobs, recording: Path | None, request: JobRequest = REQUEST, owner: str = "me") -> Job:
    if recording is None:
        return jobs.submit(owner, request, None)[0]
    with jobs.folder.incoming() as incoming:
        shutil.copy(recording, incoming)
        return jobs.submit(owner, request, incoming)[0]


async def streams(engine: SlowEngine, number: int) -> None:
    """Wait until so many streams are open."""
    async with asyncio.timeout(20):
        while engine.open_streams != number:
            await asyncio.sleep(0.01)


async def test_a_recording_is_heard_whole_and_its_file_is_gone(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    engine = SlowEngine()
    async with jobs_of(engine) as jobs:
        job = submit(jobs, tmp_path / "talk.wav")
        assert job.request.model == "spelling"
        assert jobs.folder.file(job.id).exists()
        done = await ended(jobs, job.id)
        assert (done.status, done.progress, done.audio_seconds) == (Status.SUCCEEDED, 1.0, SECONDS)
        segments = jobs.segments(job.id)
        assert list(segments) == await heard(tmp_path / "talk.wav")
        assert len(segments) == done.segments > 3
        assert [before.end for before in segments[:-1]] == [after.start for after in segments[1:]]
        assert all(segment.text for segment in segments)
        assert not jobs.folder.file(job.id).exists()
    assert {options.bulk for options in engine.opened} == {True}
    assert {options.language for options in engine.opened} == {"en"}
    assert engine.open_streams == 0


async def test_so_many_at_once_and_the_urgent_first(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    gate = asyncio.Event()
    engine = SlowEngine(places=9, gate=gate)
    async with jobs_of(engine, pace=Pace(at_once=2, lanes=1, poll=0.05)) as jobs:
        first = [submit(jobs, tmp_path / "talk.wav") for _ in range(4)]
        await streams(engine, 2)
        with jobs.folder.incoming() as incoming:
            shutil.copy(tmp_path / "talk.wav", incoming)
            urgent, _ = jobs.submit("me", REQUEST, incoming, priority=9)
        statuses = [jobs.get(job.id, "me").status for job in first]
        assert statuses == [Status.RUNNING, Status.RUNNING, Status.QUEUED, Status.QUEUED]
        gate.set()
        done = [await ended(jobs, job.id) for job in (*first, urgent)]
    assert engine.most_open == 2
    starts = {job.id: job.started_at or 0.0 for job in done}
    assert starts[urgent.id] <= min(starts[first[2].id], starts[first[3].id])


async def test_another_server_goes_on_from_the_last_segment(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav", copies=6)  # long enough not to be over before it is stopped
    gate = asyncio.Event()
    engine = SlowEngine(gate=gate, pause=0.01)
    async with jobs_of(engine, pace=Pace(lanes=1, poll=0.05)) as jobs:
        job = submit(jobs, tmp_path / "talk.wav")
        await until(jobs, job.id, is_running)
        gate.set()
        await until(jobs, job.id, lambda job: job.segments >= 2)
        await jobs.stop(grace=10)
        left = jobs.get(job.id, "me")
        assert (left.status, left.failures, left.deaths) == (Status.QUEUED, 0, 0)
    second = SlowEngine()
    async with jobs_of(second) as jobs:
        done = await ended(jobs, job.id)
        segments = jobs.segments(job.id)
    assert list(segments) == await heard(tmp_path / "talk.wav")
    assert len(second.opened) == done.segments - left.segments > 0


async def test_a_stop_without_grace_gives_jobs_back_at_once(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    engine = SlowEngine(gate=asyncio.Event())
    async with jobs_of(engine) as jobs:
        job = submit(jobs, tmp_path / "talk.wav")
        await until(jobs, job.id, is_running)
        await jobs.stop()
        assert jobs.get(job.id, "me").status is Status.QUEUED
    assert engine.open_streams == 0


@pytest.mark.parametrize("remove", [False, True])
async def test_cancelling_frees_the_engine_at_once(jobs_of: MakeJobs, tmp_path: Path, remove: bool) -> None:
    write_talk(tmp_path / "talk.wav")
    engine = SlowEngine(gate=asyncio.Event())
    with receiver() as hook:
        async with jobs_of(engine, hosts=(hook.host,)) as jobs:
            job = submit(jobs, tmp_path / "talk.wav", dataclasses.replace(REQUEST, webhook_url=hook.url))
            await until(jobs, job.id, is_running)
            await streams(engine, 4)  # one for each of the talk's segments, all held back
            cancelled = (jobs.remove if remove else jobs.cancel)(job.id, "me")
            await streams(engine, 0)
            assert cancelled.status is Status.CANCELLED
            assert not jobs.folder.file(job.id).exists()
            if remove:
                with pytest.raises(JobNotFound):
                    jobs.get(job.id, "me")
            await asyncio.to_thread(hook.wait, 1)
        assert {kind for _, kind in hook.told()[job.id]} == {"job.cancelled"}


async def test_what_is_no_recording_fails_at_once_and_says_why(jobs_of: MakeJobs, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(b"no sound at all")
    with receiver() as hook:
        async with jobs_of(SlowEngine(), hosts=(hook.host,)) as jobs:
            job = submit(jobs, tmp_path / "talk.wav", dataclasses.replace(REQUEST, webhook_url=hook.url))
            failed = await ended(jobs, job.id)
            assert failed.status is Status.FAILED
            assert failed.error is not None
            assert failed.error.code == InvalidAudio.code
            assert "talk.wav" in failed.error.message
            await asyncio.to_thread(hook.wait, 1)
        assert {kind for _, kind in hook.told()[job.id]} == {"job.failed"}


async def test_faults_of_this_side_are_got_over(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    engine = SlowEngine(faults=(EngineError("out of memory"), Overloaded("full"), Overloaded("full")))
    async with jobs_of(engine) as jobs:
        job = submit(jobs, tmp_path / "talk.wav")
        done = await ended(jobs, job.id)
        assert done.status is Status.SUCCEEDED
        assert list(jobs.segments(job.id)) == await heard(tmp_path / "talk.wav")


async def test_faults_that_stay_are_this_sides_and_are_told(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    engine = SlowEngine(faults=(EngineError("out of memory"),) * MAX_FAILURES)
    async with jobs_of(engine) as jobs:
        failed = await ended(jobs, submit(jobs, tmp_path / "talk.wav").id)
        assert failed.status is Status.FAILED
        assert failed.error is not None
        assert (failed.error.code, failed.error.message) == ("engine_error", "out of memory")


async def test_a_recording_is_fetched_from_an_address_on_the_list(jobs_of: MakeJobs, tmp_path: Path) -> None:
    with receiver() as other:
        async with jobs_of(SlowEngine(), hosts=(other.host,)) as jobs:
            wrong = submit(jobs, None, JobRequest("", "talk.wav", url=f"http://{other.host}/talk.wav"))
            failed = await ended(jobs, wrong.id)
            assert failed.error is not None
            assert failed.error.field == "url"
            elsewhere = "http://127.0.0.1:1/"
            requests = {
                "url": dataclasses.replace(REQUEST, url=elsewhere),
                "webhook_url": dataclasses.replace(REQUEST, webhook_url=elsewhere),
            }
            for field, request in requests.items():
                with pytest.raises(InvalidOption) as refused:
                    submit(jobs, None, request)
                assert refused.value.field == field


async def test_nothing_is_kept_of_a_request_that_is_refused(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    async with jobs_of(SlowEngine()) as jobs:
        with pytest.raises(ModelNotFound):
            submit(jobs, tmp_path / "talk.wav", dataclasses.replace(REQUEST, model="someone/else"))
        assert [file for file in jobs.folder.path.rglob("*") if file.is_file()] == []


async def test_an_idempotency_key_stands_for_the_bytes_too(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "a.wav")
    write_talk(tmp_path / "b.wav", gain=0.9)
    async with jobs_of(SlowEngine()) as jobs:

        def send(name: str) -> tuple[Job, bool]:
            with jobs.folder.incoming() as incoming:
                shutil.copy(tmp_path / name, incoming)
                return jobs.submit("me", REQUEST, incoming, idempotency_key="key")

        first, made = send("a.wav")
        again, made_again = send("a.wav")
        assert (made, made_again, again.id) == (True, False, first.id)
        with pytest.raises(Exception, match="another request"):
            send("b.wav")
        await ended(jobs, first.id)


async def test_a_dead_letter_is_seen_and_can_be_sent_again(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    with receiver() as hook:
        hook.statuses += [500, 302, 404]
        async with jobs_of(SlowEngine(), hosts=(hook.host,)) as jobs:
            job = submit(jobs, tmp_path / "talk.wav", dataclasses.replace(REQUEST, webhook_url=hook.url))
            await ended(jobs, job.id)
            async with asyncio.timeout(20):
                while not (dead := jobs.deliveries("me", status=DeliveryStatus.DEAD, limit=9)):
                    await asyncio.sleep(0.02)
            assert [letter.last_error for letter in dead] == ["the receiver answers 404"]
            jobs.revive(dead[0].id, "me")
            messages = await asyncio.to_thread(hook.wait, 4)
        assert len({headers["webhook-id"] for headers, _ in messages}) == 1
        assert len({body for _, body in messages}) == 1


async def test_sweeping_leaves_what_is_needed(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    async with jobs_of(SlowEngine(gate=asyncio.Event())) as jobs:
        job = submit(jobs, tmp_path / "talk.wav")
        jobs.folder.file("job_gone").touch()
        assert jobs.folder.sweep(lambda ids: set(), clock=lambda: 0) == 0
        unfinished = jobs.folder.file(job.id).name
        assert jobs.folder.sweep(lambda ids: {unfinished} & set(ids), clock=lambda: 4e9) == 1
        assert jobs.folder.file(job.id).exists()
        jobs.sweep()
        assert jobs.get(job.id, "me").status in (Status.QUEUED, Status.RUNNING)


async def test_a_small_file_of_endless_silence_has_an_end(jobs_of: MakeJobs, tmp_path: Path) -> None:
    write_talk(tmp_path / "talk.wav")
    async with jobs_of(SlowEngine(), pace=Pace(poll=0.05, max_seconds=5.0)) as jobs:
        failed = await ended(jobs, submit(jobs, tmp_path / "talk.wav").id)
        assert failed.error is not None
        assert (failed.error.code, "longer than" in failed.error.message) == (InvalidAudio.code, True)
