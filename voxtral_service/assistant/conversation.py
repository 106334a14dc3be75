"""What has been said in one session, as far as it was heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.chat import Message

MAX_CHARACTERS = 24_000
"""Some 6,000 tokens: what older messages may take of a model's context."""
CHARACTERS_PER_SECOND = 50
"""What a second of sound takes: 12.5 tokens in Voxtral 2507."""
MAX_ENTRIES = 500
FRONT = ""


class Conversation:
    """Messages in order, in entries that stay or go together: a turn, an answer with its tools' work."""

    def __init__(
        self,
        instructions: str = "",
        *,
        characters: int = MAX_CHARACTERS,
        told: Callable[[str, Sequence[Message[Samples]]], None] | None = None,
    ) -> None:
        """`told` hears of every entry that changes, for whoever keeps them; one without messages is removed."""
        self.instructions = instructions
        self._told = told
        self._characters = characters
        self._entries: dict[str, tuple[Message[Samples], ...]] = {}

    def put(self, key: str, messages: Iterable[Message[Samples]], after: str | None = None) -> None:
        """Add an entry, or change the one of this key in its place. One without messages only keeps its place.

        A new one goes behind the entry named by `after`, to the end where there is none, to the front for FRONT.
        """
        if key not in self._entries and after is not None and (after == FRONT or after in self._entries):
            keys = list(self._entries)
            place = 0 if after == FRONT else keys.index(after) + 1
            before = {known: self._entries[known] for known in keys[:place]}
            behind = {known: self._entries[known] for known in keys[place:]}
            self._entries = {**before, key: tuple(messages), **behind}
        else:
            self._entries[key] = tuple(messages)
        if self._told is not None:
            self._told(key, self._entries[key])
        while len(self._entries) > MAX_ENTRIES:
            del self._entries[next(iter(self._entries))]

    def remove(self, key: str) -> None:
        """Forget an entry, if it is there."""
        if self._entries.pop(key, None) is not None and self._told is not None:
            self._told(key, ())

    def entry(self, key: str) -> tuple[Message[Samples], ...]:
        """The messages of an entry, none if it is not there."""
        return self._entries.get(key, ())

    def messages(
        self, chosen: Sequence[Message[Samples]] | None = None, *, instructions: str | None = None
    ) -> tuple[Message[Samples], ...]:
        """Instructions, and the newest entries that there is room for, the last one always; or those `chosen`.

        `instructions` stand in place of the conversation's.
        """
        kept: list[tuple[Message[Samples], ...]] = [] if chosen is None else [tuple(chosen)]
        room = self._characters
        for entry in reversed(self._entries.values()) if chosen is None else ():
            room -= sum(_size(message) for message in entry)
            if kept and room < 0:
                break
            kept.insert(0, entry)
        told = self.instructions if instructions is None else instructions
        head: tuple[Message[Samples], ...] = (Message("system", (told,)),) if told else ()
        return head + arranged([message for entry in kept for message in entry])


def arranged(messages: Sequence[Message[Samples]]) -> tuple[Message[Samples], ...]:
    """The messages as every model takes them: each call with a result, which stands right behind it.

    Callers put in calls and results of their own, one by one and late. Calls side by side become those of one message;
    what has lost its other half is left out.
    """
    results = {message.call_id: message for message in messages if message.role == "tool"}
    made: list[Message[Samples]] = []
    adjacent = False
    for message in messages:
        if message.role == "tool":
            adjacent = False
            continue
        calls = tuple(call for call in message.calls if call.id in results)
        if calls and adjacent and made[-1].role == "assistant":
            made[-1] = Message("assistant", made[-1].content + message.content, made[-1].calls + calls)
        elif calls or message.content:
            made.append(Message(message.role, message.content, calls))
            adjacent = True
    return tuple(part for message in made for part in (message, *(results[call.id] for call in message.calls)))


def _size(message: Message[Samples]) -> int:
    size = sum(len(call.name) + len(call.arguments) for call in message.calls)
    for part in message.content:
        size += len(part) if isinstance(part, str) else CHARACTERS_PER_SECOND * len(part) // SAMPLE_RATE
    return size
