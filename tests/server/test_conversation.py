"""Conversations over OpenAI's own client and a real socket: what is said is spelt, what is answered is scripted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI

from tests.assistant.kit import ScriptedModel, ScriptedVoice, SlowTool
from tests.fakes import SpellingEngine, spelling_pool
from tests.server.conftest import Serve
from voxtral_service.assistant import setup
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.chat import ToolCall
from voxtral_service.config import Settings
from voxtral_service.errors import UpstreamError

RATE = 24_000
BOUND = 30.0
"""Seconds until a test that waits for an event gives up; machines may be busy."""


def assistant(model: ScriptedModel, **more: Any) -> Assistant:
    more.setdefault("synthesizer", ScriptedVoice(first=0.0))
    voice = more.pop("synthesizer")
    return Assistant(model, voice, AssistantSettings("Be brief."), **more)


def scripted(*scripts: Any, first: float = 0.0) -> ScriptedModel:
    return ScriptedModel(scripts or (("Good day.",),), first=first)


def sound(percent: int, seconds: float) -> str:
    return base64.b64encode(encode_s16le(np.full(round(seconds * RATE), percent / 100, np.float32))).decode()


class Client:
    """What a program has in its hands."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str, **fields: Any) -> Any:
        """Read up to an event of this type."""
        async with asyncio.timeout(BOUND):
            async for event in self.connection:
                self.events.append(event)
                if event.type == kind and all(getattr(event, name) == value for name, value in fields.items()):
                    return event
        raise AssertionError(f"the connection ended before {kind}")

    async def update(self, **session: Any) -> None:
        await self.connection.session.update(session={"type": "realtime", **session})
        await self.until("session.updated")

    async def write(self, text: str) -> None:
        part = {"type": "input_text", "text": text}
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
        await self.until("conversation.item.done")

    async def say(self, percent: int, seconds: float = 0.6, pause: float = 0.8) -> None:
        for at in (sound(percent, seconds), sound(0, pause)):
            await self.connection.input_audio_buffer.append(audio=at)

    def kinds(self, *parts: str) -> list[str]:
        return [event.type for event in self.events if any(part in event.type for part in parts)]


@asynccontextmanager
async def talking(serve: Serve, assistant: Assistant | None, **session: Any) -> AsyncIterator[Client]:
    async with (
        serve(assistant=assistant) as server,
        AsyncOpenAI(api_key="any", base_url=f"{server.url}/v1") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        talk = Client(connection)
        await talk.until("session.created")
        if session:
            await talk.update(**session)
        yield talk


async def test_a_conversation_in_writing(serve: Serve) -> None:
    model = scripted(("Good ", "day."), ("You are welcome.",))
    async with talking(serve, assistant(model), output_modalities=["text"]) as talk:
        await talk.write("Hello.")
        await talk.connection.response.create()
        done = await talk.until("response.done")
        assert done.response.status == "completed"
        assert done.response.output[0].content[0].text == "Good day."
        assert done.response.usage.total_tokens == 12
        assert talk.kinds("response.", "item.")[-11:] == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        await talk.write("Thank you.")
        await talk.connection.response.create()
        await talk.until("response.done")
    assert [(m.role, *m.content) for m in model.asked[1]] == [
        ("system", "Be brief."),
        ("user", "Hello."),
        ("assistant", "Good day."),
        ("user", "Thank you."),
    ]


async def test_a_spoken_conversation(serve: Serve) -> None:
    model = scripted(("It is nine in the evening.",))
    async with talking(serve, assistant(model, synthesizer=Espeak())) as talk:
        await talk.say(30)
        created = await talk.until("response.created")
        assert created.response.output_modalities == ["audio"]
        done = await talk.until("response.done")
    words = "".join(event.delta for event in talk.events if event.type == "response.output_audio_transcript.delta")
    assert words == done.response.output[0].content[0].transcript == "It is nine in the evening."
    audio = b"".join(base64.b64decode(e.delta) for e in talk.events if e.type == "response.output_audio.delta")
    assert 1.0 < len(audio) / 2 / RATE < 3.0
    assert np.abs(np.frombuffer(audio, "<i2")).max() > 3000
    order = talk.kinds("speech", "committed", "response.created", "output_item", "audio.done", "response.done")
    assert order == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "response.created",
        "response.output_item.added",
        "response.output_audio.done",
        "response.output_item.done",
        "response.done",
    ]
    (user,) = [m for m in model.asked[-1] if m.role == "user"]
    assert "30" in str(user.content[0]).split()


