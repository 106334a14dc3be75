"""How jobs and webhooks look over HTTP, and how the OpenAPI page describes their routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from voxtral_service.jobs.job import Job, JobRequest, Status
from voxtral_service.jobs.outbox import Delivery, DeliveryStatus
from voxtral_service.server import openapi
from voxtral_service.server.state import FileSettings

Format = Literal["json", "text", "srt", "vtt", "verbose_json"]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$")]


class JobBody(BaseModel):
    """What is to be done, as JSON or as the fields of a form."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where the recording is, if the server's list of hosts has it; or send it in a form, in the part named file."""
    model: Annotated[str, Field(max_length=200)] = ""
    """An installed model; names of hosted models, and none, stand for the served one."""
    formats: Annotated[list[Format], Field(min_length=1, max_length=5)] = ["json"]
    """How the result is wanted; it can be had in all others too."""
    language: Language | None = None
    """What is spoken, such as en; told from the sound if it is left out and the model can."""
    languages: Annotated[list[Language], Field(max_length=100)] = []
    """What may be spoken: a model that tells the language chooses among them."""
    translate: bool = False
    """English text, whatever is spoken; for models that can."""
    prompt: Annotated[str, Field(max_length=10_000)] = ""
    """Text that came before, or in the style that is wanted; for models that use it."""
    keywords: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=1000)] = []
    """Words that are likely."""
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0
    delay_ms: Annotated[int, Field(ge=80, le=2400, multiple_of=80)] | None = None
    """How long a realtime model waits before it writes a word."""
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    """Higher goes first; among equals the older."""
    webhook_url: Annotated[str, Field(max_length=2048)] | None = None
    """Who is told when the job has ended, if the server's list of hosts has it."""


class JobErrorView(BaseModel):
    """Why a job failed."""

    code: str
    message: str
    param: str | None


class JobView(BaseModel):
    """A job as it is now. Times are seconds since 1970, `progress` is 0 to 1."""

    id: str
    object: Literal["job"] = "job"
    status: Status
    model: str
    source: str
    priority: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    progress: float
    audio_seconds: float | None
    done_seconds: float
    segments: int
    results: dict[str, str]
    """Where the result is, in each format that was asked for; empty until the job has succeeded."""
    warnings: list[str]
    error: JobErrorView | None
    webhook_url: str | None


class JobList(BaseModel):
    """Some jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[JobView]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedJob(BaseModel):
    """A job that is no longer there."""

    id: str
    object: Literal["job"] = "job"
    deleted: Literal[True] = True


class WebhookView(BaseModel):
    """A delivery: `pending`, `delivered`, or `dead` when all attempts have failed."""

    id: str
    object: Literal["webhook"] = "webhook"
    job_id: str
    event: str
    url: str
    status: DeliveryStatus
    failed_attempts: int
    last_error: str | None
    next_attempt_at: int | None
    created_at: int


class WebhookList(BaseModel):
    """Some deliveries, newest first."""

    object: Literal["list"] = "list"
    data: list[WebhookView]


class WebhookSecret(BaseModel):
    """What webhooks of this key's jobs are signed with, as Standard Webhooks writes it."""

    object: Literal["webhook_secret"] = "webhook_secret"
    secret: str


NO_JOB = "There is no such job of this key."
MISSING = openapi.errors(_404=NO_JOB)
CREATED: dict[str, Any] = {
    "responses": {
        200: {"description": "The job that this Idempotency-Key has made before.", "model": JobView},
        201: {"description": "A new job.", "model": JobView},
        **openapi.errors(
            _400="The recording or a field cannot be used.",
            _404="No such model.",
            _413="The recording is too large.",
            _429="The key has all that it allows.",
            _503="No room now.",
        ),
        422: {
            "description": "The Idempotency-Key came with another request before, or is none.",
            "content": {"application/json": {"schema": {"anyOf": [openapi.ERROR, openapi.UNREADABLE]}}},
        },
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": openapi.BOTH["file"],
                            **{
                                f"{name}[]" if name in ("formats", "keywords") else name: schema
                                for name, schema in JobBody.model_json_schema()["properties"].items()
                                if name != "url"
                            },
                        },
                    }
                },
                "application/json": {"schema": {**JobBody.model_json_schema(), "required": ["url"]}},
            },
        }
    },
}
RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What was said.",
        "content": {
            "application/json": {"schema": {"anyOf": [openapi.JSON, openapi.VERBOSE]}},
            "text/plain": {"schema": openapi.STRING},
        },
    },
    **openapi.errors(_404=NO_JOB, _409="The job has no result, or none yet."),
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `segment`, whose ids are the segments' numbers, `progress`, and at last `end`.",
        "content": {"text/event-stream": {"schema": openapi.STRING}},
    },
    **MISSING,
}


def job_request(body: JobBody, source: str, own: FileSettings) -> JobRequest:
    """What is asked of the jobs; `source` is the name of the recording, `own` counts where the body says nothing."""
    return JobRequest(
        model=body.model,
        source="".join(filter(str.isprintable, source))[:200] or "the recording",
        url=body.url,
        formats=tuple(body.formats),
        language=body.language or (body.languages[0] if len(body.languages) == 1 else None),
        languages=() if body.language else tuple(body.languages),
        translate=body.translate,
        prompt=body.prompt,
        vocabulary=tuple(body.keywords) or own.vocabulary,
        temperature=body.temperature,
        delay_ms=body.delay_ms or own.delay_ms,
        webhook_url=body.webhook_url,
    )


def view(job: Job) -> JobView:
    """A job as it is shown."""
    done = job.status is Status.SUCCEEDED
    return JobView(
        id=job.id,
        status=job.status,
        model=job.request.model,
        source=job.request.source,
        priority=job.priority,
        created_at=round(job.created_at),
        started_at=None if job.started_at is None else round(job.started_at),
        finished_at=None if job.finished_at is None else round(job.finished_at),
        progress=round(job.progress, 3),
        audio_seconds=job.audio_seconds,
        done_seconds=job.done_seconds,
        segments=job.segments,
        results={name: f"/v1/jobs/{job.id}/result?format={name}" for name in job.request.formats if done},
        warnings=list(job.warnings),
        error=JobErrorView(code=job.error.code, message=job.error.message, param=job.error.field)
        if job.error
        else None,
        webhook_url=job.request.webhook_url,
    )


def webhook(delivery: Delivery) -> WebhookView:
    """A delivery as it is shown."""
    pending = delivery.status is DeliveryStatus.PENDING
    return WebhookView(
        id=delivery.id,
        job_id=delivery.job_id,
        event=delivery.event,
        url=delivery.url,
        status=delivery.status,
        failed_attempts=delivery.attempts,
        last_error=delivery.last_error,
        next_attempt_at=round(delivery.run_at) if pending else None,
        created_at=round(delivery.created_at),
    )
