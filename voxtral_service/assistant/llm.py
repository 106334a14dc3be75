"""The port that every text model stands behind.

Engines that hear and answer (`engine.base.Listener`, Voxtral 2507) have the same method and are used as they are, given
messages that hold samples instead of a transcript.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message


class LanguageModel(Protocol):
    """Writes the assistant's next message; serves anybody, many at once."""

    def answer(self, messages: Sequence[Message[Samples]], options: AnswerOptions) -> AsyncGenerator[AnswerEvent]:
        """Text as it is written, calls of the tools in `options` once they are whole, and AnswerEnd as the last event.

        Sound in messages is 16 kHz mono. Nothing happens before the first event is asked for; leaving the generator
        (`contextlib.aclosing`) ends the writing at once. Raises UpstreamError, Overloaded, EngineError, and
        InvalidOption for a conversation that the model does not take.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recital:
    """A LanguageModel that has one thing to say."""

    text: str

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        """See `LanguageModel`."""
        yield AnswerText(self.text)
        yield AnswerEnd("stop", 0, 0, 0, 0.0)
