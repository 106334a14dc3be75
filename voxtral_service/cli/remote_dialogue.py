"""A conversation at a server: the other end of OpenAI's realtime conversations, in the house's own commands and events.

The server is told with `include` that its own tools' calls are to be shown, which come as calls of an MCP server.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from voxtral_service.chat import Message
from voxtral_service.cli.remote import append, connect_to, ended, message
from voxtral_service.events import (
    AppendAudio,
    AssistantCommand,
    AudioRejected,
    Clip,
    Command,
    CommitTurn,
    CreateResponse,
    DecideApproval,
    Event,
    NothingToCommit,
    PutMessage,
    ResponseApprovalRequest,
    ResponseAudio,
    ResponseEnd,
    ResponseEnded,
    ResponseSettings,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    SemanticVad,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    Truncate,
    TurnStarted,
)

TOOL_CALLS = "voxtral.tool_calls"
HERE = "voxtral"
"""The label that the server shows its own tools under."""
JsonObject = dict[str, Any]
_ENDS: Mapping[str, ResponseEnd] = {
    "completed": "completed",
    "incomplete": "length",
    "failed": "failed",
    "turn_detected": "interrupted",
    "client_cancelled": "cancelled",
}


@asynccontextmanager
async def talking(
    url: str, key: str | None, wish: ResponseSettings, session: SessionSettings | None
) -> AsyncGenerator[RemoteDialogue]:
    """A conversation at `url`, as `remote.address` gives it. Raises UpstreamError, or what it was refused with."""
    async with await connect_to(url, key) as socket:
        await socket.send(message("session.update", session=_settings(wish, session or SessionSettings())))
        yield RemoteDialogue(url, socket, wish)


def _settings(wish: ResponseSettings, session: SessionSettings) -> JsonObject:
    detector: JsonObject | None = None
    if session.turn_detection is not None:
        detector = {"type": "server_vad", "create_response": wish.answers, "interrupt_response": wish.interrupts}
        if isinstance(session.turn_detection, SemanticVad):
            detector |= {"type": "semantic_vad", "eagerness": session.turn_detection.eagerness}
    output: JsonObject = {"format": {"type": "audio/pcm", "rate": wish.audio_format.sample_rate}}
    if wish.voice:
        output["voice"] = wish.voice
    heard = {"language": session.language} if session.language else {}
    return {
        "type": "realtime",
        "output_modalities": ["audio" if wish.spoken else "text"],
        "include": [TOOL_CALLS],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": session.audio_format.sample_rate},
                "transcription": heard,
                "turn_detection": detector,
            },
            "output": output,
        },
    }


class RemoteDialogue:
    """Takes commands and gives events, as `session.dialogue.Dialogue` does in this process."""

    def __init__(self, url: str, socket: ClientConnection, wish: ResponseSettings) -> None:
        self._url, self._socket = url, socket
        self._events = _Events(wish.audio_format.sample_rate)

    async def send(self, command: Command | AssistantCommand) -> None:
        """Carry out a command; those that a client has no word for are no use here."""
        frame = self._frame(command)
        if frame is not None:
            with suppress(ConnectionClosed):  # whoever reads the events is told
                await self._socket.send(frame)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events for as long as the connection lasts. Raises UpstreamError when the server ends it."""
        with suppress(ConnectionClosed):
            async for frame in self._socket:
                for event in self._events.read(json.loads(frame)):
                    yield event
        raise ended(self._url, self._socket)

    def _frame(self, command: Command | AssistantCommand) -> str | None:
        kind, fields = "", dict[str, object]()
        match command:
            case AppendAudio():
                return append(command.data)
            case CommitTurn():
                kind = "input_audio_buffer.commit"
            case PutMessage():
                kind, fields = "conversation.item.create", {"item": _item(command.message)}
            case CreateResponse():
                kind, fields = "response.create", {"response": {"metadata": {"tag": command.tag}}}
            case Truncate() if item := self._events.item_of(command.response):
                fields = {"item_id": item, "content_index": 0, "audio_end_ms": command.audio_ms}
                kind = "conversation.item.truncate"
            case DecideApproval():
                decided = {"approval_request_id": command.call_id, "approve": command.approve}
                kind, fields = "conversation.item.create", {"item": {"type": "mcp_approval_response", **decided}}
        return message(kind, **fields) if kind else None


def _item(said: Message[Clip]) -> JsonObject:
    content = [{"type": "input_text", "text": part} for part in said.content if isinstance(part, str)]
    return {"type": "message", "role": said.role, "content": content}


