"""Conversation items: what a client may put in, and the short memory of what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from voxtral_service.chat import Message, ToolCall
from voxtral_service.events import AudioFormat, Clip
from voxtral_service.wire import frames
from voxtral_service.wire.base import NewId
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_errors import Rejected

MOST_ITEMS = 1_000
MOST_BYTES = 8 * 2**20
ROOT = "root"
"""The `previous_item_id` of an item that goes to the front."""

# -- items from outside: only what every reader can parse is kept, so nulls and unknown keys go

_PARTS: Mapping[str, Mapping[str, str]] = {
    "system": {"input_text": "input_text", "text": "input_text"},
    "user": {
        "input_text": "input_text",
        "text": "input_text",
        "input_audio": "input_audio",
        "audio": "input_audio",
        "input_image": "input_image",
    },
    "assistant": {
        "output_text": "output_text",
        "input_text": "output_text",
        "text": "output_text",
        "output_audio": "output_audio",
        "input_audio": "output_audio",
        "audio": "output_audio",
    },
}
"""By role, the part that each name means: the beta and some clients call an assistant's text `text` or `input_text`."""
_PART_KEYS: Mapping[str, tuple[str, ...]] = {
    "input_text": ("text",),
    "input_audio": ("transcript",),  # the audio itself is of no use to anybody here, and large
    "input_image": ("image_url", "detail"),
    "output_text": ("text",),
    "output_audio": ("transcript",),
}


def from_client(item: object, new_id: NewId) -> JsonObject:
    """An item as it is kept and told, with an id. Raises Rejected."""
    kind = (frames.text(item.get("type")) or "") if isinstance(item, dict) else ""
    if not isinstance(item, dict) or kind not in _KINDS:
        raise Rejected(f"An item is of type {', '.join(_KINDS)}.", param="item.type")
    item_id = frames.text(item.get("id")) or new_id("item_")
    if kind in _WITHOUT_STATUS:
        return {"id": item_id, "type": kind, **_KINDS[kind](item)}
    made = {"id": item_id, "object": "realtime.item", "type": kind, "status": "completed"}
    return {**made, **_KINDS[kind](item)}


def spoken_by_user(item_id: str, transcript: str | None = None) -> JsonObject:
    """The item of a turn. Its transcript comes later; readers want the key all the same."""
    content = [{"type": "input_audio", "transcript": transcript}]
    made = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed"}
    return {**made, "role": "user", "content": content}


def to_house(item: JsonObject, sent: JsonObject, audio_format: AudioFormat, call_id: CallId) -> Message[Clip] | None:
    """A client's item as a message; None for one that says nothing to a model.

    `sent` is the item as it came, whose sound is in `audio_format`. `call_id` gives a call's own id by the one shown.
    """
    match item["type"]:
        case "message":
            return Message(item["role"], tuple(_said(item["content"], sent["content"], audio_format)))
        case "function_call":
            return Message("assistant", (), (ToolCall(call_id(item["call_id"]), item["name"], item["arguments"]),))
        case "function_call_output":
            return Message("tool", (item["output"],), call_id=call_id(item["call_id"]))
    return None


def _said(parts: list[JsonObject], sent: list[JsonObject], audio_format: AudioFormat) -> Iterator[str | Clip]:
    for part, came in zip(parts, sent, strict=True):
        words = part.get("text") or part.get("transcript")
        sound = frames.audio(came.get("audio")) if part["type"] == "input_audio" and not words else None
        if words:
            yield words
        elif sound:
            yield Clip(sound, audio_format)


def _message(item: JsonObject) -> JsonObject:
    role = frames.text(item.get("role")) or ""
    content = item.get("content")
    if role not in _PARTS:
        raise Rejected(f"A message has the role {', '.join(_PARTS)}.", param="item.role")
    if not isinstance(content, list):
        raise Rejected("The content of a message is a list of parts.", param="item.content")
    return {"role": role, "content": [_part(role, part) for part in content]}


