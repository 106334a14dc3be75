"""Recordings over HTTP: `/v1/audio/transcriptions` and `/v1/audio/translations`."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import BinaryIO, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from voxtral_service import metrics
from voxtral_service.audio.recording import Recording
from voxtral_service.audio.segments import Pauses
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.pool import LoadedModel
from voxtral_service.errors import EngineError, InvalidOption, VoxtralError
from voxtral_service.events import FileEvent, ServerVad, TranscriptSegment
from voxtral_service.server import openapi
from voxtral_service.server.http import Caller, admitted, state_of
from voxtral_service.server.keys import ApiKey
from voxtral_service.server.logs import FIELDS
from voxtral_service.server.sending import Sender, send_events, while_connected
from voxtral_service.server.state import ServerState
from voxtral_service.server.uploads import Upload, received
from voxtral_service.wire import http_choice, languages
from voxtral_service.wire.form import BadField, Form
from voxtral_service.wire.http import FileDialect, FileRequest, FileResult
from voxtral_service.wire.openai_http import OpenAIHttp

SHORT_GAP = 0.25
"""Seconds of silence between two chunks of a caller's own making that are not worth leaving out."""

logger = logging.getLogger(__name__)
routes = APIRouter(dependencies=[Depends(admitted)], tags=["audio"])


@routes.post("/v1/audio/transcriptions", **openapi.TRANSCRIPTIONS)
async def transcriptions(request: Request, key: Caller) -> Response:
    """What is said in a recording. Clients of OpenAI and of Mistral are told apart by the fields they send."""
    return FileAnswer(request, state_of(request), key, translate=False)


@routes.post("/v1/audio/translations", **openapi.TRANSLATIONS)
async def translations(request: Request, key: Caller) -> Response:
    """What is said in a recording, in English."""
    return FileAnswer(request, state_of(request), key, translate=True)


def install(app: FastAPI) -> None:
    """Put the routes on an application."""
    app.include_router(routes)


class FileAnswer(Response):
    """Reads the form, does the work and answers, all while it is sent.

    What it holds is freed at its end, whatever that is. A client that goes away ends it.
    """

    def __init__(self, request: Request, state: ServerState, key: ApiKey, *, translate: bool) -> None:
        super().__init__()
        self._request, self._state, self._key, self._translate = request, state, key, translate
        self._audio_seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application of one request."""
        kind = http_choice.before_the_form(self._request.headers)
        sender, started, outcome, reason = Sender(send), time.monotonic(), "failed", ""
        try:
            with self._state.seats.file(self._key), metrics.FILES.track_inprogress():
                self._state.check_allowance(self._key)
                async with received(self._request, max_bytes=self._state.files.max_upload) as upload:
                    form = Form(upload.fields)
                    kind = OpenAIHttp if self._translate else http_choice.dialect(form)
                    dialect = kind.decode(form, translate=self._translate)
                    outcome = await while_connected(receive, sender, self._work(dialect, upload, sender))
        except ClientDisconnect:
            outcome = "disconnected"
        except VoxtralError as error:
            outcome, reason = "failed" if isinstance(error, EngineError) else "refused", error.code
            await sender.whole(kind.refuse(error))
        finally:
            metrics.FILES_TOTAL.labels(outcome).inc()
            fields = {
                "route": self._request.url.path,
                "key": self._key.name,
                "seconds": round(time.monotonic() - started, 3),
                "audio_seconds": round(self._audio_seconds, 3),
                "outcome": outcome,
                "reason": reason,
            }
            logger.info("recording answered", extra={FIELDS: fields})

    async def _work(self, dialect: FileDialect, upload: Upload, sender: Sender) -> str:
        request = dialect.request
        async with AsyncExitStack() as held:
            model = await asyncio.to_thread(self._state.pool.resolve, request.model)
            stream, name = await self._source(request, upload, held)
            recording = Recording(stream, name=name, max_seconds=self._state.files.max_seconds, field="file")
            held.push_async_callback(_finish, recording)
            await asyncio.to_thread(recording.look)
            loaded = await held.enter_async_context(self._state.pool.use(model))
            _check(request, loaded)
            files = self._state.files
            events = transcribe_file(
                loaded.engine,
                recording,
                self._options(request),
                lanes=files.lanes,
                pauses=_pauses(request.chunking),
                detector=files.detector,
            )
            hearing = _Hearing(request, loaded, recording)
            async with aclosing(self._charged(events, hearing)) as heard:
                if request.stream:
                    if not await send_events(sender, heard, dialect.event, dialect.broken):
                        return "failed"
                    await sender.piece(dialect.done(hearing.result()))
                    await sender.end()
                    return "done"
                async for _ in heard:
                    pass
            await sender.whole(dialect.whole(hearing.result()))
            return "done"

    async def _source(self, request: FileRequest, upload: Upload, held: AsyncExitStack) -> tuple[BinaryIO, str]:
        if upload.file is not None:
            if request.file_url is not None:
                raise BadField("there are both a file and a file_url; send one of them", field="file_url")
            return upload.file.stream, upload.file.name
        if request.file_url is None:
            raise BadField("there is no recording; send it in the part named file, with a file name", field="file")
        file = cast("BinaryIO", held.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115
        fetched = await self._state.fetcher.download(request.file_url, file, field="file_url")
        file.seek(0)
        return file, fetched.name or "the recording"

    def _options(self, request: FileRequest) -> StreamOptions:
        return StreamOptions(
            delay_ms=self._state.files.delay_ms,
            language=request.language or (request.languages[0] if len(request.languages) == 1 else None),
            languages=() if request.language else request.languages,
            bulk=True,
            translate=request.translate,
            prompt=request.prompt,
            vocabulary=request.vocabulary or self._state.files.vocabulary,
            temperature=request.temperature,
        )

    async def _charged(self, events: AsyncGenerator[FileEvent], hearing: _Hearing) -> AsyncGenerator[FileEvent]:
        """The events, remembered, and counted against the key's allowance."""
        allowance = self._state.allowance(self._key)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TranscriptSegment):
                    hearing.segments.append(event)
                    seconds = event.end - event.start
                    allowance.delay(seconds, now=time.monotonic())
                    metrics.FILE_AUDIO_SECONDS.inc(seconds)
                    self._audio_seconds += seconds
                yield event


