"""Calls of other servers' tools, and asking before they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.assistant.kit import Scene, ScriptedModel, play
from voxtral_service.assistant.tools import RemoteTool, Tell
from voxtral_service.chat import Tool, ToolCall
from voxtral_service.events import (
    DecideApproval,
    ResponseApprovalRequest,
    ResponseEnded,
    ResponseStarted,
    ResponseToolCall,
    ResponseToolResult,
    ToolServerFailed,
    ToolServerReady,
    UseToolServers,
)
from voxtral_service.tool_servers import ToolServer

CALL = ToolCall("call_1", "post__send", '{"to": "Ann"}')
ASKS = ScriptedModel([["May I send it? ", CALL], ["It is sent."]])


@dataclass
class Post:
    """A server with one tool, which takes its time."""

    asks: bool = True
    seconds: float = 0.0
    sent: list[str] = field(default_factory=list)
    cancelled: bool = False
    closed: bool = False
    named: list[ToolServer] = field(default_factory=list)

    def tools(self) -> Sequence[RemoteTool]:
        tool = Tool("post__send", "Sends a letter.", {"type": "object", "properties": {}})
        return (RemoteTool(tool, "post", "send", asks=self.asks, changes=True, run=self._send),)

    async def use(self, servers: Sequence[ToolServer], tell: Tell) -> None:
        self.named = list(servers)
        for server in servers:
            await tell(ToolServerReady(server.label, (Tool("send", "Sends a letter.", {}),)))

    async def close(self) -> None:
        self.closed = True

    async def _send(self, arguments: str) -> str:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.sent.append(arguments)
        return "sent"


def asking() -> ScriptedModel:
    return ScriptedModel(ASKS.scripts)


async def ask(scene: Scene) -> None:
    await scene.say("Send it to Ann.")
    await scene.wait(5)


def test_a_call_is_made_when_the_caller_agrees() -> None:
    post, model = Post(), asking()

    async def scenario(scene: Scene) -> None:
        await ask(scene)
        assert not post.sent
        await scene.responder.send(DecideApproval("call_1", approve=True))
        await scene.wait(5)

    scene = play(scenario, model, servers=post)
    (request,) = scene.told(ResponseApprovalRequest)
    assert (request.server, request.name, request.arguments) == ("post", "send", '{"to": "Ann"}')
    assert [event.reason for event in scene.told(ResponseEnded)] == ["tool_calls", "completed"]
    (call,) = scene.told(ResponseToolCall)
    assert (call.response, call.server, call.name, call.here, call.approval) == (2, "post", "send", True, "call_1")
    assert [result.output for result in scene.told(ResponseToolResult)] == ["sent"]
    assert [started.turn for started in scene.told(ResponseStarted)] == [1, None]
    assert post.sent == ['{"to": "Ann"}']
    assert post.closed
    # Every call in what the model reads has its result, at any time.
    for messages in model.asked:
        calls = [call.id for message in messages for call in message.calls]
        assert calls == [message.call_id for message in messages if message.role == "tool"]
    assert ("assistant", "It is sent.") in scene.history


def test_a_call_that_is_not_allowed_is_not_made_and_the_model_is_told() -> None:
    post, model = Post(), asking()

    async def scenario(scene: Scene) -> None:
        await ask(scene)
        await scene.responder.send(DecideApproval("call_1", approve=False, reason="too late"))
        await scene.wait(5)
        await scene.responder.send(DecideApproval("call_1", approve=True))  # decided already
        await scene.responder.send(DecideApproval("call_9", approve=True))  # never asked for
        await scene.wait(5)

    scene = play(scenario, model, servers=post)
    assert not post.sent
    assert not scene.told(ResponseToolCall)
    assert "too late" in str(model.asked[1][-1].content)
    assert len(scene.told(ResponseStarted)) == 2


def test_a_decision_waits_until_nobody_speaks() -> None:
    post = Post()

    async def scenario(scene: Scene) -> None:
        await ask(scene)
        await scene.begin()
        await scene.words("And")
        await scene.responder.send(DecideApproval("call_1", approve=True))
        await scene.wait(2)
        assert not post.sent
        await scene.end(cleared=True)
        await scene.wait(2)
        assert post.sent

    play(scenario, asking(), servers=post)


def test_calls_that_need_no_approval_are_made_at_once() -> None:
    post = Post(asks=False)

    async def scenario(scene: Scene) -> None:
        await ask(scene)

    scene = play(scenario, asking(), servers=post)
    assert post.sent
    assert [(call.server, call.name) for call in scene.told(ResponseToolCall)] == [("post", "send")]
    assert not scene.told(ResponseApprovalRequest)


def test_an_interruption_ends_the_call() -> None:
    post = Post(asks=False, seconds=4)

    async def scenario(scene: Scene) -> None:
        await scene.say("Send it to Ann.")
        await scene.wait(1)
        await scene.begin()
        await scene.wait(0.1)
        assert post.cancelled

    play(scenario, asking(), servers=post)


def test_servers_are_named_in_the_middle_of_a_conversation() -> None:
    post = Post()
    server = ToolServer("post", "https://post.example/mcp")

    async def scenario(scene: Scene) -> None:
        await scene.responder.send(UseToolServers((server,)))
        await scene.wait(0)

    scene = play(scenario, servers=post)
    assert post.named == [server]
    assert [ready.tools[0].name for ready in scene.told(ToolServerReady)] == ["send"]
    alone = play(scenario)
    assert [failed.server for failed in alone.told(ToolServerFailed)] == ["post"]
