"""`voxtral listen`: live captions of a microphone, or of a recording as if it were one."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from voxtral_service.cli.options import Delay, Device, Dtype, Language, Model, Vocabulary
from voxtral_service.errors import InvalidOption

if TYPE_CHECKING:
    from voxtral_service.cli.captions import Captions
    from voxtral_service.cli.microphone import Microphone
    from voxtral_service.cli.recording import Recording
    from voxtral_service.config import Settings
    from voxtral_service.events import SessionEvent


def listen(
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="A recording, played in real time; - is standard input.")
    ] = None,
    microphone: Annotated[
        str | None, typer.Option("--microphone", help="A part of its name, or its number. Default: the system's.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", "-s", metavar="URL", help="Let a server listen: ws://HOST:PORT.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", envvar="VOXTRAL_API_KEY", help="The server's key.", show_envvar=True)
    ] = None,
    language: Language = None,
    times: Annotated[
        bool, typer.Option("--times", help="Show when each turn began, and when each word was said.")
    ] = False,
    model: Model = None,
    delay: Delay = None,
    vocabulary: Vocabulary = None,
    device: Device = None,
    dtype: Dtype = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notices.")] = False,
) -> None:
    """Write down what is said while it is said, a line for every turn.

    Without options it listens to the system's microphone, with the model that `voxtral transcribe` would take, in this
    process; a line says which.

    On a terminal a dimmed mark stands behind a turn that is not finished; piped, the lines are plain.
    Ctrl-C ends the listening: what was said until then is still written down. A second one ends at once.

    Examples:

    \b
      voxtral listen
      voxtral listen --file talk.mp3 --times
      voxtral listen --server wss://speech.example:8000 --key sk-...
      voxtral listen | tee notes.txt
    """  # noqa: D301
    # Imports wait for what they are needed for, as in `transcribe`.
    from voxtral_service import config
    from voxtral_service.cli.captions import Captions
    from voxtral_service.cli.screen import Screen

    if server and any(option is not None for option in (model, delay, device, dtype, vocabulary)):
        raise InvalidOption(
            "--model, --delay, --vocabulary, --device and --dtype are for the server to set; leave them out"
        )
    settings = config.load(model=model, device=device, dtype=dtype, delay_ms=delay, vocabulary=vocabulary)
    screen = Screen(sys.stdout, sys.stderr, quiet=True)
    captions = Captions(screen, times=times)
    with ExitStack() as closing:
        sound = _sound(file, microphone)
        closing.enter_context(sound)
        events = _there(server, key, language, sound) if server else _here(settings, language, sound, closing, quiet)
        if not quiet:
            screen.note(f"listening to {file or 'the microphone'}; Ctrl-C ends")
        interrupted = closing.enter_context(_first_interrupt_stops(sound))
        with screen:
            asyncio.run(_show(events, captions))
        for warning in () if quiet else sound.warnings:
            screen.note(f"warning: {warning}")
    if interrupted and file:
        raise KeyboardInterrupt  # the recording was not heard to its end; a microphone has none
    raise typer.Exit(int(captions.failed))


def _sound(file: str | None, microphone: str | None) -> Recording | Microphone:
    if file is None:
        from voxtral_service.cli.microphone import Microphone

        return Microphone(microphone)
    if microphone is not None:
        raise InvalidOption("--file and --microphone exclude each other; give one")
    from voxtral_service.cli.inputs import expand
    from voxtral_service.cli.recording import Recording

    inputs = expand([file])
    for fault in inputs.faults:
        raise fault
    if len(inputs.found) != 1:
        raise InvalidOption(f"{file} stands for {len(inputs.found)} recordings; name one", field="file")
    recording = Recording(inputs.found[0], realtime=True)
    recording.open()
    return recording


def _there(
    server: str, key: str | None, language: str | None, sound: Recording | Microphone
) -> AsyncGenerator[SessionEvent]:
    from voxtral_service.cli import remote

    return remote.hear(remote.address(server), key, language, sound)


def _here(
    settings: Settings, language: str | None, sound: Recording | Microphone, closing: ExitStack, quiet: bool
) -> AsyncGenerator[SessionEvent]:
    """Events of an engine in this process, which lives as long as `closing` is open."""
    from voxtral_service.audio.vad import SileroModel
    from voxtral_service.cli import hearing
    from voxtral_service.engine import loading
    from voxtral_service.engine.choice import choose
    from voxtral_service.engine.registry import Registry
    from voxtral_service.events import SessionSettings
    from voxtral_service.session.vad import VoiceActivity

    device = loading.pick_device(settings.device)
    choice = choose(Registry(settings.models_dir), settings.model, device)
    if choice.notice and not quiet:
        typer.echo(choice.notice, err=True)
    engine = loading.load(choice.model, device=device, dtype=settings.dtype, slots=1)
    closing.callback(engine.close)
    silero = SileroModel()
    session = SessionSettings(delay_ms=settings.delay_ms, language=language, vocabulary=settings.vocabulary)
    return hearing.hear(engine, lambda: VoiceActivity(silero), session, sound)


async def _show(events: AsyncGenerator[SessionEvent], captions: Captions) -> None:
    async with aclosing(events):
        async for event in events:
            captions.show(event)


@contextmanager
def _first_interrupt_stops(sound: Recording | Microphone) -> Iterator[list[int]]:
    """Ctrl-C ends the sound, so that what follows it can finish; a second one interrupts that too.

    Gives a list that is empty until then.
    """
    seen: list[int] = []

    def stop(number: int, _: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sound.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)
