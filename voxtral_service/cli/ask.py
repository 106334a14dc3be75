"""`voxtral ask`: a question, written or spoken, and its answer, read and heard; or a conversation."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxtral_service.cli.options import Device, Language
from voxtral_service.errors import CallerError, InvalidAudio, InvalidOption

if TYPE_CHECKING:
    from voxtral_service.assistant.speech import Synthesizer
    from voxtral_service.cli.answering import Answering, Talking
    from voxtral_service.cli.exchange import Exchange
    from voxtral_service.cli.hearing import Sound
    from voxtral_service.cli.screen import Screen
    from voxtral_service.cli.speaker import Speaker
    from voxtral_service.config import Settings
    from voxtral_service.events import ResponseApprovalRequest, ResponseSettings, SessionSettings

QUESTION = "question"
"""What a written question is kept as."""


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
      voxtral ask --llm-url http://localhost:11434/v1 --llm-model mistral-small "Why is the sky blue?"
      voxtral ask --server wss://speech.example:8000 --key sk-... --silent "What is 17 times 23?" > answer.txt
    """  # noqa: D301
    # Imports wait for what they are needed for, as in `transcribe`.
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
        asking = _Asking(said, exchange, speaker, screen, quiet=quiet, half_duplex=half_duplex)
        wish, session = asking.wish(voice), asking.session(language)
        held = _there(server, key, wish, session) if server else _here(flags, asking, wish, session)
        closing.enter_context(screen)
        if mic:
            with suppress(KeyboardInterrupt):  # its proper end
                asyncio.run(asking.run(held))
        else:
            asyncio.run(asking.run(held))
    if output is not None and output.exists() and not quiet:
        typer.echo(f"{output}: {getattr(speaker, 'seconds', 0.0):.1f} s", err=True)
    raise typer.Exit(int(exchange.failed))


@dataclass(frozen=True, slots=True)
class _Said:
    """What is asked: a text, or a sound; `live` if that is a microphone."""

    text: str = ""
    sound: Sound | None = None
    live: bool = False
    name: str = ""


def _said(question: str | None, *, mic: bool, microphone: str | None, output: Path | None, silent: bool) -> _Said:
    if mic:
        from voxtral_service.cli.microphone import Microphone

        if question is not None or output is not None:
            raise InvalidOption("--mic takes no question and no --output; leave them out")
        return _Said(sound=Microphone(microphone), live=True, name="the microphone")
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
    return _Said(question.strip())


def _names_a_file(question: str) -> bool:
    """Whether somebody who wrote this meant a recording."""
    from voxtral_service.cli.inputs import RECORDINGS

    return " " not in question and Path(question).suffix.lower() in RECORDINGS


def _recording(name: str) -> _Said:
    from voxtral_service.cli.inputs import expand
    from voxtral_service.cli.recording import Recording

    recording = Recording(expand([name]).found[0])
    recording.open()
    return _Said(sound=recording, name=name)


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


