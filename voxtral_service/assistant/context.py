"""The port of what an answer is given to know before the conversation: instructions, things remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from voxtral_service.audio import Samples
from voxtral_service.chat import Message


class ContextProvider(Protocol):
    """Knows what belongs before a conversation, for one person."""

    async def prepare(self, messages: Sequence[Message[Samples]]) -> tuple[Message[Samples], ...]:
        """The messages as the model is to read them; the last of the person's is the question.

        Asked once an answer, for guesses too. Raises VoxtralError, which the answer then apologizes for.
        """
        ...


def question_of(messages: Sequence[Message[Samples]]) -> str:
    """The last text that the person said; "" when there is none."""
    for message in reversed(messages):
        if message.role == "user":
            return " ".join(part for part in message.content if isinstance(part, str)).strip()
    return ""


def told_before(messages: Sequence[Message[Samples]], text: str) -> tuple[Message[Samples], ...]:
    """The messages with `text` at the end of the system message, of which many models read only one, at the head."""
    if not text:
        return tuple(messages)
    if messages and messages[0].role == "system":
        told = "".join(part for part in messages[0].content if isinstance(part, str))
        return (Message("system", (f"{told}\n\n{text}",)), *messages[1:])
    return (Message("system", (text,)), *messages)
