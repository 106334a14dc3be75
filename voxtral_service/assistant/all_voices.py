"""Several synthesizers as one: the first that has the voice or the language speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from voxtral_service.assistant.speech import Chooser, SpeechChunk, SpeechOptions, Voice


class AllVoices:
    """The synthesizer; its default is that of the first of `members`, of which there is at least one."""

    def __init__(self, members: Sequence[Chooser]) -> None:
        self._members = tuple(members)

    @property
    def name(self) -> str:
        """The first one's."""
        return self._members[0].name

    async def voices(self) -> tuple[Voice, ...]:
        """Of all, the default first."""
        return tuple([voice for member in self._members for voice in await member.voices()])

    def takes(self, options: SpeechOptions) -> bool:
        """See `Chooser`."""
        return any(member.takes(options) for member in self._members)

    def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[SpeechChunk]:
        """As the port says; the last one tells what is wrong with what nobody can speak."""
        chosen = next((member for member in self._members if member.takes(options)), self._members[-1])
        return chosen.speak(text, options)

    async def close(self) -> None:
        """Close all."""
        await asyncio.gather(*(member.close() for member in self._members))