async def test_speech_stops_the_answer_and_what_was_heard_is_kept(serve: Serve) -> None:
    model = scripted(("One two three four. ", "Five six seven eight nine ten. ") * 4, ("I stopped.",))
    async with talking(serve, assistant(model)) as talk:
        await talk.say(30)
        first = await talk.until("response.output_audio.delta")
        await talk.say(40)
        done = await talk.until("response.done")
        assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
        assert done.response.output[0].status == "incomplete"
        await talk.connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=700)
        await talk.until("response.created")
        await talk.until("response.done")
        await talk.connection.conversation.item.retrieve(item_id=first.item_id)
        kept = await talk.until("conversation.item.retrieved")
        assert kept.item.content[0].transcript == "One two"
        await talk.write("What did you say?")
        await talk.connection.response.create()
        await talk.until("response.done")
    assert next(m.content for m in model.asked[-1] if m.role == "assistant") == ("One two",)


async def test_a_function_is_called_by_the_client(serve: Serve) -> None:
    call = ToolCall("call_1", "lamp", '{"on": true}')
    model = scripted((call,), ("It is on.",))
    lamp = {"type": "function", "name": "lamp", "description": "Switches.", "parameters": {"type": "object"}}
    async with talking(serve, assistant(model), output_modalities=["text"], tools=[lamp]) as talk:
        await talk.write("Lights on.")
        await talk.connection.response.create()
        asked = await talk.until("response.function_call_arguments.done")
        assert (asked.name, asked.arguments, asked.call_id) == ("lamp", '{"on": true}', "call_1")
        done = await talk.until("response.done")
        assert done.response.output[0].status == "completed"
        output = {"type": "function_call_output", "call_id": asked.call_id, "output": "done"}
        await talk.connection.conversation.item.create(item=output)
        await talk.connection.response.create()
        done = await talk.until("response.done")
        assert done.response.output[0].content[0].text == "It is on."
    assert [(m.role, m.content, m.calls) for m in model.asked[1][2:]] == [
        ("assistant", (), (call,)),
        ("tool", ("done",), ()),
    ]


async def test_a_response_out_of_band(serve: Serve) -> None:
    model = scripted(("Weather",))
    async with talking(serve, assistant(model), output_modalities=["text"]) as talk:
        await talk.write("Will it rain?")
        (said,) = [event.item.id for event in talk.events if event.type == "conversation.item.done"]
        await talk.connection.response.create(
            response={
                "conversation": "none",
                "instructions": "Name the topic.",
                "metadata": {"purpose": "topic"},
                "output_modalities": ["text"],
                "input": [
                    {"type": "item_reference", "id": said},
                    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Which topic?"}]},
                ],
            }
        )
        created = await talk.until("response.created")
        done = await talk.until("response.done")
        assert created.response.metadata == done.response.metadata == {"purpose": "topic"}
        assert (done.response.conversation_id, done.response.output[0].content[0].text) == (None, "Weather")
        added = [event for event in talk.events if event.type == "conversation.item.added"]
        assert len(added) == 1
        await talk.connection.response.create()
        await talk.until("response.done")
    assert [m.content for m in model.asked[0]] == [("Name the topic.",), ("Will it rain?",), ("Which topic?",)]
    assert [m.content for m in model.asked[1]] == [("Be brief.",), ("Will it rain?",)]


async def test_a_client_that_ends_its_turns_itself(serve: Serve) -> None:
    model = scripted()
    audio = {"input": {"turn_detection": None}, "output": {"format": {"type": "audio/pcmu"}, "voice": "cedar"}}
    async with talking(serve, assistant(model, synthesizer=Espeak()), audio=audio) as talk:
        await talk.connection.input_audio_buffer.append(audio=sound(50, 0.5))
        await talk.connection.input_audio_buffer.commit()
        await talk.connection.response.create()
        await talk.until("response.done")
    data = b"".join(base64.b64decode(e.delta) for e in talk.events if e.type == "response.output_audio.delta")
    assert 0.3 < len(data) / 8000 < 3.0
    (user,) = [m for m in model.asked[0] if m.role == "user"]
    assert len(str(user.content[0]).split()) == 5


async def test_cancelling(serve: Serve) -> None:
    async with talking(serve, assistant(scripted(first=60.0)), output_modalities=["text"]) as talk:
        await talk.connection.response.cancel()
        error = await talk.until("error")
        assert error.error.code == "response_cancel_not_active"
        assert error.error.message.startswith("Cancellation failed")
        await talk.connection.response.create()
        created = await talk.until("response.created")
        await talk.connection.response.create(event_id="again")
        error = await talk.until("error")
        assert (error.error.code, error.error.event_id) == ("conversation_already_has_active_response", "again")
        await talk.connection.response.cancel(response_id=created.response.id)
        done = await talk.until("response.done")
        assert (done.response.status, done.response.status_details.reason) == ("cancelled", "client_cancelled")


