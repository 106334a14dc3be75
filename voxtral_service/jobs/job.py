"""What a job is, and the states it goes through.

A job waits (`queued`), is worked on (`running`) under a lease, and ends once: `succeeded`, `failed` or `cancelled`. Who
works on it renews the lease; when a lease runs out, its holder is taken for dead and somebody else may claim the job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from voxtral_service.engine.base import StreamOptions


class Status(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"
    RELEASE = "release"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS = {
    (Status.QUEUED, Move.CLAIM): Status.RUNNING,
    (Status.RUNNING, Move.CLAIM): Status.RUNNING,  # once the lease has run out
    (Status.RUNNING, Move.RELEASE): Status.QUEUED,
    (Status.RUNNING, Move.SUCCEED): Status.SUCCEEDED,
    (Status.RUNNING, Move.FAIL): Status.FAILED,
    (Status.QUEUED, Move.CANCEL): Status.CANCELLED,
    (Status.RUNNING, Move.CANCEL): Status.CANCELLED,
}
"""Every move that is possible; all others leave the job as it is."""
ENDED = frozenset(set(Status) - {status for status, _ in TRANSITIONS})
"""States that no move leads out of."""


def sources(move: Move) -> list[Status]:
    """The states in which a move is possible."""
    return [status for status, possible in TRANSITIONS if possible is move]


def target(move: Move) -> Status:
    """The state that a move leads to, whatever it came from."""
    (status,) = {after for (_, possible), after in TRANSITIONS.items() if possible is move}
    return status


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What was asked for; the options as of `StreamOptions`.

    `source` is what messages call the recording. It lies in the jobs' folder, or at `url`, from where it is fetched
    when the job's turn comes. `formats` are those that the caller wants, the first is the default.
    """

    model: str
    source: str
    url: str | None = None
    formats: tuple[str, ...] = ("json",)
    language: str | None = None
    languages: tuple[str, ...] = ()
    translate: bool = False
    prompt: str = ""
    vocabulary: tuple[str, ...] = ()
    temperature: float = 0.0
    delay_ms: int | None = None
    webhook_url: str | None = None

    @property
    def options(self) -> StreamOptions:
        """What is asked of the engine's streams."""
        return StreamOptions(
            delay_ms=self.delay_ms,
            language=self.language,
            languages=self.languages,
            bulk=True,
            translate=self.translate,
            prompt=self.prompt,
            vocabulary=self.vocabulary,
            temperature=self.temperature,
        )


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed, with the code of the house's errors and the part of the request at fault."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was read. Times are seconds since 1970.

    `segments` are finished and cover the recording's first `done_seconds`; `audio_seconds` is its length, None until
    that is known. `failures` and `deaths` count since the last finished segment: runs that this side's faults ended,
    and servers that died.
    """

    id: str
    owner: str
    status: Status
    priority: int
    request: JobRequest
    created_at: float
    started_at: float | None
    finished_at: float | None
    audio_seconds: float | None
    done_seconds: float
    segments: int
    failures: int
    deaths: int
    warnings: tuple[str, ...]
    error: JobError | None

    @property
    def progress(self) -> float:
        """The part that is done, 0 to 1; 1 only when the job has succeeded."""
        if self.status is Status.SUCCEEDED:
            return 1.0
        return min(self.done_seconds / self.audio_seconds, 0.999) if self.audio_seconds else 0.0


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, until its lease is lost."""

    job: Job
    lease: str
