"""What the strictest reader of OpenAI's dialect objects to.

Each rule is a habit of a real client (Pipecat, LiveKit, agents-js) that makes it drop an event or die of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Event = Mapping[str, Any]
IN_RESPONSE = ("response_id", "output_index")
IN_ITEM = (*IN_RESPONSE, "item_id")
IN_PART = (*IN_ITEM, "content_index")
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "session.created": ("session",),
    "session.updated": ("session",),
    "error": ("error",),
    "conversation.item.added": ("item", "previous_item_id"),
    "conversation.item.done": ("item", "previous_item_id"),
    "conversation.item.retrieved": ("item",),
    "conversation.item.deleted": ("item_id",),
    "conversation.item.truncated": ("item_id", "content_index", "audio_end_ms"),
    "conversation.item.input_audio_transcription.delta": ("item_id", "content_index", "delta"),
    "conversation.item.input_audio_transcription.completed": ("item_id", "content_index", "transcript", "usage"),
    "conversation.item.input_audio_transcription.failed": ("item_id", "content_index", "error"),
    "input_audio_buffer.speech_started": ("item_id", "audio_start_ms"),
    "input_audio_buffer.speech_stopped": ("item_id", "audio_end_ms"),
    "input_audio_buffer.committed": ("item_id", "previous_item_id"),
    "input_audio_buffer.cleared": (),
    "input_audio_buffer.timeout_triggered": ("item_id", "audio_start_ms", "audio_end_ms"),
    "response.created": ("response",),
    "response.done": ("response",),
    "response.output_item.added": (*IN_RESPONSE, "item"),
    "response.output_item.done": (*IN_RESPONSE, "item"),
    "response.content_part.added": (*IN_PART, "part"),
    "response.content_part.done": (*IN_PART, "part"),
    "response.output_text.delta": (*IN_PART, "delta"),
    "response.output_text.done": (*IN_PART, "text"),
    "response.output_audio.delta": (*IN_PART, "delta"),
    "response.output_audio.done": IN_PART,
    "response.output_audio_transcript.delta": (*IN_PART, "delta"),
    "response.output_audio_transcript.done": (*IN_PART, "transcript"),
    "response.function_call_arguments.delta": (*IN_ITEM, "call_id", "delta"),
    "response.function_call_arguments.done": (*IN_ITEM, "call_id", "name", "arguments"),
    "response.mcp_call_arguments.delta": (*IN_ITEM, "delta"),
    "response.mcp_call_arguments.done": (*IN_ITEM, "arguments"),
    "response.mcp_call.in_progress": ("item_id", "output_index"),
    "response.mcp_call.completed": ("item_id", "output_index"),
    "response.mcp_call.failed": ("item_id", "output_index"),
    "mcp_list_tools.in_progress": ("item_id",),
    "mcp_list_tools.completed": ("item_id",),
    "mcp_list_tools.failed": ("item_id",),
}
RESPONSE_STATUSES = {"in_progress", "completed", "cancelled", "incomplete", "failed"}
LONGEST_CALL_ID = 32
PARTS = {
    "user": {"input_text", "input_audio", "input_image"},
    "assistant": {"output_text", "output_audio"},
    "system": {"input_text"},
}
STATUSES = {"in_progress", "completed", "incomplete"}
PIPECAT_TRANSCRIPTION = {"model", "language", "prompt"}


def objections(event: Event, *, sent: frozenset[str] = frozenset()) -> Iterator[str]:
    """Everything that is wrong with an event; `sent` are the keys of `transcription` that this client has used."""
    kind = event["type"]
    if kind not in REQUIRED:
        yield f"{kind} is no event"
        return
    if not isinstance(event.get("event_id"), str):
        yield "no event_id"
    yield from (f"{key} is missing" for key in REQUIRED[kind] if key not in event)
    yield from _numbers(event)
    yield from _nulls(event)
    if "item" in event:
        yield from _item(event["item"])
    if "session" in event:
        yield from _session(event["session"], sent)
    if "response" in event:
        yield from _response(event["response"], done=kind == "response.done")
    yield from _of_response(event)
    if kind.endswith("transcription.completed"):
        yield from _usage(event["usage"])
        if "words" in event:
            yield from _words(event["words"])
    if "error" in event:
        wanted = [key for key in ("type", "message", "code") if not isinstance(event["error"].get(key), str)]
        yield from (f"error.{key} is no string" for key in wanted)
        if kind != "error" and None in event["error"].values():
            yield "null in the error of a failed transcription"


def _numbers(value: Any, key: str = "") -> Iterator[str]:
    """Milliseconds and indices are integers, wherever they stand."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _numbers(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif (key.endswith(("_ms", "_index")) and value is not None) and (type(value) is not int or value < 0):
        yield f"{key} is {value!r}"


