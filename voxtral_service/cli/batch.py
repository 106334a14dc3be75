"""Several recordings through one engine, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

from voxtral_service.cli.recording import Recording
from voxtral_service.cli.sidecar import Sidecar
from voxtral_service.engine.base import Engine, StreamOptions, hypotheses
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.lanes import Lanes
from voxtral_service.engine.refine import refine
from voxtral_service.errors import CallerError, VoxtralError
from voxtral_service.events import SegmentDelta, Transcript, TranscriptSegment, Word


@dataclass(frozen=True, slots=True)
class Engines:
    """What hears the recordings, and what goes over them a second time."""

    first: Engine
    second: Engine | None = None

    @property
    def longest(self) -> float:
        """Seconds that a segment may have."""
        both = [engine.capabilities.longest_segment for engine in (self.first, self.second) if engine]
        return min(both)


@dataclass(frozen=True, slots=True)
class News:
    """What a job has to say: text that is certain, and unsure text behind it."""

    delta: str
    tail: str = ""


class Job:
    """One recording and what has been heard of it; lives in the loop's thread.

    `sidecar` keeps finished segments, for the job to go on behind the last when it is run again. `seconds` is how far
    its text goes, `heard` how much has been heard, also of segments behind that, `heard_before` what of it another run
    had finished.
    """

    def __init__(self, recording: Recording, options: StreamOptions, *, sidecar: Sidecar | None = None) -> None:
        self.recording = recording
        self.seconds = 0.0
        self.heard = 0.0
        self.heard_before = 0.0
        self.running = self.ended = False
        self.error: VoxtralError | OSError | None = None
        self.warnings: tuple[str, ...] = ()
        self.first_pass_done: Callable[[], None] = lambda: None
        self._options = options
        self._sidecar = sidecar
        self._segments: list[TranscriptSegment] = []
        self._text: list[str] = []
        self._words: list[Word] = []
        self._language: str | None = None
        self._news: asyncio.Queue[News | None] = asyncio.Queue()

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1, as far as it can be told."""
        if self.ended or not self.recording.duration:
            return float(self.ended)
        return min(1.0, self.heard / self.recording.duration)

    @property
    def transcript(self) -> Transcript:
        """All that was heard so far."""
        text, words = "".join(self._text), self._words
        if self._segments:
            text = " ".join(segment.text for segment in self._segments if segment.text)
            words = [word for segment in self._segments for word in segment.words]
        return Transcript(text, tuple(words), self.seconds, self._options.language or self._language)

    async def run(self, engines: Engines, lanes: Lanes, *, handed_on: Callable[[], None] = lambda: None) -> None:
        """Transcribe with a share of `lanes`; what goes wrong ends up in `error`, for other recordings to go on.

        `handed_on` is called when the recording is no longer read, at the latest when this returns.
        """
        self.running = True
        try:
            with self.recording:
                # Cut up even in a single lane: a file's transcript must not depend on how many others it came with.
                if self._options.bulk:
                    await self._hear_file(engines, lanes, handed_on if engines.second is None else lambda: None)
                else:
                    async with lanes:
                        await self._hear_stream(engines.first)
            self.warnings = tuple(self.recording.warnings)
            if engines.second is not None:
                self.first_pass_done()
                await self._refine(engines.second, lanes)
        except (VoxtralError, OSError) as error:
            self.error = error
            self.warnings = tuple(self.recording.warnings)
            if isinstance(error, CallerError):  # another attempt would not get further
                self.delivered()
        finally:
            self.running, self.ended = False, True
            self._news.put_nowait(None)
            handed_on()

    def delivered(self) -> None:
        """The transcript is where it belongs, or never will be; what was kept in case of an interruption can go."""
        if self._sidecar:
            self._sidecar.remove()

    async def news(self) -> AsyncIterator[News]:
        """What `run` hears, from its beginning; to be read once."""
        while (news := await self._news.get()) is not None:
            yield news

    async def _hear_stream(self, engine: Engine) -> None:
        async for hypothesis in hypotheses(engine, self.recording, self._options):
            self._text.append(hypothesis.delta)
            self._words.extend(hypothesis.words)
            self.seconds = self.heard = hypothesis.audio_seconds
            self._language = hypothesis.language or self._language
            self._news.put_nowait(News(hypothesis.delta, hypothesis.tail))

    async def _hear_file(self, engines: Engines, lanes: Lanes, handed_on: Callable[[], None]) -> None:
        for segment in self._sidecar.load() if self._sidecar else ():
            self._keep(segment)
            self._tell(segment.text, begins=True, sure=engines.second is None)
        if self.seconds:
            self.recording.skip(self.seconds)
            self.heard = self.heard_before = self.seconds
        events = transcribe_file(
            engines.first,
            self.recording,
            self._options,
            lanes=lanes,
            handed_on=handed_on,
            heard=self._hear_more,
            first=len(self._segments),
            start=self.seconds,
            longest=engines.longest,
        )
        begins = True
        async with aclosing(events):
            async for event in events:
                if isinstance(event, SegmentDelta):
                    self._tell(event.text, begins=begins, sure=engines.second is None)
                    begins = False
                    continue
                begins = True
                self._keep(event)
                if self._sidecar:
                    self._sidecar.add(event)

    async def _refine(self, engine: Engine, lanes: Lanes) -> None:
        self._text = []
        with self.recording.again() as recording:
            refined = refine(engine, recording, self._segments, self._options, lanes=lanes)
            async with aclosing(refined):
                async for segment in refined:
                    self._segments[segment.id] = segment
                    self._tell(segment.text, begins=True)

    def _hear_more(self, seconds: float) -> None:
        self.heard += seconds

    def _keep(self, segment: TranscriptSegment) -> None:
        self._segments.append(segment)
        self.seconds = segment.end
        self._language = self._language or segment.language

    def _tell(self, text: str, *, begins: bool, sure: bool = True) -> None:
        """Text for the reader; a segment that begins is parted from what was said before it."""
        if not text:
            return
        delta = f" {text}" if begins and self._text else text
        self._text.append(delta)
        if not sure:
            self._text = ["".join(self._text)[-200:]]
        self._news.put_nowait(News(delta) if sure else News("", "".join(self._text)))


class Batch:
    """Jobs in a context: leaving it ends those that still run and waits until they have let go of their inputs."""

    def __init__(
        self, engines: Engines, jobs: Sequence[Job], slots: int, *, workers: int | None, ended: Callable[[Job], None]
    ) -> None:
        """`slots` is how many streams the engine has room for, which all jobs share; `workers` how many recordings are
        read at once, by default as many as there are streams. A worker reads on in the next recording while the end of
        the last one is still being heard. `ended` hears of each job that has run to its end.
        """
        self._engines, self._jobs, self._ended = engines, jobs, ended
        self._lanes = Lanes(slots)
        self._workers = asyncio.Semaphore(workers or slots)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        """Start the jobs, as many as there are places for."""
        self._tasks = [asyncio.create_task(self._run(job)) for job in self._jobs]

    async def __aexit__(self, *_: object) -> None:
        """See the class."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):  # a defect: `Job.run` deals with what can go wrong
                raise outcome

    async def wait(self) -> None:
        """Until all jobs have ended."""
        await asyncio.gather(*self._tasks)

    async def _run(self, job: Job) -> None:
        await self._workers.acquire()
        with ExitStack() as worker:
            worker.callback(self._workers.release)
            await job.run(self._engines, self._lanes, handed_on=worker.close)
            self._ended(job)
