"""What a conversation's answers are made of: its messages, and the parts and settings that its caller may change."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from voxtral_service.assistant.answer import Answer, AnswerSettings, Decided, Parts
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.llm import LanguageModel
from voxtral_service.assistant.wish import answer_settings, parts_for
from voxtral_service.audio import Samples
from voxtral_service.chat import Message
from voxtral_service.errors import VoxtralError
from voxtral_service.events import (
    AssistantEvent,
    Clip,
    CreateResponse,
    PutMessage,
    ResponseSettings,
    ResponseStarted,
)

logger = logging.getLogger(__name__)

Understand = Callable[[Clip], Awaitable[str | Samples]]
"""What stands in a message for a caller's sound: its transcript, or samples for a model that hears."""


@dataclass(frozen=True, slots=True)
class ResponderSettings:
    """How a conversation is held.

    With `answers` turns are answered as they end. With `guesses` an answer is begun when a turn may have ended. With
    `interrupts` a person who begins to speak stops the answer; with `assent` as well, words like "mm-hm" do not, and
    other sounds only when they have words or last longer than `doubt` seconds.
    """

    answer: AnswerSettings = field(default_factory=AnswerSettings)
    answers: bool = True
    guesses: bool = True
    interrupts: bool = True
    assent: bool = False
    doubt: float = 0.8


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why an answer is made: a turn, a command, what is to be recited, or calls that were decided on."""

    turn: int | None = None
    guessed: tuple[Message[Samples], ...] = ()
    """The turn's words, while they are not in the conversation."""
    command: CreateResponse | None = None
    recital: LanguageModel | None = None
    decided: Sequence[Decided] = ()


class Makings:
    """Those of one conversation; `settings` are in effect."""

    def __init__(
        self,
        parts: Parts,
        settings: ResponderSettings,
        conversation: Conversation,
        understand: Understand | None,
        emit: Callable[[AssistantEvent], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self.parts, self.settings, self.conversation = parts, settings, conversation
        self._own = parts, settings, conversation.instructions
        self._understand, self._emit, self._clock = understand, emit, clock
        self._responses = 0

    def next_number(self) -> int:
        """Answers are numbered from 1."""
        self._responses += 1
        return self._responses

    def configure(self, wish: ResponseSettings) -> None:
        """Answers under way go on as they began."""
        parts, settings, instructions = self._own
        self.parts = parts_for(parts, wish)
        self.settings = replace(
            settings,
            answer=answer_settings(settings.answer, wish),
            answers=wish.answers,
            guesses=settings.guesses and wish.answers,
            interrupts=wish.interrupts,
            assent=wish.assent,
        )
        self.conversation.instructions = wish.instructions or instructions

    def answer(self, occasion: Occasion) -> Answer:
        """The next answer, which waits to be run."""
        parts, settings, instructions = self.parts, self.settings.answer, self.conversation.instructions
        started = ResponseStarted(self.next_number(), occasion.turn)
        chosen = None
        if (command := occasion.command) is not None:
            started = replace(started, tag=command.tag, apart=command.apart)
            chosen = self._chosen(command)
            if (wish := command.settings) is not None:
                own_parts, own_settings, own_instructions = self._own
                parts, settings = parts_for(own_parts, wish), answer_settings(own_settings.answer, wish)
                instructions = wish.instructions or own_instructions
        if occasion.recital is not None:
            parts = replace(parts, model=occasion.recital, context=None)
        messages = (*self.conversation.messages(chosen, instructions=instructions), *occasion.guessed)
        return Answer(started, messages, parts, settings, self._emit, self._clock, occasion.decided)

    def _chosen(self, command: CreateResponse) -> list[Message[Samples]] | None:
        """What an answer is to read in place of the conversation."""
        if command.input is None:
            return None
        chosen: list[Message[Samples]] = []
        for part in command.input:
            chosen += self.conversation.entry(part) if isinstance(part, str) else (_without_sound(part),)
        return chosen

    def put(self, command: PutMessage) -> Awaitable[None] | None:
        """Put in a message; where its sound must be understood first, that is left to wait for."""
        message = command.message
        if self._understand is None or not any(isinstance(part, Clip) for part in message.content):
            self.conversation.put(command.key, (_without_sound(message),), command.after)
            return None
        self.conversation.put(command.key, (), command.after)
        return self._put_understood(command, self._understand)

    async def _put_understood(self, command: PutMessage, understand: Understand) -> None:
        content: list[str | Samples] = []
        try:
            for part in command.message.content:
                content.append(await understand(part) if isinstance(part, Clip) else part)
        except VoxtralError as error:
            logger.warning("the sound in a message is not understood: %s", error)
        self.conversation.put(command.key, (replace(_without_sound(command.message), content=tuple(content)),))


def _without_sound(message: Message[Clip]) -> Message[Samples]:
    texts = tuple(part for part in message.content if isinstance(part, str))
    return Message(message.role, texts, message.calls, message.call_id)
