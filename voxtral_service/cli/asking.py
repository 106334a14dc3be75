"""One question, or a conversation, from its first word to its last sound."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.chat import Message
from voxtral_service.cli.exchange import Exchange
from voxtral_service.cli.hearing import Sound, blocks
from voxtral_service.cli.screen import Screen
from voxtral_service.cli.speaker import Speaker
from voxtral_service.errors import InvalidAudio
from voxtral_service.events import (
    AppendAudio,
    AssistantCommand,
    AudioFormat,
    Command,
    CommitTurn,
    CreateResponse,
    DecideApproval,
    Event,
    NothingToCommit,
    PutMessage,
    ResponseApprovalRequest,
    ResponseSettings,
    SemanticVad,
    SessionSettings,
    TranscriptFailed,
    TranscriptFinal,
)

QUESTION = "question"
"""What a written question is kept as."""


class Answering(Protocol):
    """Somebody who answers what is written."""

    async def send(self, command: AssistantCommand) -> None:
        """Carry out a command."""
        ...

    def __aiter__(self) -> AsyncIterator[Event]:
        """What happens."""
        ...


class Talking(Protocol):
    """Somebody who listens too."""

    async def send(self, command: Command | AssistantCommand) -> None:
        """Carry out a command."""
        ...

    def __aiter__(self) -> AsyncIterator[Event]:
        """What happens."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What is asked: a text, or a sound; `live` if that is a microphone."""

    text: str = ""
    sound: Sound | None = None
    live: bool = False
    name: str = ""


class Asking:
    """One question, or a conversation, from its first word to its last sound."""

    def __init__(
        self,
        said: Said,
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
        if self._said.sound is None:
            return None
        return SessionSettings(turn_detection=SemanticVad("high") if self._said.live else None, language=language)

    def note(self, message: str) -> None:
        """A line for the person, unless they want none."""
        if not self._quiet:
            self._screen.note(message)

    async def run(self, held: Callable[[], AbstractAsyncContextManager[Talking | Answering]]) -> None:
        """Hold it."""
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

        async for block in blocks(sound):
            deaf = self._half_duplex and self._speaker is not None and self._speaker.playing
            await other.send(AppendAudio(encode_s16le(np.zeros_like(block) if deaf else block)))
        await other.send(CommitTurn())

    async def _follow(self, other: Answering | Talking) -> None:
        """Show what happens until the question is answered; a conversation goes on."""
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
        self._screen.note(f"Let {request.server} do {request.name}? [y/N]")
        answer = await asyncio.to_thread(sys.stdin.readline)
        return answer.strip().lower() in ("y", "yes")
