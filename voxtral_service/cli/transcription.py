"""A model, recordings and a screen brought together."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from voxtral_service.cli import outputs
from voxtral_service.cli.batch import Batch, Job
from voxtral_service.cli.recording import Recording
from voxtral_service.cli.screen import Screen
from voxtral_service.config import Settings
from voxtral_service.engine import loading
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.choice import choose
from voxtral_service.engine.registry import InstalledModel, Registry
from voxtral_service.errors import InvalidOption, VoxtralError
from voxtral_service.render import Format, Result, render


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be made of each recording."""

    format: Format
    model: str
    delay_ms: int | None
    several: bool


def transcribe_all(
    recordings: Sequence[Recording],
    targets: Sequence[Path | None],
    *,
    settings: Settings,
    language: str | None,
    format: Format,
    quiet: bool,
) -> list[Exception]:
    """Transcribe each recording to its target, in order; returns what went wrong, one error for each that failed.

    Raises before the first one if there is no model for them.
    """
    device = loading.pick_device(settings.device)
    choice = choose(Registry(settings.models_dir), settings.model, device)
    if choice.notice and not quiet:
        print(choice.notice, file=sys.stderr, flush=True)
    model = choice.model
    _check_language(model, language)
    # A live stream has one place; files are cut up to fill all there are.
    slots = 1 if len(recordings) == 1 and recordings[0].live else settings.max_streams
    with _spinner(f"loading {model.name}", quiet=quiet):
        engine = loading.load(model, device=device, dtype=settings.dtype, slots=slots)
    spoken = language or (model.languages[0] if len(model.languages) == 1 else None)
    jobs = [Job(recording, StreamOptions(settings.delay_ms, spoken, not recording.live)) for recording in recordings]
    screen = Screen(sys.stdout, sys.stderr, jobs, quiet=quiet)
    order = _Order(format, model.name, settings.delay_ms or model.delay_ms, several=len(jobs) > 1)
    try:
        return asyncio.run(_transcribe(engine, jobs, targets, order, screen, slots))
    finally:
        engine.close()


async def _transcribe(
    engine: Engine, jobs: Sequence[Job], targets: Sequence[Path | None], order: _Order, screen: Screen, slots: int
) -> list[Exception]:
    errors: list[Exception] = []
    with screen:
        async with Batch(engine, jobs, slots):
            for job, target in zip(jobs, targets, strict=True):
                if error := await _deliver(job, target, order, screen):
                    errors.append(error)
                    screen.note(_complaint(job, error))
    return errors


async def _deliver(job: Job, target: Path | None, order: _Order, screen: Screen) -> Exception | None:
    """Follow a job to its end and put its transcript where it belongs; returns what went wrong."""
    name = job.recording.input.name
    as_it_comes = order.format is Format.TEXT and target is None
    heading = f"==> {name} <==\n" if order.several else ""
    async for hypothesis in job.news():
        if as_it_comes:
            screen.write(heading)
            screen.say(hypothesis.delta, hypothesis.tail)
            heading = ""
    screen.end_line()
    warnings = job.recording.warnings
    for warning in warnings:
        screen.note(f"warning: {name}: {warning}")
    if job.error or as_it_comes:
        return job.error
    result = Result(name, job.transcript, order.model, order.delay_ms, warnings)
    if target is None:
        screen.write(render(result, order.format, one_line=order.several))
        return None
    try:
        outputs.write(target, render(result, order.format))
    except VoxtralError as error:
        return error
    return None


def _complaint(job: Job, error: Exception) -> str:
    name, message = job.recording.input.name, str(error)
    return f"error: {message}" if message.startswith(name) else f"error: {name}: {message}"


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
