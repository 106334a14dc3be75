"""Recordings that are transcribed in the background: `/v1/jobs`, and the webhooks that tell of their ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import TypeAdapter, ValidationError

from voxtral_service.errors import JobNotFinished, JobNotFound, TooLarge, VoxtralError
from voxtral_service.events import TranscriptSegment
from voxtral_service.jobs.job import Job, Status
from voxtral_service.jobs.outbox import DeliveryStatus
from voxtral_service.jobs.service import Jobs, has_ended
from voxtral_service.server import job_views as views
from voxtral_service.server import openapi
from voxtral_service.server.http import Caller, admitted, state_of
from voxtral_service.server.keys import ApiKey
from voxtral_service.server.uploads import received
from voxtral_service.wire.form import BadField, Form
from voxtral_service.wire.http import FileRequest, FileResult, sse
from voxtral_service.wire.openai_http import OpenAIHttp

MAX_BODY = 2**20
WATCH = 0.5
"""Seconds between two looks at a job that somebody watches; another server may be working on it."""
KEEP_ALIVE = 15.0
_SEGMENT = TypeAdapter(TranscriptSegment)


routes = APIRouter(dependencies=[Depends(admitted)], tags=["jobs"], responses=openapi.errors())


def jobs_of(request: Request) -> Jobs:
    """The server's jobs; the routes are there only where it has some."""
    jobs = state_of(request).jobs
    assert jobs is not None
    return jobs


ServersJobs = Annotated[Jobs, Depends(jobs_of)]