def _nulls(event: Event) -> Iterator[str]:
    yield from (f"{key} is null" for key, value in event.items() if value is None and key != "previous_item_id")


def _of_response(event: Event) -> Iterator[str]:
    if "part" in event and event["part"]["type"] not in {"text", "audio"}:
        yield f"part {event['part']}"
    if len(event.get("call_id", "")) > LONGEST_CALL_ID:
        yield "call_id is too long"
    call = event.get("item", {}).get("type") == "function_call" and event["type"] == "response.output_item.done"
    if call and event["item"]["status"] != "completed":
        yield "a call that is not completed is not made"


def _response(response: Event, *, done: bool) -> Iterator[str]:
    if response["status"] not in RESPONSE_STATUSES:
        yield f"status {response['status']!r}"
    if response["status_details"] is not None and response["status_details"]["type"] != response["status"]:
        yield f"status_details {response['status_details']}"
    for item in response["output"]:
        yield from _item(item)
    if done:
        usage = response["usage"]
        if usage["total_tokens"] != usage["input_tokens"] + usage["output_tokens"]:
            yield f"usage {usage}"
        details = (usage["input_token_details"], usage["output_token_details"])
        if not all({"text_tokens", "audio_tokens"} <= detail.keys() for detail in details):
            yield f"usage {usage}"


def _item(item: Event) -> Iterator[str]:
    if not isinstance(item.get("id"), str):
        yield "an item without id"
    of_mcp = item["type"].startswith("mcp_")
    if not of_mcp and item.get("object") != "realtime.item":
        yield "an item without object"
    if not of_mcp and item.get("status") not in STATUSES:
        yield f"status {item.get('status')!r}"
    yield from (f"item.{key} is null" for key, value in item.items() if value is None)
    for part in item.get("content", []):
        if part["type"] not in PARTS[item["role"]]:
            yield f"{part['type']} in a message of the {item['role']}"
        if part["type"] == "input_audio" and "transcript" not in part:
            yield "input_audio without transcript"
        allowed = {"transcript"} if part["type"] == "input_audio" else set()
        yield from (f"part.{key} is null" for key, value in part.items() if value is None and key not in allowed)


def _session(session: Event, sent: frozenset[str]) -> Iterator[str]:
    if session.get("type") not in {"realtime", "transcription"} or not isinstance(session.get("id"), str):
        yield "a session without type or id"
    transcription = session["audio"]["input"].get("transcription") or {}
    unknown = transcription.keys() - PIPECAT_TRANSCRIPTION - sent
    yield from (f"transcription.{key} was never sent" for key in unknown)
    yield from (f"transcription.{key} is null" for key, value in transcription.items() if value is None)
    for direction in session["audio"].values():
        shape = direction["format"]
        if shape["type"] == "audio/pcm" and (shape.keys() != {"type", "rate"} or type(shape["rate"]) is not int):
            yield f"format {shape}"
        if shape["type"] != "audio/pcm" and shape.keys() != {"type"}:
            yield f"format {shape}"


def _words(words: Any) -> Iterator[str]:
    """An addition of this server's, left out where there is nothing to tell."""
    if not words:
        yield f"words is {words!r}"
    for word in words:
        shape = {name: type(value) for name, value in word.items()} if isinstance(word, Mapping) else word
        if shape != {"word": str, "start": float, "end": float} or not 0 <= word["start"] <= word["end"]:
            yield f"words holds {word!r}"


def _usage(usage: Any) -> Iterator[str]:
    if not isinstance(usage, Mapping) or usage.get("type") != "duration" or usage.get("seconds") is None:
        yield f"usage {usage!r}"
