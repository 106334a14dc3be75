"""OpenAI's realtime API, `/v1/realtime`: transcription sessions, and conversations.

A client's message has a handler in `_MESSAGES`; a house event has one in `openai_turns`, where it is about what the
client says, or in `openai_responses`, where it is about what is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from voxtral_service.chat import Message
from voxtral_service.errors import VoxtralError
from voxtral_service.events import (
    AssistantCommand,
    CancelResponse,
    ClearAudio,
    Clip,
    Command,
    CommitTurn,
    Configure,
    ConfigureResponses,
    CreateResponse,
    DecideApproval,
    Event,
    PutMessage,
    RemoveMessage,
    ResponseSettings,
    SessionSettings,
    Truncate,
    UseToolServers,
)
from voxtral_service.tool_servers import ToolServer
from voxtral_service.wire import frames, openai_beta
from voxtral_service.wire.base import Connection, Decoded
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_audio import InputAudio
from voxtral_service.wire.openai_errors import Rejected
from voxtral_service.wire.openai_events import Events
from voxtral_service.wire.openai_items import Items, from_client, to_house
from voxtral_service.wire.openai_responses import Asked, Responses
from voxtral_service.wire.openai_session import Kind, RealtimeSession
from voxtral_service.wire.openai_turns import Turns
from voxtral_service.wire.openai_wishes import metadata

SILENT = ResponseSettings(answers=False, interrupts=False)
Said = Command | AssistantCommand | JsonObject | str
"""What a message leads to: a command, an event to answer with, or a line for the log."""


class OpenAIRealtime:
    """One connection that speaks OpenAI's dialect, as it is now or, with `beta`, as it was.

    `begun` is what a session has been told before it is opened, as in a `session.update`: settings that came with an
    ephemeral key. Raises Rejected for settings that cannot be.
    """

    def __init__(
        self,
        connection: Connection,
        kind: Kind = "realtime",
        *,
        beta: bool = False,
        session_id: str | None = None,
        begun: JsonObject | None = None,
    ) -> None:
        self._beta = beta
        self._events = Events(connection.new_id)
        self._session = RealtimeSession(connection, kind, session_id or connection.new_id("sess_"))
        self._notes = self._session.update(begun) if begun is not None else []
        self._audio = InputAudio()
        self._items = Items()
        self._turns = Turns(self._session, self._items, self._events)
        self._responses = Responses(self._session, self._items, self._events)

    @property
    def session_id(self) -> str:
        """The id that the client knows its session by."""
        return self._session.id

    @property
    def settings(self) -> SessionSettings:
        """What the client has asked for so far."""
        return self._audio.effective(self._session.settings)

    @property
    def responses(self) -> ResponseSettings | None:
        """How the client wants answers."""
        return self._session.responses

    def opening(self) -> Decoded:
        """OpenAI's server speaks first."""
        said: list[Said] = [self.created(), *self._notes]
        if self.responses is not None:
            said.append(ConfigureResponses(self.responses))
            said += self._use_servers(self._session.servers) if self._session.servers else []
        return self._decoded(said)

    def created(self) -> JsonObject:
        """The event that opens a session."""
        return self._events.new("session.created", session=self._session.shown())

    def decode(self, frame: str | bytes) -> Decoded:
        """Understand a message; binary frames are audio."""
        message = frames.read(frame) if isinstance(frame, str) else None
        said: list[Said]
        try:
            said = list(self._hear(frame) if isinstance(frame, bytes) else self._follow(message))
        except Rejected as error:
            said = [self._events.error(error, answered_id=frames.text((message or {}).get("event_id")))]
        return self._decoded(said)

    def encode(self, event: Event) -> list[str]:
        """Say what happened."""
        return self._frames((*self._turns.tell(event), *self._responses.tell(event)))

    def refuse(self, error: VoxtralError) -> list[str]:
        """An error event; the connection may stay open after it."""
        return self._frames([self._events.error(error)])

    # -- messages: each handler gives what a message leads to, or raises Rejected before anything has changed

    def _follow(self, message: JsonObject | None) -> Iterable[Said]:
        if message is None:
            raise Rejected("The message is not a JSON object.", code="invalid_json")
        message = openai_beta.from_beta(message) if self._beta else message
        handler = _MESSAGES.get(frames.text(message.get("type")) or "", OpenAIRealtime._unknown)
        return handler(self, message)

    def _update_session(self, message: JsonObject) -> Iterator[Said]:
        answered, servers = self.responses, self._session.servers
        before, declared = self.settings, self._session.settings
        yield from self._session.update(message.get("session"))
        if self._session.settings.audio_format != declared.audio_format:
            self._audio.change_format()
        if self.settings != before:
            yield Configure(self.settings)
        if self.responses != answered:
            yield ConfigureResponses(self.responses or SILENT)
        yield self._events.new("session.updated", session=self._session.shown())
        if self._session.servers != servers and self.responses is not None:
            yield from self._use_servers([server for server in self._session.servers if server not in servers])

    def _use_servers(self, new: Sequence[ToolServer]) -> Iterator[Said]:
        """Ask for the tools of all servers, and say of the new ones that they are being asked."""
        yield from self._responses.listing(new)
        yield UseToolServers(self._session.servers)

    def _append(self, message: JsonObject) -> Iterator[Said]:
        data = frames.audio(message.get("audio"))
        if data is None:
            raise Rejected("'audio' must be base64-encoded audio bytes.", param="audio")
        yield from self._hear(data)

    def _hear(self, data: bytes) -> Iterator[Said]:
        yield from self._audio.append(data, self._session.settings)

    def _commit(self, _: JsonObject) -> Iterator[Said]:
        self._audio.commit(self._session.settings)
        yield CommitTurn()

    def _clear(self, _: JsonObject) -> Iterator[Said]:
        self._audio.clear()
        yield ClearAudio()
        yield self._events.new("input_audio_buffer.cleared")

    def _create_item(self, message: JsonObject) -> Iterator[Said]:
        sent = message.get("item")
        item = from_client(sent, self._events.new_id)
        after = message.get("previous_item_id")
        previous = self._items.add(item, after=after)
        yield from self._events.item(item, previous)
        if item["type"] == "mcp_approval_response":
            call_id = self._responses.approval(item["approval_request_id"])
            yield DecideApproval(call_id, item["approve"], item.get("reason", ""))
        elif told := self._message(item, sent):
            behind = None if after is None else self._items.key(previous) or ""
            yield PutMessage(f"item {item['id']}", told, behind)

    def _message(self, item: JsonObject, sent: Any) -> Message[Clip] | None:
        return to_house(item, sent, self._session.settings.audio_format, self._responses.call_id)

    def _retrieve_item(self, message: JsonObject) -> Iterator[Said]:
        item = self._items.get(message.get("item_id"))
        if item is None:
            raise Rejected("There is no such item.", code="item_retrieve_invalid_item_id", param="item_id")
        yield self._events.new("conversation.item.retrieved", item=item)

    def _delete_item(self, message: JsonObject) -> Iterator[Said]:
        """An item that is not there is gone as the client wished: forgotten, or deleted twice."""
        item_id = frames.text(message.get("item_id"))
        if item_id is None:
            raise Rejected("'item_id' must be a string.", param="item_id")
        key = self._items.key(item_id)
        if key is not None and not self._items.shares_key(item_id):
            yield RemoveMessage(key)
        elif key is not None and (response := self._responses.of_message(item_id)) is not None:
            yield Truncate(response, 0)  # its calls stay
        self._items.remove(item_id)
        yield self._events.new("conversation.item.deleted", item_id=item_id)

    def _truncate_item(self, message: JsonObject) -> Iterator[Said]:
        """What cannot be cut is left alone silently: clients send this at every interruption, and die on errors."""
        item = self._items.get(message.get("item_id"))
        if item is None or item.get("role") != "assistant":
            yield "conversation.item.truncate: there is no such item of an assistant"
            return
        audio_ms = _natural(message.get("audio_end_ms"))
        if (response := self._responses.of_message(item["id"])) is not None:
            yield Truncate(response, audio_ms)  # what was heard of it stays, see `Responses`
        else:
            parts = [{key: part[key] for key in part if key != "transcript"} for part in item["content"]]
            self._items.replace({**item, "content": parts})
        index = _natural(message.get("content_index"))
        yield self._events.new(
            "conversation.item.truncated", item_id=item["id"], content_index=index, audio_end_ms=audio_ms
        )

    def _create_response(self, message: JsonObject) -> Iterator[Said]:
        if self._session.kind == "transcription":
            raise Rejected("A transcription session gives no responses.", code="invalid_event", param="type")
        if self.responses is None:
            raise Rejected("No language model is configured on this server.", code="language_model_not_configured")
        patch = message.get("response")
        patch = patch if isinstance(patch, dict) else {}
        values, notes = self._session.answer(patch)
        given = self._input(patch["input"]) if isinstance(patch.get("input"), list) else None
        yield from notes
        tag = self._responses.ask(Asked(values, metadata(patch.get("metadata")), frames.text(message.get("event_id"))))
        yield CreateResponse(tag, self._session.wish(values), given, apart=patch.get("conversation") == "none")

    def _input(self, items: list[Any]) -> tuple[Message[Clip] | str, ...]:
        """What one response is to read. Raises Rejected."""
        given: list[Message[Clip] | str] = []
        for sent in items:
            if isinstance(sent, dict) and sent.get("type") == "item_reference":
                if (key := self._items.key(sent.get("id"))) is None:
                    raise Rejected("There is no item with the id of a reference.", param="response.input")
                given.append(key)
            elif told := self._message(from_client(sent, self._events.new_id), sent):
                given.append(told)
        return tuple(given)

    def _cancel_response(self, message: JsonObject) -> Iterator[Said]:
        named = frames.text(message.get("response_id"))
        number = None if named is None else self._responses.number(named)
        if number is None and self._responses.cancels_in_vain():
            yield "response.cancel: the person had interrupted that answer already"
            return
        if number is None and (named is not None or not self._responses.active):
            error = Rejected("Cancellation failed: no active response found", code="response_cancel_not_active")
            yield self._events.error(error, answered_id=frames.text(message.get("event_id")))
        if named is None or number is not None:
            yield CancelResponse(number)  # without an answer there may be one that nobody has heard of yet

    def _clear_output(self, _: JsonObject) -> Iterable[Said]:
        return ["output_audio_buffer.clear means nothing on a WebSocket"]

    def _unknown(self, message: JsonObject) -> NoReturn:
        kind = message.get("type")
        if not isinstance(kind, str):
            raise Rejected("A message has a 'type'.", code="invalid_event", param="type")
        raise Rejected(f"Unknown type of message: {kind[:80]!r}.", code="unknown_event", param="type")

    def _decoded(self, said: Sequence[Said]) -> Decoded:
        return Decoded(
            commands=tuple(entry for entry in said if isinstance(entry, Command | AssistantCommand)),
            replies=tuple(self._frames(entry for entry in said if isinstance(entry, dict))),
            notes=tuple(entry for entry in said if isinstance(entry, str)),
        )

    def _frames(self, events: Iterable[JsonObject]) -> list[str]:
        if self._beta:
            events = (renamed for event in events for renamed in openai_beta.to_beta(event))
        return [frames.write(event) for event in events]


_MESSAGES: Mapping[str, Callable[[OpenAIRealtime, JsonObject], Iterable[Said]]] = {
    "session.update": OpenAIRealtime._update_session,
    "input_audio_buffer.append": OpenAIRealtime._append,
    "input_audio_buffer.commit": OpenAIRealtime._commit,
    "input_audio_buffer.clear": OpenAIRealtime._clear,
    "conversation.item.create": OpenAIRealtime._create_item,
    "conversation.item.retrieve": OpenAIRealtime._retrieve_item,
    "conversation.item.delete": OpenAIRealtime._delete_item,
    "conversation.item.truncate": OpenAIRealtime._truncate_item,
    "response.create": OpenAIRealtime._create_response,
    "response.cancel": OpenAIRealtime._cancel_response,
    "output_audio_buffer.clear": OpenAIRealtime._clear_output,
}


def _natural(value: object) -> int:
    return round(max(value, 0)) if frames.is_number(value) else 0