@routes.post("/v1/jobs", status_code=201, response_model=views.JobView, **views.CREATED)
async def create(
    request: Request,
    key: Caller,
    jobs: ServersJobs,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> JSONResponse:
    """Take in a recording, to be transcribed in the background.

    A request that is sent again with the same `Idempotency-Key` makes no second job.
    """
    job, made = await _submit(request, key, jobs, idempotency_key)
    headers = {"Location": f"/v1/jobs/{job.id}"}
    return JSONResponse(views.view(job).model_dump(mode="json"), 201 if made else 200, headers)


@routes.get("/v1/jobs", responses=openapi.errors(_404="There is no job with the id in `after`."))
def list_jobs(
    key: Caller,
    jobs: ServersJobs,
    status: Status | None = None,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> views.JobList:
    """The key's jobs, newest first; the next page is behind the `last_id` of this one."""
    found = jobs.list(key.name, status=status, after=after, limit=limit + 1)
    page = [views.view(job) for job in found[:limit]]
    ids = [job.id for job in page]
    return views.JobList(
        data=page, first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None, has_more=len(found) > limit
    )


@routes.get("/v1/jobs/{id}", responses=views.MISSING)
def show(id: str, key: Caller, jobs: ServersJobs) -> views.JobView:
    """How far a job is."""
    return views.view(jobs.get(id, key.name))


@routes.get("/v1/jobs/{id}/result", response_class=Response, responses=views.RESULT)
def result(id: str, key: Caller, jobs: ServersJobs, format: views.Format | None = None) -> Response:
    """What was said, in any format; without one, in the first that the job asked for."""
    job = jobs.get(id, key.name)
    if job.status is not Status.SUCCEEDED:
        reason = f": {job.error.message}" if job.error else "; look at its status first"
        raise JobNotFinished(f"the job is {job.status} and has no result{reason}", field="id")
    segments = tuple(jobs.segments(id))
    asked = job.request
    heard = next((segment.language for segment in segments if segment.language and segment.text), None)
    wanted = FileRequest(
        model=asked.model, format=format or asked.formats[0], translate=asked.translate, words=True, segments=True
    )
    answer = OpenAIHttp(wanted).whole(
        FileResult(asked.model, segments, job.audio_seconds or 0.0, heard or asked.language)
    )
    return Response(answer.body.encode("utf-8", "replace"), answer.status, dict(answer.headers), answer.media_type)


@routes.get("/v1/jobs/{id}/events", response_class=StreamingResponse, responses=views.EVENTS)
async def events(
    request: Request, id: str, key: Caller, jobs: ServersJobs, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Segments as they are finished, from the first, or from behind the one in `Last-Event-ID`."""
    job = await asyncio.to_thread(jobs.get, id, key.name)
    first = int(last_event_id) + 1 if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 9 else 0
    seats = state_of(request).seats
    watch = _watch(jobs, job, first, stopping=lambda: seats.draining)
    return StreamingResponse(watch, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


@routes.post("/v1/jobs/{id}/cancel", responses=views.MISSING)
def cancel(id: str, key: Caller, jobs: ServersJobs) -> views.JobView:
    """End a job; one that has ended stays as it is."""
    return views.view(jobs.cancel(id, key.name))


@routes.delete("/v1/jobs/{id}", responses=views.MISSING)
def delete(id: str, key: Caller, jobs: ServersJobs) -> views.DeletedJob:
    """Cancel a job if it has not ended, and forget it and its result."""
    return views.DeletedJob(id=jobs.remove(id, key.name).id)


@routes.get("/v1/webhooks")
def list_webhooks(
    key: Caller,
    jobs: ServersJobs,
    status: DeliveryStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> views.WebhookList:
    """The newest webhooks of this key's jobs; `dead` are those that nobody took."""
    return views.WebhookList(data=[views.webhook(one) for one in jobs.deliveries(key.name, status=status, limit=limit)])


@routes.get("/v1/webhooks/secret")
def webhook_secret(key: Caller, jobs: ServersJobs) -> views.WebhookSecret:
    """What a receiver checks the signatures with."""
    return views.WebhookSecret(secret=jobs.secret(key.name))


@routes.post("/v1/webhooks/{id}/retry", responses=openapi.errors(_404="There is no such webhook of this key."))
def retry_webhook(id: str, key: Caller, jobs: ServersJobs) -> views.WebhookView:
    """Deliver a dead webhook again; others are left alone."""
    return views.webhook(jobs.revive(id, key.name))


def install(app: FastAPI) -> None:
    """Put the routes on an application whose state has jobs."""
    app.include_router(routes)


async def _submit(request: Request, key: ApiKey, jobs: Jobs, idempotency_key: str | None) -> tuple[Job, bool]:
    state = state_of(request)
    with state.seats.file(key):
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
            body = _checked(await _json(request))
            if body.url is None:
                raise BadField("there is no recording: name its url, or send it in a form", field="url")
            wanted = views.job_request(body, body.url.partition("?")[0].rpartition("/")[2], state.files)
            return await asyncio.to_thread(
                jobs.submit, key.name, wanted, None, priority=body.priority, idempotency_key=idempotency_key
            )
        async with received(request, max_bytes=state.files.max_upload) as upload:
            body = _checked(_fields(upload.fields))
            if upload.file is None or body.url is not None:
                raise BadField(
                    "a form holds the recording itself, in the part named file; send a url as JSON", field="file"
                )
            wanted = views.job_request(body, upload.file.name, state.files)
            jobs.check_urls(wanted)
            with jobs.folder.incoming() as incoming:
                await asyncio.to_thread(_store, upload.file.stream, incoming)
                return await asyncio.to_thread(
                    jobs.submit, key.name, wanted, incoming, priority=body.priority, idempotency_key=idempotency_key
                )


async def _json(request: Request) -> object:
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BODY:
            raise TooLarge(f"the request has more than {MAX_BODY} bytes")
    try:
        return json.loads(bytes(read))
    except (ValueError, RecursionError) as error:
        raise BadField(f"the body is no JSON: {error}") from error


def _fields(fields: Sequence[tuple[str, str]]) -> dict[str, object]:
    form = Form(fields)
    names = {name.removesuffix("[]") for name, value in fields if value}
    many = {name: list(form.many(name)) for name in names & {"formats", "keywords", "languages"}}
    return {**{name: form.text(name) for name in names - many.keys()}, **many}


def _checked(fields: object) -> views.JobBody:
    try:
        return views.JobBody.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or None
        raise BadField(f"{name or 'the body'}: {first['msg']}", field=name) from error


def _store(stream: BinaryIO, path: Path) -> None:
    stream.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file, 2**20)
        # The answer says that the recording is kept, so it is, even if the power fails.
        file.flush()
        os.fsync(file.fileno())


async def _watch(jobs: Jobs, job: Job, first: int, *, stopping: Callable[[], bool]) -> AsyncGenerator[str]:
    """Server-sent events until the job ends or is removed, or the server stops; the client comes back by itself."""
    said = ""
    quiet = 0.0
    while not stopping():
        segments: Sequence[TranscriptSegment] = await asyncio.to_thread(jobs.segments, job.id, first=first)
        for segment in segments:
            yield f"id: {segment.id}\n" + sse(_SEGMENT.dump_python(segment, mode="json"), "segment")
            first = segment.id + 1
        ended = has_ended(job) and first >= job.segments
        view = sse(views.view(job).model_dump(mode="json"), "end" if ended else "progress")
        quiet = 0.0 if view != said else quiet + WATCH
        if view != said:
            yield view
        elif quiet >= KEEP_ALIVE:
            quiet = 0.0
            yield ": keep-alive\n\n"
        if ended:
            return
        said = view
        await asyncio.sleep(WATCH)
        try:
            job = await asyncio.to_thread(jobs.get, job.id, job.owner)
        except JobNotFound:
            yield sse(views.DeletedJob(id=job.id).model_dump(mode="json"), "end")
            return
        except VoxtralError as error:
            yield sse({"error": {"message": str(error), "code": error.code}}, "error")
            return
