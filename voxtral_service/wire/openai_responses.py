"""What a client hears of answers. Of one, in this order:

    response.created
      output_item.added, item added, content_part.added                           with the first words
      output_audio_transcript.delta*, output_audio.delta*, or output_text.delta*
      for each call: output_item.added, item added, ..., item done, output_item.done
      output_audio.done, output_audio_transcript.done, or output_text.done,
      content_part.done, item done, output_item.done
    response.done

Answers apart from the conversation have no `conversation.item` events. All words of an answer are one item. Calls of
tools that are here, and that the client has not named, are no business of its, unless it asks to be told of them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from voxtral_service.events import (
    Event,
    ResponseApprovalRequest,
    ResponseAudio,
    ResponseEnded,
    ResponseRefused,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    ResponseTruncated,
    ToolServerFailed,
    ToolServerReady,
)
from voxtral_service.tool_servers import ToolServer
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_errors import SERVER_ERROR, Rejected
from voxtral_service.wire.openai_events import Events
from voxtral_service.wire.openai_items import Items
from voxtral_service.wire.openai_session import RealtimeSession

LONGEST_CALL_ID = 32
"""Characters that readers take; models' own are longer at times."""
MOST_REMEMBERED = 64
"""Calls whose results may still come, and answers that can still be truncated."""
HERE = "voxtral"
"""The label that this server's own tools are shown under."""


@dataclass(slots=True)
class Asked:
    """An answer that the client asked for: its own notes, the values it is made with, the id of its message."""

    values: JsonObject
    metadata: JsonObject | None = None
    event_id: str | None = None


@dataclass(slots=True)
class _Item:
    index: int
    shown: JsonObject
    previous: str | None = None


@dataclass(slots=True)
class _Response:
    """An answer under way."""

    id: str
    number: int
    asked: Asked
    apart: bool
    items: list[_Item] = field(default_factory=list)
    message: _Item | None = None
    text: str = ""
    calls: dict[str, _Item] = field(default_factory=dict)

    @property
    def spoken(self) -> bool:
        return bool(self.asked.values["output_modalities"] == ["audio"])


