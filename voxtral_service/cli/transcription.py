"""A model, recordings and a screen brought together."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from rich.console import Console

from voxtral_service.cli import outputs
from voxtral_service.cli.batch import Batch, Engines, Job
from voxtral_service.cli.outputs import Targets
from voxtral_service.cli.recording import Recording
from voxtral_service.cli.screen import Screen
from voxtral_service.cli.sidecar import Sidecar
from voxtral_service.config import Settings
from voxtral_service.engine import loading
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.choice import choose
from voxtral_service.engine.registry import InstalledModel, Registry
from voxtral_service.errors import InvalidOption, VoxtralError
from voxtral_service.render import Format, Result, render

DEFAULT_STREAMS = 4
"""Recordings, or pieces of them, side by side."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made of each recording."""

    formats: tuple[Format, ...]
    language: str | None = None
    refine: str | None = None
    """The model of a second pass."""
    workers: int | None = None
    words: bool = False
    force: bool = False
    """Do again what is done."""
    quiet: bool = False


def transcribe_all(
    recordings: Sequence[Recording], targets: Sequence[Targets | None], order: Order, settings: Settings
) -> list[Exception]:
    """Transcribe each recording to its targets; returns what went wrong, one error for each that failed.

    Recordings in a folder whose transcripts are newer than they are left alone. Raises before the first one if there is
    no model for them.
    """
    several = len(recordings) > 1
    todo = [
        (recording, target)
        for recording, target in zip(recordings, targets, strict=True)
        if order.force or not (several and target and _is_done(recording, target))
    ]
    skipped = len(recordings) - len(todo)
    if not todo:
        if not order.quiet:
            print(_summary([], skipped, 0.0), file=sys.stderr)
        return []
    return _Work(todo, order, settings, skipped=skipped, several=several).run()


