"""`voxtral ask`: a question, written or spoken, and its answer, read and heard; or a conversation."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxtral_service.cli.options import Device, Language
from voxtral_service.errors import CallerError, InvalidAudio, InvalidOption

if TYPE_CHECKING:
    from voxtral_service.assistant.speech import Synthesizer
    from voxtral_service.cli.asking import Answering, Asking, Said, Talking
    from voxtral_service.cli.screen import Screen
    from voxtral_service.cli.speaker import Speaker
    from voxtral_service.config import Settings
    from voxtral_service.events import ResponseSettings, SessionSettings


def ask(
    question: Annotated[
        str | None, typer.Argument(help="What to ask, or a recording of it; - reads the question from a pipe.")
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Talk, until Ctrl-C.")] = False,
    microphone: Annotated[
        str | None, typer.Option("--microphone", help="With --mic: a part of its name, or its number.")
    ] = None,
    server: Annotated[
        str | None, typer.Option("--server", "-s", metavar="URL", help="Let a server answer: ws://HOST:PORT.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", envvar="VOXTRAL_API_KEY", help="The server's key.", show_envvar=True)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the spoken answer here: wav, mp3, opus, ogg, flac.")
    ] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Write the answer only.")] = False,
    voice: Annotated[str, typer.Option("--voice", help="Such as en-gb, de or fr-fr+f2.")] = "",
    half_duplex: Annotated[
        bool,
        typer.Option("--half-duplex", help="Do not listen while an answer is heard: for loudspeakers near the mic."),
    ] = False,
    language: Language = None,
    llm_url: Annotated[
        str | None, typer.Option("--llm-url", help="A server with OpenAI's /v1/chat/completions, which answers.")
    ] = None,
    llm_model: Annotated[
        str | None, typer.Option("--llm-model", help="The model to ask it for; alone, a local one that answers.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="What hears: an alias, a folder or a hub id.")
    ] = None,
    device: Device = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notices, no calls of tools.")] = False,
) -> None:
    """Ask something, and read and hear the answer.

    Without --server everything happens in this process, as the settings say: what hears, what answers, what speaks.
    What is heard stands behind ">"; tools that were called are shown on standard error.

    With --mic it is a conversation: speak to interrupt an answer, press Ctrl-C to end. Use headphones, or
    --half-duplex, or it may hear itself.

    Exit status 0: answered; 1: there was no answer, or not all of it; 2: the request was wrong; 130: interrupted.

    Examples:

    \b
      voxtral ask "What time is it in Tokyo?"
      voxtral ask question.wav --output answer.wav
      voxtral ask --mic
      voxtral ask --llm-url http://localhost:11434/v1 "Why is the sky blue?"
      voxtral ask --server wss://speech.example:8000 --key sk-... --mic
    """  # noqa: D301
    # Imports wait for what they are needed for, as in `transcribe`.
    import asyncio

    from voxtral_service.cli.asking import Asking
    from voxtral_service.cli.exchange import Exchange
    from voxtral_service.cli.screen import Screen

    said = _said(question, mic=mic, microphone=microphone, output=output, silent=silent)
    flags = {"llm_url": llm_url, "llm_model": llm_model, "model": model, "device": device}
    if server and any(flag is not None for flag in flags.values()):
        raise InvalidOption("--llm-url, --llm-model, --model and --device are for the server to set; leave them out")
    with ExitStack() as closing:
        screen = Screen(sys.stdout, sys.stderr, quiet=True)
        speaker = None if silent else _speaker(output, screen)
        if speaker is not None:
            closing.callback(speaker.close)
        exchange = Exchange(screen, speaker, quiet=quiet)
        asking = Asking(said, exchange, speaker, screen, quiet=quiet, half_duplex=half_duplex)
        wish, session = asking.wish(voice), asking.session(language)
        held = _there(server, key, wish, session) if server else _here(flags, asking, wish, session)
        closing.enter_context(screen)
        if mic:
            with suppress(KeyboardInterrupt):  # its proper end
                asyncio.run(asking.run(held))
        else:
            asyncio.run(asking.run(held))
    spoken = getattr(speaker, "seconds", 0.0)
    if output is not None and not (quiet and spoken):
        told = f"{output}: {spoken:.1f} s" if spoken else f"error: nothing was spoken, so {output} was not written"
        typer.echo(told, err=True)
    raise typer.Exit(int(exchange.failed or (output is not None and not spoken)))


def _said(question: str | None, *, mic: bool, microphone: str | None, output: Path | None, silent: bool) -> Said:
    from voxtral_service.cli.asking import Said

    if mic:
        from voxtral_service.cli.microphone import Microphone

        if question is not None or output is not None:
            raise InvalidOption("--mic takes no question and no --output; leave them out")
        return Said(sound=Microphone(microphone), live=True, name="the microphone")
    if question is None:
        raise InvalidOption("there is nothing to ask; give a question, a recording, or --mic", field="question")
    if silent and output is not None:
        raise InvalidOption("--silent and --output exclude each other; give one")
    if question == "-":
        question = sys.stdin.read()
    elif Path(question).is_file():
        return _recording(question)
    elif _names_a_file(question):
        raise InvalidAudio(f"{question}: there is no such file", field="question")
    if not question.strip():
        raise InvalidOption("there is nothing to ask; give a question", field="question")
    return Said(question.strip())


def _names_a_file(question: str) -> bool:
    """Whether somebody who wrote this meant a recording."""
    from voxtral_service.cli.inputs import RECORDINGS

    return " " not in question and Path(question).suffix.lower() in RECORDINGS


def _recording(name: str) -> Said:
    from voxtral_service.cli.asking import Said
    from voxtral_service.cli.inputs import expand
    from voxtral_service.cli.recording import Recording

    recording = Recording(expand([name]).found[0])
    recording.open()
    return Said(sound=recording, name=name)


def _speaker(output: Path | None, screen: Screen) -> Speaker | None:
    """Where answers are heard; None, and a line that says why, where they cannot be."""
    from voxtral_service.cli.speaker import Loudspeaker, SoundFile

    if output is not None:
        return SoundFile(output)
    try:
        return Loudspeaker()
    except CallerError as error:
        screen.note(f"{error}; the answer is written only (--output answer.wav keeps its sound, --silent expects none)")
        return None


def _there(
    server: str, key: str | None, wish: ResponseSettings, session: SessionSettings | None
) -> Callable[[], AbstractAsyncContextManager[Talking]]:
    from voxtral_service.cli import remote, remote_dialogue

    url = remote.address(server, intent="")
    return lambda: remote_dialogue.talking(url, key, wish, session)


def _here(
    flags: dict[str, str | None], asking: Asking, wish: ResponseSettings, session: SessionSettings | None
) -> Callable[[], AbstractAsyncContextManager[Talking | Answering]]:
    from voxtral_service import config
    from voxtral_service.assistant import setup

    settings = config.load(**flags)
    synthesizer = setup.synthesizer(settings) if wish.spoken else None
    if wish.spoken and synthesizer is None:
        asking.note("nothing is here that speaks (pip install 'voxtral-service[speech]'); the answer is written only")
    return lambda: _held_here(settings, synthesizer, asking, wish, session)


@asynccontextmanager
async def _held_here(
    settings: Settings,
    synthesizer: Synthesizer | None,
    asking: Asking,
    wish: ResponseSettings,
    session: SessionSettings | None,
) -> AsyncGenerator[Talking | Answering]:
    from voxtral_service.audio.vad import SileroModel
    from voxtral_service.cli import answering
    from voxtral_service.session import vad

    try:
        if session is None:
            async with answering.answering(settings, synthesizer, wish) as other:
                yield other
        else:
            silero = SileroModel()
            heard = answering.talking(
                settings, synthesizer, wish, session, lambda: vad.VoiceActivity(silero), asking.note
            )
            async with heard as talker:
                yield talker
    finally:
        if synthesizer is not None:
            await synthesizer.close()
