"""Several recordings through one engine, side by side, heard of in the order they were given in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from voxtral_service.cli.recording import Recording
from voxtral_service.engine.base import Engine, StreamOptions, hypotheses
from voxtral_service.engine.side_by_side import hypotheses_side_by_side
from voxtral_service.errors import VoxtralError
from voxtral_service.events import Hypothesis, Transcript, Word


class Job:
    """One recording and what has been heard of it; lives in the loop's thread."""

    def __init__(self, recording: Recording, options: StreamOptions) -> None:
        self.recording = recording
        self.seconds = 0.0
        self.running = False
        self.error: VoxtralError | OSError | None = None
        self._options = options
        self._text: list[str] = []
        self._words: list[Word] = []
        self._news: asyncio.Queue[Hypothesis | None] = asyncio.Queue()

    @property
    def transcript(self) -> Transcript:
        """All that was heard so far."""
        return Transcript("".join(self._text), tuple(self._words), self.seconds, self._options.language)

    async def run(self, engine: Engine, lanes: int) -> None:
        """Transcribe with up to `lanes` streams; what goes wrong ends up in `error`, for other recordings to go on."""
        self.running = True
        try:
            with self.recording:
                async for hypothesis in self._hypotheses(engine, lanes):
                    self._text.append(hypothesis.delta)
                    self._words.extend(hypothesis.words)
                    self.seconds = hypothesis.audio_seconds
                    self._news.put_nowait(hypothesis)
        except (VoxtralError, OSError) as error:
            self.error = error
        finally:
            self.running = False
            self._news.put_nowait(None)

    def _hypotheses(self, engine: Engine, lanes: int) -> AsyncIterator[Hypothesis]:
        # Cut up even in a single lane, so that a file's transcript does not depend on how many others it came with.
        if self._options.bulk:
            return hypotheses_side_by_side(engine, self.recording, self._options, lanes=lanes)
        return hypotheses(engine, self.recording, self._options)

    async def news(self) -> AsyncIterator[Hypothesis]:
        """What `run` hears, from its beginning; to be read once."""
        while (hypothesis := await self._news.get()) is not None:
            yield hypothesis


class Batch:
    """Jobs in a context: leaving it ends those that still run and waits until they have let go of their inputs."""

    def __init__(self, engine: Engine, jobs: Sequence[Job], slots: int) -> None:
        """`slots` is how many streams the engine has room for."""
        self._engine, self._jobs = engine, jobs
        self._lanes = max(1, slots // len(jobs))
        self._places = asyncio.Semaphore(slots // self._lanes)
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

    async def _run(self, job: Job) -> None:
        async with self._places:
            await job.run(self._engine, self._lanes)
