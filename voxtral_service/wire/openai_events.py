"""Server events as all of OpenAI's readers can parse them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voxtral_service.errors import VoxtralError
from voxtral_service.wire import openai_errors
from voxtral_service.wire.base import NewId
from voxtral_service.wire.frames import JsonObject


class Events:
    """Makes events, each with an id of its own; without one, some readers end their session."""

    def __init__(self, new_id: NewId) -> None:
        self.new_id = new_id

    def new(self, kind: str, **more: Any) -> JsonObject:
        """An event of any type."""
        return {"type": kind, "event_id": self.new_id("event_"), **more}

    def error(self, error: VoxtralError, answered_id: str | None = None) -> JsonObject:
        """An error, which may answer the client's message that had the id given."""
        return self.new("error", error=openai_errors.body(error, answered_id))

    def item(self, item: JsonObject, previous: str | None) -> Iterator[JsonObject]:
        """An item that is complete as it arrives, behind another or at the front."""
        yield self.new("conversation.item.added", previous_item_id=previous, item=item)
        yield self.new("conversation.item.done", previous_item_id=previous, item=item)

    def transcription(self, what: str, item_id: str, **more: Any) -> JsonObject:
        """About the words of an item; a turn's item has one part."""
        kind = f"conversation.item.input_audio_transcription.{what}"
        return self.new(kind, item_id=item_id, content_index=0, **more)


def milliseconds(seconds: float) -> int:
    """Whole ones: strict readers refuse fractions."""
    return max(round(seconds * 1000), 0)
