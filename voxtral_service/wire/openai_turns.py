"""What a client hears of what is said. Of one turn, in this order:

    speech_started, delta*, speech_stopped, committed, item added, item done, delta*, completed or failed

The two about speech are left out where the client commits its turns, and the transcription events where it did not ask
for any. Words come while the turn is still open, under the id that its item is going to have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voxtral_service.events import (
    AudioRejected,
    Event,
    IdleTimeout,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEnded,
    TurnStarted,
    Word,
)
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_errors import SERVER_ERROR, Rejected
from voxtral_service.wire.openai_events import Events, milliseconds
from voxtral_service.wire.openai_items import Items, spoken_by_user
from voxtral_service.wire.openai_session import RealtimeSession


@dataclass(slots=True)
class _Turn:
    item_id: str
    announced: bool = False
    ended: bool = False
    failure: TranscriptFailed | None = None


class Turns:
    """The turns that are not finished: spoken, or ended and not transcribed yet."""

    def __init__(self, session: RealtimeSession, items: Items, events: Events) -> None:
        self._session = session
        self._items = items
        self._events = events
        self._turns: dict[int, _Turn] = {}
        self._rejections: set[str] = set()

    def tell(self, event: Event) -> Iterable[JsonObject]:
        """The events that a house event becomes; often none."""
        teller = _TELLERS.get(type(event))
        return teller(self, event) if teller else ()

    def _started(self, event: TurnStarted) -> Iterator[JsonObject]:
        turn = self._turn(event.turn)
        turn.announced = self._session.detects_turns
        if turn.announced:
            at = milliseconds(event.at)
            yield self._events.new("input_audio_buffer.speech_started", audio_start_ms=at, item_id=turn.item_id)

    def _ended(self, event: TurnEnded) -> Iterator[JsonObject]:
        turn = self._turn(event.turn)
        if turn.announced:
            at = milliseconds(event.end)
            yield self._events.new("input_audio_buffer.speech_stopped", audio_end_ms=at, item_id=turn.item_id)
        if event.reason == "cleared":
            del self._turns[event.turn]
            return
        turn.ended = True
        yield from self._committed(turn.item_id, f"turn {event.turn}")
        if turn.failure is not None:
            yield from self._failed(turn.failure)

    def _delta(self, event: TranscriptDelta) -> Iterator[JsonObject]:
        turn = self._turn(event.turn)
        if self._session.transcribes and event.text:
            yield self._events.transcription("delta", turn.item_id, delta=event.text)

    def _final(self, event: TranscriptFinal) -> Iterator[JsonObject]:
        item_id = self._turn(event.turn).item_id
        del self._turns[event.turn]
        yield from self._completed(item_id, event.text, event.end - event.start, event.language, event.words)

    def _failed(self, event: TranscriptFailed) -> Iterator[JsonObject]:
        """Told when there is an item that it can be told of: an engine may fail while the person still speaks."""
        turn = self._turn(event.turn)
        if not turn.ended:
            turn.failure = event
            return
        del self._turns[event.turn]
        if self._session.transcribes:
            error = {"type": SERVER_ERROR, "code": event.code, "message": event.message}
            yield self._events.transcription("failed", turn.item_id, error=error)

    def _idle(self, event: IdleTimeout) -> Iterator[JsonObject]:
        """The silence is committed as an item of its own, in which nothing was said."""
        item_id = self._events.new_id("item_")
        yield self._events.new(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=milliseconds(event.start),
            audio_end_ms=milliseconds(event.end),
            item_id=item_id,
        )
        yield from self._committed(item_id, None)
        yield from self._completed(item_id, "", event.end - event.start, None)

    def _rejected(self, event: AudioRejected) -> Iterator[JsonObject]:
        """Told once: audio that cannot be read seldom comes alone, and clients act on the first error."""
        if event.code not in self._rejections:
            self._rejections.add(event.code)
            yield self._events.error(Rejected(event.message, code=event.code))

    def _turn(self, number: int) -> _Turn:
        if number not in self._turns:
            self._turns[number] = _Turn(self._events.new_id("item_"))
        return self._turns[number]

    def _committed(self, item_id: str, key: str | None) -> Iterator[JsonObject]:
        item = spoken_by_user(item_id)
        self._items.remove(item_id)  # a client may have put in one with the id that it had heard
        previous = self._items.add(item, key=key)
        yield self._events.new("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        yield from self._events.item(item, previous)

    def _completed(
        self, item_id: str, text: str, seconds: float, language: str | None, words: Sequence[Word] = ()
    ) -> Iterator[JsonObject]:
        """`words`, in seconds of the session, are not OpenAI's: its readers keep or drop what they do not know here."""
        if not self._session.transcribes:
            return
        self._items.replace(spoken_by_user(item_id, text))
        usage = {"type": "duration", "seconds": round(max(seconds, 0.0), 3)}
        known: JsonObject = {"languages": [{"code": language}]} if language else {}
        if words:
            known["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in words]
        yield self._events.transcription("completed", item_id, transcript=text, usage=usage, **known)


_TELLERS: Mapping[type[Event], Callable[[Turns, Any], Iterator[JsonObject]]] = {
    TurnStarted: Turns._started,
    TurnEnded: Turns._ended,
    TranscriptDelta: Turns._delta,
    TranscriptFinal: Turns._final,
    TranscriptFailed: Turns._failed,
    IdleTimeout: Turns._idle,
    AudioRejected: Turns._rejected,
}
