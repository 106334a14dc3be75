"""Scripted conversations on a virtual clock: a person, a text model and a voice, each with set delays."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from tests.assistant.virtual import run
from voxtral_service.assistant.answer import AnswerSettings, Parts
from voxtral_service.assistant.context import ContextProvider
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.makings import ResponderSettings
from voxtral_service.assistant.responder import Responder
from voxtral_service.assistant.speech import SpeechChunk, SpeechOptions, SpokenWord, Voice
from voxtral_service.assistant.tools import Toolbox, ToolServers
from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, Tool, ToolCall
from voxtral_service.errors import VoxtralError
from voxtral_service.events import (
    AssistantEvent,
    ResponseAudio,
    ResponseText,
    TranscriptDelta,
    TranscriptFinal,
    TurnEagerEnd,
    TurnEnded,
    TurnResumed,
    TurnStarted,
)

WORD_SECONDS = 0.5
RATE = 1000
Said = str | ToolCall | Exception
E = TypeVar("E")


@dataclass
class ScriptedModel:
    """Answers with its scripts in order, the last one for ever; a script is words, calls, or an error."""

    scripts: Sequence[Sequence[Said]] = (("Good day.",),)
    first: float = 0.15
    between: float = 0.0
    asked: list[tuple[Message[Samples], ...]] = field(default_factory=list)
    options: list[AnswerOptions] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    """When an answer was left before its end."""

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        script = self.scripts[min(len(self.asked), len(self.scripts) - 1)]
        self.asked.append(tuple(messages))
        self.options.append(options)
        try:
            await asyncio.sleep(self.first)
            for said in script:
                if isinstance(said, Exception):
                    raise said
                yield AnswerText(said) if isinstance(said, str) else said
                await asyncio.sleep(self.between)
            calls = any(isinstance(said, ToolCall) for said in script)
            yield AnswerEnd("tool_calls" if calls else "stop", 10, 0, len(script), 0.0)
        except (GeneratorExit, asyncio.CancelledError):
            self.left.append(asyncio.get_running_loop().time())
            raise


@dataclass
class ScriptedVoice:
    """Every word takes half a second to hear; a piece's sound comes at once after `first`."""

    first: float = 0.05
    fails: VoxtralError | None = None
    said: list[str] = field(default_factory=list)
    name = "scripted"

    async def voices(self) -> tuple[Voice, ...]:
        return (Voice("one", "en"),)

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk, None]:
        await asyncio.sleep(self.first)
        if self.fails is not None:
            raise self.fails
        self.said.append(text)
        words = [
            SpokenWord(match.start(), len(match[0]), WORD_SECONDS * i)
            for i, match in enumerate(re.finditer(r"\S+", text))
        ]
        yield SpeechChunk(np.full(round(RATE * WORD_SECONDS * len(words)), 0.1, np.float32), RATE, tuple(words))

    async def close(self) -> None:
        pass


@dataclass
class SlowTool:
    """Gives "42" after a while, or fails."""

    seconds: float = 0.0
    changes: bool = False
    fails: Exception | None = None
    output: str = "42"
    calls: list[str] = field(default_factory=list)
    cancelled: bool = False
    tool = Tool("look_up", "Looks up a number.", {"type": "object", "properties": {}})

    async def call(self, arguments: str) -> str:
        self.calls.append(arguments)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.fails is not None:
            raise self.fails
        return self.output


class Scene:
    """A person in front of a responder; everything it says is noted with the time."""

    def __init__(self, responder: Responder) -> None:
        self.responder = responder
        self.log: list[tuple[float, AssistantEvent]] = []
        self._turn = 0
        self._text = ""

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def listen(self) -> None:
        async for event in self.responder:
            self.log.append((self.now, event))

    async def begin(self) -> None:
        self._turn += 1
        self._text = ""
        await self.responder.hear(TurnStarted(self._turn, self.now))

    async def words(self, text: str) -> None:
        self._text += text
        await self.responder.hear(TranscriptDelta(self._turn, text))

    async def pause(self) -> None:
        await self.responder.hear(TurnEagerEnd(self._turn, self.now))

    async def resume(self) -> None:
        await self.responder.hear(TurnResumed(self._turn, self.now))

    async def end(self, text: str | None = None, *, cleared: bool = False) -> None:
        await self.responder.hear(TurnEnded(self._turn, 0, self.now, "cleared" if cleared else "silence"))
        if not cleared:
            said = self._text if text is None else text
            await self.responder.hear(TranscriptFinal(self._turn, said, (), 0, self.now))

    async def say(self, text: str) -> None:
        await self.begin()
        await self.words(text)
        await self.end()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def told(self, kind: type[E]) -> list[E]:
        return [event for _, event in self.log if isinstance(event, kind)]

    def first(self, kind: type[AssistantEvent]) -> float:
        return next(time for time, event in self.log if isinstance(event, kind))

    def last(self, kind: type[AssistantEvent]) -> float:
        return max(time for time, event in self.log if isinstance(event, kind))

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.told(ResponseText))

    @property
    def seconds(self) -> float:
        return sum(len(event.data) / 2 / RATE for event in self.told(ResponseAudio))

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(m.role, "".join(map(str, m.content))) for m in self.responder.conversation.messages()]


def play(
    scenario: Callable[[Scene], Awaitable[None]],
    model: ScriptedModel | None = None,
    voice: ScriptedVoice | None = None,
    tools: Sequence[Any] = (),
    *,
    client_tools: tuple[Tool, ...] = (),
    context: ContextProvider | None = None,
    servers: ToolServers | None = None,
    answer: AnswerSettings | None = None,
    **settings: Any,
) -> Scene:
    """Play a scenario, which may wait for hours, and hand back what was said."""

    async def scene() -> Scene:
        toolbox = Toolbox(tools, servers=servers, timeout=5.0)
        parts = Parts(model or ScriptedModel(), voice or ScriptedVoice(), toolbox, client_tools, context)
        responder = Responder(
            parts, ResponderSettings(answer or AnswerSettings(), **settings), Conversation("Be brief.")
        )
        scene = Scene(responder)
        listening = asyncio.create_task(scene.listen())
        await scenario(scene)
        await responder.close()
        await listening
        return scene

    return run(scene())