class Responses:
    """The answers of one connection."""

    def __init__(self, session: RealtimeSession, items: Items, events: Events) -> None:
        self._session, self._items, self._events = session, items, events
        self._conversation = events.new_id("conv_")
        self._open: dict[int, _Response] = {}
        self._asked: dict[str, Asked] = {}
        self._requests = 0
        self._call_ids: dict[str, str] = {}
        self._approvals: dict[str, str] = {}
        self._messages: dict[int, str] = {}
        self._listing: dict[str, JsonObject] = {}
        self._interrupted = False

    # -- what the client asked for

    def ask(self, asked: Asked) -> str:
        """Note an answer that was asked for; returns what it is known by until it begins."""
        self._requests += 1
        tag = f"create {self._requests}"
        self._asked[tag] = asked
        return tag

    @property
    def active(self) -> bool:
        """Whether there is an answer to cancel."""
        return bool(self._asked) or any(not response.apart for response in self._open.values())

    def cancels_in_vain(self) -> bool:
        """Whether a client's cancel crossed the interruption that it means; told once, because clients do it once."""
        crossed, self._interrupted = self._interrupted and not self.active, False
        return crossed

    def number(self, response_id: str) -> int | None:
        """The house's number of an answer that is under way."""
        return next((number for number, response in self._open.items() if response.id == response_id), None)

    def of_message(self, item_id: str) -> int | None:
        """The house's number of the answer whose words an item is."""
        return next((number for number, message in self._messages.items() if message == item_id), None)

    def call_id(self, shown: str) -> str:
        """A call's own id, by the one that the client was told."""
        return self._call_ids.get(shown, shown)

    def approval(self, item_id: str) -> str:
        """The call that an approval request asks about."""
        return self._approvals.get(item_id, item_id)

    def listing(self, servers: Iterable[ToolServer]) -> Iterator[JsonObject]:
        """Say that the tools of these servers are being asked for."""
        for server in servers:
            made = {"id": self._events.new_id("mcpl_"), "type": "mcp_list_tools"}
            item = {**made, "server_label": server.label, "tools": []}
            self._listing[server.label] = item
            previous = self._items.add(item)
            yield self._events.new("conversation.item.added", previous_item_id=previous, item=item)
            yield self._events.new("mcp_list_tools.in_progress", item_id=item["id"])

    # -- what happened

    def tell(self, event: Event) -> Iterable[JsonObject]:
        """The events that a house event becomes; often none."""
        teller = _TELLERS.get(type(event))
        return teller(self, event) if teller else ()

    def _started(self, event: ResponseStarted) -> Iterator[JsonObject]:
        asked = self._asked.pop(event.tag, None) or Asked(self._session.answering)
        response = _Response(self._events.new_id("resp_"), event.response, asked, event.apart)
        self._open[event.response] = response
        yield self._events.new("response.created", response=self._shown(response, "in_progress", [], None))

    def _refused(self, event: ResponseRefused) -> Iterator[JsonObject]:
        asked = self._asked.pop(event.tag, None)
        error = Rejected(event.message, code=event.code)
        yield self._events.error(error, answered_id=asked.event_id if asked else None)

    def _text(self, event: ResponseText) -> Iterator[JsonObject]:
        if (response := self._open.get(event.response)) is None or not event.text:
            return
        if response.message is None:
            yield from self._begin_message(response)
        response.text += event.text
        kind = "response.output_audio_transcript.delta" if response.spoken else "response.output_text.delta"
        yield self._of_part(response, kind, delta=event.text)

    def _begin_message(self, response: _Response) -> Iterator[JsonObject]:
        made = {"id": self._events.new_id("item_"), "object": "realtime.item", "type": "message"}
        item: JsonObject = {**made, "status": "in_progress", "role": "assistant", "content": []}
        response.message = yield from self._add(response, item)
        self._messages[response.number] = item["id"]
        if len(self._messages) > MOST_REMEMBERED:
            del self._messages[next(iter(self._messages))]
        yield self._of_part(response, "response.content_part.added", part=_part(response, ""))

    def _audio(self, event: ResponseAudio) -> Iterator[JsonObject]:
        response = self._open.get(event.response)
        if response is not None and response.message is not None and event.data:
            sound = base64.b64encode(event.data).decode("ascii")
            yield self._of_part(response, "response.output_audio.delta", delta=sound)

    def _called(self, event: ResponseToolCall) -> Iterator[JsonObject]:
        response = self._open.get(event.response)
        if response is None:
            return
        if not event.here:
            yield from self._call_elsewhere(response, event)
        elif event.server in self._session.server_labels or self._session.shows_tools:
            yield from self._call_here(response, event)

    def _call_elsewhere(self, response: _Response, event: ResponseToolCall) -> Iterator[JsonObject]:
        call_id = self._shown_call_id(event.call_id)
        made = {"id": self._events.new_id("item_"), "object": "realtime.item", "type": "function_call"}
        item = {**made, "status": "in_progress", "call_id": call_id, "name": event.name, "arguments": ""}
        call = yield from self._add(response, item)
        kind = "response.function_call_arguments"
        yield self._of_item(response, call, f"{kind}.delta", call_id=call_id, delta=event.arguments)
        told = {"call_id": call_id, "name": event.name, "arguments": event.arguments}
        yield self._of_item(response, call, f"{kind}.done", **told)
        yield from self._finish(response, call, {**item, "status": "completed", "arguments": event.arguments})

    def _call_here(self, response: _Response, event: ResponseToolCall) -> Iterator[JsonObject]:
        made = {"id": self._events.new_id("mcp_"), "type": "mcp_call"}
        item = {**made, "server_label": event.server or HERE, "name": event.name}
        if event.approval:
            request = next((key for key, call in self._approvals.items() if call == event.approval), event.approval)
            item["approval_request_id"] = request
        call = yield from self._add(response, {**item, "arguments": ""})
        response.calls[event.call_id] = call
        kind = "response.mcp_call_arguments"
        yield self._of_item(response, call, f"{kind}.delta", delta=event.arguments)
        yield self._of_item(response, call, f"{kind}.done", arguments=event.arguments)
        call.shown = {**item, "arguments": event.arguments}
        yield self._events.new("response.mcp_call.in_progress", item_id=item["id"], output_index=call.index)

    def _returned(self, event: ResponseToolResult) -> Iterator[JsonObject]:
        response = self._open.get(event.response)
        call = response.calls.pop(event.call_id, None) if response is not None else None
        if response is None or call is None:
            return
        what = "failed" if event.failed else "completed"
        yield self._events.new(f"response.mcp_call.{what}", item_id=call.shown["id"], output_index=call.index)
        error: JsonObject = {"type": "tool_execution_error", "message": event.output}
        result = {"error": error} if event.failed else {"output": event.output}
        yield from self._finish(response, call, {**call.shown, **result})

    def _approval_asked(self, event: ResponseApprovalRequest) -> Iterator[JsonObject]:
        response = self._open.get(event.response)
        if response is None:
            return
        made = {"id": self._events.new_id("mcpr_"), "type": "mcp_approval_request"}
        told = {"server_label": event.server or HERE, "name": event.name, "arguments": event.arguments}
        _remember(self._approvals, made["id"], event.call_id)
        item = {**made, **told}
        request = yield from self._add(response, item)
        yield from self._finish(response, request, item)

    def _ended(self, event: ResponseEnded) -> Iterator[JsonObject]:
        response = self._open.pop(event.response, None)
        if response is None:
            return
        self._interrupted = event.reason == "interrupted"
        status, details = _ending(event)
        whole = status == "completed"
        for call in response.calls.values():
            yield from self._finish(response, call, call.shown)
        if response.message is not None:
            yield from self._end_message(response, response.message, "completed" if whole else "incomplete")
        output = [item.shown for item in sorted(response.items, key=lambda item: item.index)]
        shown = self._shown(response, status, output, _usage(event))
        yield self._events.new("response.done", response={**shown, "status_details": details})

    def _end_message(self, response: _Response, message: _Item, status: str) -> Iterator[JsonObject]:
        if response.spoken:
            yield self._of_part(response, "response.output_audio.done")
            yield self._of_part(response, "response.output_audio_transcript.done", transcript=response.text)
            content = {"type": "output_audio", "transcript": response.text}
        else:
            yield self._of_part(response, "response.output_text.done", text=response.text)
            content = {"type": "output_text", "text": response.text}
        yield self._of_part(response, "response.content_part.done", part=_part(response, response.text))
        yield from self._finish(response, message, {**message.shown, "status": status, "content": [content]})

    def _truncated(self, event: ResponseTruncated) -> Iterator[JsonObject]:
        """The client has been answered already, or will say itself what it played; what was heard is kept."""
        item = self._items.get(self._messages.get(event.response))
        if item is not None and item["content"]:
            part = item["content"][0]
            name = "transcript" if part["type"] == "output_audio" else "text"
            self._items.replace({**item, "content": [{**part, name: event.text}]})
        return iter(())

    def _listed(self, event: ToolServerReady) -> Iterator[JsonObject]:
        if item := self._listing.pop(event.server, None):
            tools = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
                for tool in event.tools
            ]
            yield self._events.new("mcp_list_tools.completed", item_id=item["id"])
            yield from self._list_done({**item, "tools": tools})

    def _not_listed(self, event: ToolServerFailed) -> Iterator[JsonObject]:
        if item := self._listing.pop(event.server, None):
            yield self._events.new("mcp_list_tools.failed", item_id=item["id"])
            yield from self._list_done(item)

    def _list_done(self, item: JsonObject) -> Iterator[JsonObject]:
        self._items.replace(item)
        previous = self._items.before(item["id"])
        yield self._events.new("conversation.item.done", previous_item_id=previous, item=item)

    # -- shapes

    def _add(self, response: _Response, shown: JsonObject) -> Generator[JsonObject, None, _Item]:
        """Another item of an answer; it is returned when its events are told."""
        item = _Item(len(response.items), shown)
        response.items.append(item)
        yield self._events.new(
            "response.output_item.added", response_id=response.id, output_index=item.index, item=shown
        )
        if not response.apart:
            item.previous = self._items.add(shown, key=f"response {response.number}")
            yield self._events.new("conversation.item.added", previous_item_id=item.previous, item=shown)
        return item

    def _finish(self, response: _Response, item: _Item, shown: JsonObject) -> Iterator[JsonObject]:
        item.shown = shown
        if not response.apart:
            self._items.replace(shown)
            yield self._events.new("conversation.item.done", previous_item_id=item.previous, item=shown)
        yield self._events.new(
            "response.output_item.done", response_id=response.id, output_index=item.index, item=shown
        )

    def _of_item(self, response: _Response, item: _Item, kind: str, **more: Any) -> JsonObject:
        place = {"response_id": response.id, "item_id": item.shown["id"], "output_index": item.index}
        return self._events.new(kind, **place, **more)

    def _of_part(self, response: _Response, kind: str, **more: Any) -> JsonObject:
        assert response.message is not None
        return self._of_item(response, response.message, kind, content_index=0, **more)

    def _shown(
        self, response: _Response, status: str, output: list[JsonObject], usage: JsonObject | None
    ) -> JsonObject:
        values = response.asked.values
        spoken = {name: values["audio"]["output"][name] for name in ("format", "voice")}
        return {
            "object": "realtime.response",
            "id": response.id,
            "status": status,
            "status_details": None,
            "output": output,
            "conversation_id": None if response.apart else self._conversation,
            "output_modalities": values["output_modalities"],
            "max_output_tokens": values["max_output_tokens"],
            "audio": {"output": spoken},
            "metadata": response.asked.metadata,
            "usage": usage,
        }

    def _shown_call_id(self, call_id: str) -> str:
        shown = call_id if 0 < len(call_id) <= LONGEST_CALL_ID else self._events.new_id("call_")
        _remember(self._call_ids, shown, call_id)
        return shown