async def test_a_model_that_is_down_is_told_of_in_words_and_in_the_status(serve: Serve) -> None:
    down = UpstreamError("the language model at http://x cannot be reached", trouble="unreachable")
    voice = ScriptedVoice(first=0.0)
    async with talking(serve, assistant(scripted((down,)), synthesizer=voice)) as talk:
        await talk.say(30)
        done = await talk.until("response.done")
    details = done.response.status_details
    assert (done.response.status, details.error.code) == ("failed", "upstream_error")
    assert done.response.output[0].content[0].transcript == "Sorry, I cannot reach my language model right now."
    assert voice.said == ["Sorry, I cannot reach my language model right now."]


async def test_an_endpoint_that_is_down(serve: Serve) -> None:
    settings = Settings(llm_url="http://127.0.0.1:9/v1", llm_model="m", models_dir=Path("nowhere"))
    voice = ScriptedVoice(first=0.0)
    engine = SpellingEngine()
    async with talking(serve, setup.assistant(settings, spelling_pool(engine), engine, voice)) as talk:
        await talk.say(30)
        done = await talk.until("response.done")
        assert done.response.status_details.error.message.startswith("the language model at http://127.0.0.1:9/v1")
        assert voice.said == ["Sorry, I cannot reach my language model right now."]


async def test_an_answer_that_was_begun_too_soon_is_never_heard_of(serve: Serve) -> None:
    model = scripted(first=0.05)
    async with talking(serve, assistant(model), output_modalities=["audio"]) as talk:
        await talk.say(30, pause=0.35)  # longer than the pause after which an answer is begun, shorter than the end
        async with asyncio.timeout(BOUND):
            while not model.asked:
                await asyncio.sleep(0.01)
        await talk.say(40)
        await talk.until("response.done")
        assert talk.kinds("response.created", "response.done") == ["response.created", "response.done"]
    questions = [str(messages[-1].content[0]).split() for messages in model.asked]
    assert "40" not in questions[0]
    assert {"30", "40"} <= set(questions[-1])


async def test_tools_of_the_server_are_shown_to_who_asks(serve: Serve) -> None:
    call = ToolCall("c1", "calculate", json.dumps({"expression": "17 * 23"}))
    for include in ([], ["voxtral.tool_calls"]):
        model = scripted((call,), ("391.",))
        async with talking(serve, assistant(model), output_modalities=["text"], include=include) as talk:
            await talk.write("What is 17 times 23?")
            await talk.connection.response.create()
            done = await talk.until("response.done")
            shown = [(item.name, item.output) for item in done.response.output if item.type == "mcp_call"]
            assert shown == ([("calculate", "391")] if include else [])
            assert done.response.output[-1].content[0].text == "391."


async def test_a_slow_tool_is_bridged_and_given_up_when_somebody_speaks(serve: Serve) -> None:
    tool = SlowTool(60.0)
    voice = ScriptedVoice(first=0.0)
    model = scripted((ToolCall("c", "look_up", "{}"),), ("Good.",))
    slow = assistant(model, synthesizer=voice, more_tools=[lambda owner: [tool]])
    async with talking(serve, slow) as talk:
        await talk.say(30)
        await talk.until("response.output_audio.delta")
        assert voice.said == ["One moment."]
        await talk.say(40)
        done = await talk.until("response.done")
        assert done.response.status == "cancelled"
        await talk.until("response.done")
    assert tool.cancelled


async def test_without_an_assistant_a_session_only_listens(serve: Serve) -> None:
    async with talking(serve, None) as talk:
        await talk.connection.response.create()
        error = await talk.until("error")
        assert error.error.code == "language_model_not_configured"


@pytest.mark.parametrize("create", [True, False])
async def test_turns_are_answered_unless_that_is_not_wanted(serve: Serve, create: bool) -> None:
    detection = {"type": "semantic_vad", "eagerness": "high", "create_response": create}
    async with talking(serve, assistant(scripted()), audio={"input": {"turn_detection": detection}}) as talk:
        await talk.say(30, pause=1.5)
        await talk.until("input_audio_buffer.committed")
        if create:
            await talk.until("response.done")
        else:
            await talk.connection.response.cancel()
            await talk.until("error")
            assert not talk.kinds("response.")
