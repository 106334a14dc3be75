"""What has been said in one session, as far as it was heard."""

from __future__ import annotations

from collections.abc import Iterable

from voxtral_service.audio import Samples
from voxtral_service.chat import Message

MAX_CHARACTERS = 24_000
"""Some 6,000 tokens: what older messages may take of a model's context."""
MAX_ENTRIES = 500


class Conversation:
    """Messages in order, in entries that stay or go together: a turn, an answer with its tools' work."""

    def __init__(self, instructions: str = "", *, characters: int = MAX_CHARACTERS) -> None:
        self.instructions = instructions
        self._characters = characters
        self._entries: dict[str, tuple[Message[Samples], ...]] = {}

    def put(self, key: str, messages: Iterable[Message[Samples]]) -> None:
        """Add an entry, or change the one of this key in its place; one that is empty is none."""
        messages = tuple(messages)
        if messages:
            self._entries[key] = messages
        else:
            self._entries.pop(key, None)
        while len(self._entries) > MAX_ENTRIES:
            del self._entries[next(iter(self._entries))]

    def messages(self) -> tuple[Message[Samples], ...]:
        """Instructions, and the newest entries that there is room for; the last entry always."""
        kept: list[tuple[Message[Samples], ...]] = []
        room = self._characters
        for entry in reversed(self._entries.values()):
            room -= sum(_size(message) for message in entry)
            if kept and room < 0:
                break
            kept.insert(0, entry)
        head: tuple[Message[Samples], ...] = (Message("system", (self.instructions,)),) if self.instructions else ()
        return head + tuple(message for entry in kept for message in entry)


def _size(message: Message[Samples]) -> int:
    texts = sum(len(part) if isinstance(part, str) else 0 for part in message.content)
    return texts + sum(len(call.name) + len(call.arguments) for call in message.calls)