def _part(role: str, part: object) -> JsonObject:
    name = frames.text(part.get("type")) if isinstance(part, dict) else None
    kind = _PARTS[role].get(name or "")
    if not isinstance(part, dict) or kind is None:
        raise Rejected(f"A part of a {role} message is {', '.join(_PARTS[role])}.", param="item.content")
    made = {key: part[key] for key in _PART_KEYS[kind] if isinstance(part.get(key), str)}
    if kind == "input_audio":
        made.setdefault("transcript", None)  # the one null that readers want
    elif kind.endswith("_text"):
        made.setdefault("text", "")
    return {"type": kind, **made}


def _call(item: JsonObject) -> JsonObject:
    return _texts(item, "call_id", "name", "arguments")


def _call_output(item: JsonObject) -> JsonObject:
    return _texts(item, "call_id", "output")


def _approval(item: JsonObject) -> JsonObject:
    made = _texts(item, "approval_request_id")
    if not isinstance(item.get("approve"), bool):
        raise Rejected("'approve' must be true or false.", param="item.approve")
    reason = frames.text(item.get("reason"))
    return {**made, "approve": item["approve"], **({} if reason is None else {"reason": reason})}


def _texts(item: JsonObject, *keys: str) -> JsonObject:
    for key in keys:
        if not isinstance(item.get(key), str):
            raise Rejected(f"'{key}' must be a string.", param=f"item.{key}")
    return {key: item[key] for key in keys}


_KINDS: Mapping[str, Callable[[JsonObject], JsonObject]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _call_output,
    "mcp_approval_response": _approval,
}
_WITHOUT_STATUS = {"mcp_approval_response"}
CallId = Callable[[str], str]


# -- the memory


class Items:
    """The items of a conversation in their order; the oldest are forgotten, for a session may run for days."""

    def __init__(self) -> None:
        self._items: dict[str, JsonObject] = {}
        self._keys: dict[str, str] = {}
        self._order: list[str] = []
        self._bytes = 0

    @property
    def last(self) -> str | None:
        """The id of the last item."""
        return self._order[-1] if self._order else None

    def get(self, item_id: object) -> JsonObject | None:
        """The item of this id."""
        return self._items.get(item_id) if isinstance(item_id, str) else None

    def key(self, item_id: object) -> str | None:
        """What the house calls the message that an item is, or is part of."""
        return self._keys.get(item_id) if isinstance(item_id, str) else None

    def shares_key(self, item_id: str) -> bool:
        """Whether other items are parts of the same message."""
        return list(self._keys.values()).count(self._keys[item_id]) > 1

    def before(self, item_id: str) -> str | None:
        """The id of the item before another."""
        place = self._order.index(item_id) if item_id in self._items else 0
        return self._order[place - 1] if place else None

    def add(self, item: JsonObject, after: object = None, *, key: str | None = None) -> str | None:
        """Put an item behind another, at the end by default; returns the id of the one before. Raises Rejected."""
        item_id: str = item["id"]
        if item_id in self._items:
            raise Rejected(
                f"An item with the id '{item_id}' exists.", code="item_create_duplicate_item_id", param="item.id"
            )
        place = self._place(after)
        self._order.insert(place, item_id)
        self._items[item_id] = item
        self._keys[item_id] = f"item {item_id}" if key is None else key
        self._bytes += len(frames.write(item))
        previous = self._order[place - 1] if place else None
        while len(self._order) > MOST_ITEMS or self._bytes > MOST_BYTES:
            self.remove(self._order[0])
        return previous

    def replace(self, item: JsonObject) -> None:
        """Change an item, if it has not been removed meanwhile."""
        old = self._items.get(item["id"])
        if old is not None:
            self._bytes += len(frames.write(item)) - len(frames.write(old))
            self._items[item["id"]] = item

    def remove(self, item_id: object) -> None:
        """Forget an item, if it is there."""
        item = self.get(item_id)
        if item is not None:
            del self._items[item["id"]], self._keys[item["id"]]
            self._order.remove(item["id"])
            self._bytes -= len(frames.write(item))

    def _place(self, after: object) -> int:
        if after is None:
            return len(self._order)
        if after == ROOT:
            return 0
        if after not in self._order:
            raise Rejected("There is no item with the 'previous_item_id' given.", param="previous_item_id")
        return self._order.index(str(after)) + 1