class _Events:
    """The server's events as the house's; its ids become numbers in the order in which they are first met."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._turns: dict[str, int] = {}
        self._responses: dict[str, int] = {}
        self._items: dict[int, str] = {}
        self._sent: dict[int, int] = {}
        self._calls: dict[str, JsonObject] = {}

    def item_of(self, response: int) -> str | None:
        """The item that holds the words of a response."""
        return self._items.get(response)

    def read(self, event: JsonObject) -> Iterable[Event]:
        """The events that one of the server's stands for, often none."""
        reader = _READERS.get(str(event.get("type")))
        return reader(self, event) if reader else ()

    def _turn(self, event: JsonObject) -> int:
        return self._turns.setdefault(event["item_id"], len(self._turns) + 1)

    def _response(self, event: JsonObject) -> int:
        return self._responses.setdefault(event["response_id"], len(self._responses) + 1)

    def _speech(self, event: JsonObject) -> Iterator[Event]:
        yield TurnStarted(self._turn(event), event["audio_start_ms"] / 1000)

    def _heard(self, event: JsonObject) -> Iterator[Event]:
        yield TranscriptDelta(self._turn(event), event["delta"])

    def _understood(self, event: JsonObject) -> Iterator[Event]:
        yield TranscriptFinal(self._turn(event), event["transcript"], (), 0.0, 0.0)

    def _misheard(self, event: JsonObject) -> Iterator[Event]:
        yield TranscriptFailed(self._turn(event), str(event["error"].get("code")), event["error"]["message"])

    def _started(self, event: JsonObject) -> Iterator[Event]:
        response = event["response"]
        tag = (response.get("metadata") or {}).get("tag", "")
        yield ResponseStarted(self._response({"response_id": response["id"]}), None, tag)

    def _text(self, event: JsonObject) -> Iterator[Event]:
        response = self._response(event)
        self._items[response] = event["item_id"]
        yield ResponseText(response, event["delta"])

    def _audio(self, event: JsonObject) -> Iterator[Event]:
        response, data = self._response(event), base64.b64decode(event["delta"])
        at = self._sent.get(response, 0)
        self._sent[response] = at + len(data) // 2
        yield ResponseAudio(response, data, self._rate, at / self._rate)

    def _item_done(self, event: JsonObject) -> Iterator[Event]:
        item, response = event["item"], self._response(event)
        if item["type"] == "mcp_approval_request":
            yield ResponseApprovalRequest(response, item["id"], item["server_label"], item["name"], item["arguments"])
        elif item["type"] == "mcp_call" and ("output" in item or "error" in item):
            failed = item.get("error")
            output = failed.get("message", "") if isinstance(failed, dict) else item.get("output", "")
            yield ResponseToolResult(response, item["id"], output, failed=bool(failed))

    def _item_added(self, event: JsonObject) -> Iterator[Event]:
        if event["item"]["type"] == "mcp_call":
            self._calls[event["item"]["id"]] = event["item"]
        return iter(())

    def _called(self, event: JsonObject) -> Iterator[Event]:
        if item := self._calls.pop(event["item_id"], None):
            server = "" if item["server_label"] == HERE else item["server_label"]
            response = self._response(event)
            yield ResponseToolCall(response, item["id"], item["name"], event["arguments"], True, server)

    def _done(self, event: JsonObject) -> Iterator[Event]:
        response = event["response"]
        number = self._response({"response_id": response["id"]})
        details = response.get("status_details") or {}
        reason = _ENDS.get(details.get("reason") or response["status"]) or _ENDS.get(response["status"], "cancelled")
        error = details.get("error") or {}
        seconds = self._sent.pop(number, 0) / self._rate
        code, why = str(error.get("code") or ""), str(error.get("message") or "")
        yield ResponseEnded(number, reason, seconds, code=code, message=why)

    def _failed(self, event: JsonObject) -> Iterator[Event]:
        error = event["error"]
        if error.get("code") == "input_audio_buffer_commit_empty":
            yield NothingToCommit()
        else:
            yield AudioRejected(str(error.get("code")), error["message"])


_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_READERS: Mapping[str, Callable[[_Events, JsonObject], Iterator[Event]]] = {
    "input_audio_buffer.speech_started": _Events._speech,
    f"{_TRANSCRIPTION}.delta": _Events._heard,
    f"{_TRANSCRIPTION}.completed": _Events._understood,
    f"{_TRANSCRIPTION}.failed": _Events._misheard,
    "response.created": _Events._started,
    "response.output_text.delta": _Events._text,
    "response.output_audio_transcript.delta": _Events._text,
    "response.output_audio.delta": _Events._audio,
    "response.output_item.added": _Events._item_added,
    "response.mcp_call_arguments.done": _Events._called,
    "response.output_item.done": _Events._item_done,
    "response.done": _Events._done,
    "error": _Events._failed,
}