class _Hearing:
    """What has been heard of a recording so far."""

    def __init__(self, request: FileRequest, loaded: LoadedModel, recording: Recording) -> None:
        self.segments: list[TranscriptSegment] = []
        self._request, self._loaded, self._recording = request, loaded, recording

    def result(self) -> FileResult:
        """All of it; the language is what the engine heard, else what it was told, else the only one it knows."""
        heard = next((segment.language for segment in self.segments if segment.language and segment.text), None)
        known = self._loaded.model.languages
        language = heard or self._request.language or (known[0] if len(known) == 1 else None)
        return FileResult(self._loaded.model.name, tuple(self.segments), self._recording.seconds, language)


def _check(request: FileRequest, loaded: LoadedModel) -> None:
    """Raises InvalidOption for what the model cannot do and would not be missed if it were left out."""
    can, name = loaded.engine.capabilities, loaded.model.name
    known = can.languages or loaded.model.languages
    if request.translate and not can.translates:
        raise InvalidOption(f"{name} does not translate; name a model that does (GET /v1/models)", field="model")
    if request.language and known and languages.base(request.language) not in map(languages.base, known):
        raise InvalidOption(
            f"{name} does not know the language {request.language}; it knows {', '.join(known)}", field="language"
        )
    if request.logprobs and not can.logprobs:
        raise InvalidOption(f"{name} keeps no probabilities; leave include[]=logprobs out", field="include")


def _pauses(chunking: ServerVad | None) -> Pauses | None:
    """A pause as the caller defines it ends a segment, and what lasts longer is left out; None for the server's own."""
    if chunking is None:
        return None
    silence = chunking.silence_duration_ms / 1000
    return Pauses(
        threshold=chunking.threshold,
        before=chunking.prefix_padding_ms / 1000,
        behind=silence,
        shortest=silence,
        quiet=SHORT_GAP,
        every=True,
    )


async def _finish(recording: Recording) -> None:
    """Close it when the block that is being decoded is done, even if nobody waits for that any more."""
    await asyncio.shield(asyncio.to_thread(recording.close))
