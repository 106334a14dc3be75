"""A batch of jobs on a server that is killed again and again: `python -m tests.jobs.kill [KILLS] [SEED]`.

Every job must end once, with what an undisturbed run hears, and its webhook must arrive. The command sends the jobs
over HTTP, each until it is answered, while the server comes and goes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.fakes import spelling_pool
from tests.jobs.child import jobs_in, serve
from tests.jobs.receiver import Receiver, receiver
from tests.jobs.slow import SlowEngine, heard, write_talk
from tests.server.test_run import free_port
from voxtral_service.events import TranscriptSegment
from voxtral_service.jobs.job import Job, JobRequest, Status
from voxtral_service.jobs.outbox import DeliveryStatus
from voxtral_service.jobs.service import Jobs

OWNER = "anonymous"


@dataclass(frozen=True)
class Report:
    """How a batch went: kills while jobs were open, resumed jobs, webhooks that came more than once."""

    jobs: int
    segments: int
    kills: int
    kills_with_open_jobs: int
    messages: int
    repeated_messages: int
    seconds: float


@dataclass
class Batch:
    """What is sent, and what should come of it."""

    folder: Path
    hook: Receiver
    recordings: list[Path]
    expected: list[list[TranscriptSegment]]

    def open_jobs(self) -> Jobs:
        """The jobs as another server sees them, which does not work on them."""
        jobs = jobs_in(self.folder, spelling_pool(SlowEngine()), self.hook.port)
        jobs.folder.make()
        return jobs


async def prepare(folder: Path, hook: Receiver, number: int, copies: int) -> Batch:
    recordings, expected = [], []
    for i in range(number):
        recordings.append(folder / f"{i}.wav")
        write_talk(recordings[-1], gain=1 - i / number / 2, copies=copies)
        expected.append(await heard(recordings[-1]))
    return Batch(folder, hook, recordings, expected)


def send_into(jobs: Jobs, batch: Batch) -> list[str]:
    """Put all jobs into the database."""
    ids = []
    for recording in batch.recordings:
        request = JobRequest("", recording.name, language="en", webhook_url=batch.hook.url)
        with jobs.folder.incoming() as incoming:
            incoming.write_bytes(recording.read_bytes())
            ids.append(jobs.submit(OWNER, request, incoming)[0].id)
    return ids


def send_over_http(batch: Batch, port: int, ids: list[str], stop: threading.Event) -> None:
    """Send each job until it is answered, however often the server dies meanwhile."""
    fields = {"language": "en", "webhook_url": batch.hook.url}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as http:
        for recording in batch.recordings:
            while not stop.is_set():
                try:
                    answer = http.post(
                        "/v1/jobs",
                        files={"file": (recording.name, recording.read_bytes())},
                        data=fields,
                        headers={"Idempotency-Key": recording.name},
                    )
                except httpx2.TransportError:
                    stop.wait(0.05)
                    continue
                assert answer.status_code in (200, 201), answer.text
                ids.append(answer.json()["id"])
                break


@contextmanager
def child(batch: Batch, pause: float, port: int | None) -> Iterator[None]:
    """A server that says it is ready, and is killed (SIGKILL) at the end."""
    # Forked from a process that has imported everything and done nothing yet: a start takes moments, not seconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.jobs.child", "alembic.command", "faster_whisper", "onnxruntime"])
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(batch.folder, batch.hook.port, pause, port, there))
    process.start()
    there.close()
    try:
        assert here.poll(60), "the server did not start"
        assert here.recv()
        yield
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()


def run(
    folder: Path,
    *,
    kills: int,
    seed: int,
    jobs: int,
    copies: int = 1,
    pause: float,
    over_http: bool,
    longest: float = 1.2,
) -> Report:
    """Kill a server so many times while it works, within `longest` seconds of its start, then let it finish.

    Raises AssertionError when anything is not as it should be.
    """
    rng = random.Random(seed)
    started = time.monotonic()
    with receiver() as hook:
        batch = asyncio.run(prepare(folder, hook, jobs, copies))
        watcher = batch.open_jobs()
        hook.secret = watcher.secret(OWNER)
        hook.statuses += rng.choices([204, 503, 204], k=jobs)
        port = free_port() if over_http else None
        ids: list[str] = []
        stop = threading.Event()
        sender = threading.Thread(target=send_over_http, args=(batch, port, ids, stop))
        if over_http:
            sender.start()
        else:
            ids += send_into(watcher, batch)
        try:
            with_open_jobs = 0
            for _ in range(kills):
                with child(batch, pause, port):
                    time.sleep(rng.uniform(0, longest))
                with_open_jobs += len(ids) < jobs or any(not _over(watcher, id) for id in ids)
            with child(batch, pause, port):
                _wait(lambda: len(ids) == jobs and all(_over(watcher, id) for id in ids))
                _wait(lambda: not watcher.deliveries(OWNER, status=DeliveryStatus.PENDING, limit=1))
        finally:
            stop.set()
            if over_http:
                sender.join()
        segments = _check(batch, watcher, ids)
        assert hook.forged == 0
        # A server that dies between a job's end and the deletion of its recording leaves that to the sweep.
        for file in _files(watcher):
            os.utime(file, (0, 0))
        watcher.sweep()
        assert _files(watcher) == []
        messages = len(hook.messages)
        asyncio.run(watcher.stop())
        return Report(jobs, segments, kills, with_open_jobs, messages, messages - jobs, time.monotonic() - started)


def _files(jobs: Jobs) -> list[Path]:
    return [file for file in jobs.folder.path.rglob("*") if file.is_file()]


def _over(jobs: Jobs, id: str) -> bool:
    return jobs.get(id, OWNER).finished_at is not None


def _wait(holds: object, seconds: float = 120.0) -> None:
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _check(batch: Batch, jobs: Jobs, ids: Sequence[str]) -> int:
    """Every job ended once, with the right words, and that was told; the number of segments."""
    there: list[Job] = []
    while page := jobs.list(OWNER, status=None, after=there[-1].id if there else None, limit=100):
        there += page
    assert sorted(job.id for job in there) == sorted(set(ids))
    total = 0
    for id, expected in zip(ids, batch.expected, strict=True):
        job = jobs.get(id, OWNER)
        assert job.status is Status.SUCCEEDED, job
        segments = jobs.segments(id)
        assert list(segments) == expected, (id, segments, expected)
        total += len(segments)
    told = batch.hook.told()
    assert told.keys() == set(ids)
    assert all(len(messages) == 1 for messages in told.values()), told
    assert {kind for messages in told.values() for _, kind in messages} == {"job.succeeded"}
    return total


if __name__ == "__main__":
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as name:
        print(run(Path(name), kills=kills, seed=seed, jobs=125, copies=2, pause=0.2, over_http=True, longest=4.0))