def _remember(known: dict[str, str], key: str, value: str) -> None:
    known[key] = value
    if len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]


def _part(response: _Response, text: str) -> JsonObject:
    return {"type": "audio", "transcript": text} if response.spoken else {"type": "text", "text": text}


def _ending(event: ResponseEnded) -> tuple[str, JsonObject | None]:
    """The status of a response, and its details."""
    match event.reason:
        case "interrupted":
            return "cancelled", {"type": "cancelled", "reason": "turn_detected"}
        case "cancelled":
            return "cancelled", {"type": "cancelled", "reason": "client_cancelled"}
        case "length":
            return "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}
        case "failed":
            code, message = event.code or "server_error", event.message or "the answer failed inside the server"
            error = {"type": SERVER_ERROR, "code": code, "message": message}
            return "failed", {"type": "failed", "error": error}
        case _:
            return "completed", None


def _usage(event: ResponseEnded) -> JsonObject:
    """Tokens of text: what is heard and spoken here is not made of any."""
    kinds = ("text_tokens", "audio_tokens", "image_tokens")
    cached = {"cached_tokens": 0, "cached_tokens_details": dict.fromkeys(kinds, 0)}
    return {
        "total_tokens": event.prompt_tokens + event.completion_tokens,
        "input_tokens": event.prompt_tokens,
        "output_tokens": event.completion_tokens,
        "input_token_details": {"text_tokens": event.prompt_tokens, "audio_tokens": 0, "image_tokens": 0, **cached},
        "output_token_details": {"text_tokens": event.completion_tokens, "audio_tokens": 0},
    }


_TELLERS: Mapping[type[Event], Callable[[Responses, Any], Iterator[JsonObject]]] = {
    ResponseStarted: Responses._started,
    ResponseRefused: Responses._refused,
    ResponseText: Responses._text,
    ResponseAudio: Responses._audio,
    ResponseToolCall: Responses._called,
    ResponseToolResult: Responses._returned,
    ResponseApprovalRequest: Responses._approval_asked,
    ResponseEnded: Responses._ended,
    ResponseTruncated: Responses._truncated,
    ToolServerReady: Responses._listed,
    ToolServerFailed: Responses._not_listed,
}