class _Work:
    """One run of the command, once it is known what is to be done."""

    def __init__(
        self,
        todo: Sequence[tuple[Recording, Targets | None]],
        order: Order,
        settings: Settings,
        *,
        skipped: int,
        several: bool,
    ) -> None:
        self._order, self._settings, self._skipped, self._several = order, settings, skipped, several
        self._device = loading.pick_device(settings.device)
        live = any(recording.live for recording, _ in todo)
        if live and order.refine:
            raise InvalidOption("a live stream cannot be heard twice; leave out --refine", field="refine")
        # A live stream has one place; files are cut up to fill all there are.
        self._slots = 1 if len(todo) == 1 and live else settings.max_streams or DEFAULT_STREAMS
        registry = Registry(settings.models_dir)
        choice = choose(registry, settings.model, self._device)
        if choice.notice and not order.quiet:
            print(choice.notice, file=sys.stderr, flush=True)
        self._model = choice.model
        self._second = registry.find(order.refine) if order.refine else None
        for model in (self._model, self._second):
            if model:
                _check_language(model, order.language)
        self._targets: dict[Job, Targets | None] = {}
        self._todo = todo

    def run(self) -> list[Exception]:
        """See `transcribe_all`."""
        engines = Engines(self._load(self._model), self._load(self._second) if self._second else None)
        try:
            for recording, target in self._todo:
                self._targets[self._job(recording, target, engines)] = target
            jobs = list(self._targets)
            self._screen = Screen(sys.stdout, sys.stderr, jobs, quiet=self._order.quiet)
            started = time.monotonic()
            asyncio.run(self._transcribe(engines, jobs))
        finally:
            engines.first.close()
            if engines.second:
                engines.second.close()
        if self._several and not self._order.quiet:
            print(_summary(jobs, self._skipped, time.monotonic() - started), file=sys.stderr)
        return [job.error for job in jobs if job.error]

    def _load(self, model: InstalledModel) -> Engine:
        with _spinner(f"loading {model.name}", quiet=self._order.quiet):
            return loading.load(model, device=self._device, dtype=self._settings.dtype, slots=self._slots)

    def _job(self, recording: Recording, target: Targets | None, engines: Engines) -> Job:
        spoken = self._order.language or (self._model.languages[0] if len(self._model.languages) == 1 else None)
        options = StreamOptions(
            self._settings.delay_ms, spoken, not recording.live, vocabulary=self._settings.vocabulary
        )
        sidecar = None
        if target and recording.input.path and not recording.live:
            sidecar = Sidecar(next(iter(target.values())), self._made_of(recording, options, engines))
        job = Job(recording, options, sidecar=sidecar)
        if target:
            job.first_pass_done = lambda: self._write(job, target)
        return job

    def _made_of(self, recording: Recording, options: StreamOptions, engines: Engines) -> dict[str, object]:
        return {
            "recording": recording.fingerprint,
            "model": self._model.name,
            "delay_ms": options.delay_ms,
            "language": options.language,
            "vocabulary": list(options.vocabulary),
            "longest": engines.longest,
        }

    async def _transcribe(self, engines: Engines, jobs: Sequence[Job]) -> None:
        with self._screen:
            batch = Batch(engines, jobs, self._slots, workers=self._order.workers, ended=self._deliver)
            async with batch:
                for job in jobs:
                    if self._targets[job] is None:
                        await self._follow(job)
                await batch.wait()

    def _deliver(self, job: Job) -> None:
        """Write the transcript of a job that goes into files, whatever those before it do."""
        target = self._targets[job]
        if target is None:
            return
        if not job.error:
            self._write(job, target)
        if not job.error:
            job.delivered()
        self._tell(job)

    def _write(self, job: Job, target: Targets) -> None:
        try:
            for format, path in target.items():
                outputs.write(path, render(self._result(job), format, words=self._order.words))
        except VoxtralError as error:
            job.error = error

    async def _follow(self, job: Job) -> None:
        """Put a job's text on standard output, as it comes if it is plain."""
        format = self._order.formats[0]
        as_it_comes = format is Format.TEXT and not self._order.words
        heading = f"==> {job.recording.input.name} <==\n" if self._several and format is Format.TEXT else ""
        async for news in job.news():
            if as_it_comes:
                self._screen.write(heading)
                self._screen.say(news.delta, news.tail)
                heading = ""
        self._screen.end_line()
        if not job.error and not as_it_comes:
            text = render(self._result(job), format, one_line=self._several, words=self._order.words)
            self._screen.write(heading + text)
        self._tell(job)

    def _tell(self, job: Job) -> None:
        """What there is to know about a job that has ended."""
        name = job.recording.input.name
        for warning in job.warnings:
            self._screen.note(f"warning: {name}: {warning}")
        if job.error:
            message = str(job.error)
            self._screen.note(f"error: {message}" if message.startswith(name) else f"error: {name}: {message}")

    def _result(self, job: Job) -> Result:
        model = self._second if self._second and job.ended else self._model
        delay = self._settings.delay_ms or model.delay_ms
        return Result(job.recording.input.name, job.transcript, model.name, delay, job.warnings)


def _is_done(recording: Recording, target: Targets) -> bool:
    """Whether there is a transcript, newer than the recording, and no half-done one beside it."""
    path = recording.input.path
    begun = Sidecar(next(iter(target.values())), {}).path
    return path is not None and outputs.are_newer(target, path) and not begun.exists()


def _summary(jobs: Sequence[Job], skipped: int, seconds: float) -> str:
    failed = sum(job.error is not None for job in jobs)
    counts = [f"{len(jobs) - failed} transcribed"]
    if skipped:
        counts.append(f"{skipped} done before (--force does them again)")
    if failed:
        counts.append(f"{failed} failed")
    heard = sum(max(0.0, job.seconds - job.heard_before) for job in jobs)
    if not heard:
        return ", ".join(counts)
    speed = f"{heard / seconds:.1f} hours of audio an hour"
    return f"{', '.join(counts)}; {_clock(heard)} of audio in {_clock(seconds)}: {speed}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _check_language(model: InstalledModel, language: str | None) -> None:
    if language and model.languages and language.lower().partition("-")[0] not in model.languages:
        raise InvalidOption(
            f"{model.name} does not know the language {language!r}; it knows {', '.join(model.languages)}",
            field="language",
        )


def _spinner(message: str, *, quiet: bool) -> AbstractContextManager[object]:
    if quiet or not sys.stderr.isatty():
        return nullcontext()
    return Console(stderr=True).status(message)