class _Asking:
    """One question, or a conversation, from its first word to its last sound."""

    def __init__(
        self,
        said: _Said,
        exchange: Exchange,
        speaker: Speaker | None,
        screen: Screen,
        *,
        quiet: bool,
        half_duplex: bool,
    ) -> None:
        self._said, self._exchange, self._speaker, self._screen = said, exchange, speaker, screen
        self._quiet, self._half_duplex = quiet, half_duplex

    def wish(self, voice: str) -> ResponseSettings:
        """How the answers are to be."""
        from voxtral_service.events import AudioFormat, ResponseSettings

        live = self._said.live
        return ResponseSettings(
            spoken=self._speaker is not None,
            paced=live,
            audio_format=AudioFormat("pcm_s16le", self._speaker.sample_rate if self._speaker else 24_000),
            voice=voice,
            answers=live,
            interrupts=live,
            assent=live,
        )

    def session(self, language: str | None) -> SessionSettings | None:
        """How the sound is to be heard, if there is any."""
        from voxtral_service.events import SemanticVad, SessionSettings

        if self._said.sound is None:
            return None
        return SessionSettings(turn_detection=SemanticVad("high") if self._said.live else None, language=language)

    def note(self, message: str) -> None:
        """A line for the person, unless they want none."""
        if not self._quiet:
            self._screen.note(message)

    async def run(self, held: Callable[[], AbstractAsyncContextManager[Talking | Answering]]) -> None:
        """Hold it."""
        from voxtral_service.chat import Message
        from voxtral_service.events import CreateResponse, PutMessage

        sound = self._said.sound
        async with held() as other:
            if sound is None:
                await other.send(PutMessage(QUESTION, Message("user", (self._said.text,))))
                await other.send(CreateResponse())
                await self._follow(other)
            else:
                await self._talk(other, sound)  # type: ignore[arg-type]  # there is a session with a sound
            if self._speaker is not None:
                await self._speaker.played()

    async def _talk(self, other: Talking, sound: Sound) -> None:
        if self._said.live:
            self.note("listening; speak, and Ctrl-C ends")
        feeder = asyncio.create_task(self._feed(other, sound))
        following = asyncio.create_task(self._follow(other))
        try:
            await asyncio.wait((feeder, following), return_when=asyncio.FIRST_COMPLETED)
            if feeder.done():
                feeder.result()
            await following
        finally:
            sound.stop()
            for task in (feeder, following):
                task.cancel()
            await asyncio.gather(feeder, following, return_exceptions=True)

    async def _feed(self, other: Talking, sound: Sound) -> None:
        import numpy as np

        from voxtral_service.audio.pcm import encode_s16le
        from voxtral_service.cli.hearing import blocks
        from voxtral_service.events import AppendAudio, CommitTurn

        async for block in blocks(sound):
            deaf = self._half_duplex and self._speaker is not None and self._speaker.playing
            await other.send(AppendAudio(encode_s16le(np.zeros_like(block) if deaf else block)))
        await other.send(CommitTurn())

    async def _follow(self, other: Answering | Talking) -> None:
        """Show what happens until the question is answered; a conversation goes on."""
        from voxtral_service.events import (
            CreateResponse,
            DecideApproval,
            NothingToCommit,
            ResponseApprovalRequest,
            TranscriptFailed,
            TranscriptFinal,
        )

        exchange, waits = self._exchange, False
        async for event in other:
            exchange.show(event)
            while exchange.truncations:
                await other.send(exchange.truncations.pop())
            if isinstance(event, ResponseApprovalRequest):
                await other.send(DecideApproval(event.call_id, await self._allowed(event)))
            if self._said.live:
                continue
            if isinstance(event, TranscriptFailed):
                return
            if isinstance(event, NothingToCommit) or (isinstance(event, TranscriptFinal) and not event.text.strip()):
                raise InvalidAudio(f"{self._said.name}: no words were heard in it")
            if isinstance(event, TranscriptFinal):
                await other.send(CreateResponse())
            if exchange.answered and not exchange.timers:
                return
            if exchange.answered and not waits:
                waits = True
                self.note("waiting for the timer; Ctrl-C leaves without it")

    async def _allowed(self, request: ResponseApprovalRequest) -> bool:
        """What the person says to a call that has to be allowed; no, where nobody can be asked."""
        if not sys.stdin.isatty():
            self._screen.note(f"warning: {request.name} was not allowed, since nobody can be asked")
            return False
        answer = await asyncio.to_thread(input, f"Let {request.server} do {request.name}? [y/N] ")
        return answer.strip().lower() in ("y", "yes")


def _there(
    server: str, key: str | None, wish: ResponseSettings, session: SessionSettings | None
) -> Callable[[], AbstractAsyncContextManager[Talking]]:
    from voxtral_service.cli import remote, remote_dialogue

    url = remote.address(server, intent="")
    return lambda: remote_dialogue.talking(url, key, wish, session)


def _here(
    flags: dict[str, str | None], asking: _Asking, wish: ResponseSettings, session: SessionSettings | None
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
    asking: _Asking,
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
