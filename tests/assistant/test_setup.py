"""An assistant from settings: which model answers, with what, and what callers may change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.assistant.kit import ScriptedModel, ScriptedVoice
from tests.assistant.tiny_chat import write_chat_model
from tests.assistant.virtual import run
from tests.fakes import SpellingEngine, installed, spelling_pool
from voxtral_service.assistant import setup
from voxtral_service.assistant.assistant import INSTRUCTIONS, Assistant, AssistantSettings
from voxtral_service.assistant.llm_endpoint import Endpoint
from voxtral_service.assistant.llm_local import LocalModel
from voxtral_service.assistant.setup import Hearer, Nobody
from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, Tool, ToolCall
from voxtral_service.config import Settings
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.pool import LoadedModel
from voxtral_service.errors import InvalidOption, ModelNotFound, NoLanguageModel
from voxtral_service.events import (
    AssistantEvent,
    AudioFormat,
    CancelResponse,
    Clip,
    ConfigureResponses,
    CreateResponse,
    IdleTimeout,
    PutMessage,
    RemoveMessage,
    ResponseAudio,
    ResponseEnded,
    ResponseRefused,
    ResponseSettings,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    TranscriptFinal,
    TurnAudio,
    TurnEnded,
    TurnStarted,
)

POOL = spelling_pool(SpellingEngine())


def settings(**given: Any) -> Settings:
    return Settings(models_dir=Path("nowhere"), **given)


# -- which model answers


async def test_an_endpoint_answers_where_one_is_set() -> None:
    made = setup.assistant(
        settings(llm_url="http://127.0.0.1:9/v1", llm_model="m", llm_key="k"), POOL, SpellingEngine(), None
    )
    answering = setup.language_model(settings(llm_url="http://127.0.0.1:9/v1", llm_model="m"), POOL)
    assert isinstance(answering.model, Endpoint)
    assert (answering.model.settings.model, answering.hears) == ("m", False)
    await made.close()


async def test_a_chat_model_on_this_machine_answers(tmp_path: Path) -> None:
    folder = write_chat_model(tmp_path / "small")
    answering = setup.language_model(settings(llm_model=str(folder)), POOL)
    assert isinstance(answering.model, LocalModel)
    assert answering.model.folder == folder
    assert answering.close is not None
    await answering.model.load()  # a thread that goes on loading would disturb whatever test comes next
    await answering.close()


async def test_the_bundled_model_answers_where_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup, "BUNDLED", "not-bundled")
    assert isinstance(setup.language_model(settings(), POOL).model, Nobody)
    monkeypatch.setattr(setup, "BUNDLED", "small")
    write_chat_model(tmp_path / "small")
    there = Settings(models_dir=tmp_path)
    model = setup.language_model(there, POOL).model
    assert isinstance(model, LocalModel)
    await model.load()
    model.close()


def test_a_bundled_model_that_is_broken_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(setup, "BUNDLED", "small")
    folder = write_chat_model(tmp_path / "small")
    (folder / "model.safetensors").unlink()
    assert isinstance(setup.language_model(Settings(models_dir=tmp_path), POOL).model, Nobody)
    assert "nobody answers" in caplog.text


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"llm_url": "http://127.0.0.1:9/v1"}, InvalidOption, "name the model"),
        ({"llm_url": "localhost", "llm_model": "m"}, InvalidOption, "no http"),
        ({"llm_model": "wren-en"}, InvalidOption, "transcribes and does not answer"),
        ({"llm_model": "nothing-like-it"}, ModelNotFound, "nothing-like-it"),
        ({"time_zone": "Mars/Olympus"}, InvalidOption, "no time zone"),
    ],
)
async def test_settings_that_cannot_be(given: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        setup.assistant(settings(**given), POOL, SpellingEngine(), None)


async def test_nobody_says_how_to_plug_somebody_in() -> None:
    with pytest.raises(NoLanguageModel, match="llm_url"):
        await anext(Nobody().answer((), AnswerOptions()))


def test_the_machines_time_zone_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert setup.home_zone("") == ZoneInfo("Asia/Tokyo")
    monkeypatch.setenv("TZ", "nonsense")
    assert setup.home_zone("") == ZoneInfo("UTC")
    assert setup.home_zone("Europe/Paris") == ZoneInfo("Europe/Paris")


# -- conversations


class Talk:
    """A conversation with an assistant on a virtual clock; what it says is `told`."""

    def __init__(self, assistant: Assistant, wish: ResponseSettings | None) -> None:
        self.responder = assistant.open("me")
        self.told: list[AssistantEvent] = []
        self._wish = wish
        self._turn = 0

    async def __aenter__(self) -> Talk:
        self._listening = asyncio.create_task(self._listen())
        if self._wish is not None:
            await self.responder.send(ConfigureResponses(self._wish))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.responder.close()
        await self._listening

    async def say(self, text: str, sound: Samples | None = None) -> None:
        self._turn += 1
        await self.responder.hear(TurnStarted(self._turn, 0))
        await self.responder.hear(TurnEnded(self._turn, 0, 1, "committed"))
        if sound is not None:
            await self.responder.hear(TurnAudio(self._turn, sound.astype("<f4").tobytes()))
        await self.responder.hear(TranscriptFinal(self._turn, text, (), 0, 1))

    async def _listen(self) -> None:
        async for event in self.responder:
            self.told.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


def talk(
    model: ScriptedModel, wish: ResponseSettings | None = None, voice: ScriptedVoice | None = None, **more: Any
) -> Talk:
    return Talk(Assistant(model, voice or ScriptedVoice(), AssistantSettings("Be brief."), **more), wish)


def contents(messages: Sequence[Message[Any]]) -> list[tuple[str, str]]:
    return [(m.role, " ".join(map(str, m.content))) for m in messages]


def test_silent_until_told_how_to_answer() -> None:
    async def scene() -> None:
        async with talk(model) as there:
            await there.say("Hello?")
            await asyncio.sleep(60)
            assert not there.told
            await there.responder.send(ConfigureResponses(ResponseSettings()))
            await there.say("And now?")
            await asyncio.sleep(60)
            assert there.of(ResponseEnded)[0].reason == "completed"

    model = ScriptedModel()
    run(scene())
    assert contents(model.asked[0]) == [("system", "Be brief."), ("user", "Hello?"), ("user", "And now?")]


def test_what_callers_may_change() -> None:
    lamp = Tool("get_time", "The caller's own clock.", {"type": "object"})

    async def scene() -> None:
        wish = ResponseSettings("You are a bird.", audio_format=AudioFormat("pcm_alaw", 8000), tools=(lamp,))
        async with talk(model, wish) as there:
            await there.say("Hello?")
            await asyncio.sleep(60)
            assert sum(len(event.data) for event in there.of(ResponseAudio)) == 1000  # a byte each
            await there.responder.send(ConfigureResponses(ResponseSettings(spoken=False, tool_choice="none")))
            await there.say("Hello?")
            await asyncio.sleep(60)
            named = ResponseSettings(tools=(lamp,), tool_name="get_time", max_tokens=7)
            await there.responder.send(CreateResponse("t", named, (Message("user", ("Only this.",)),)))
            await asyncio.sleep(60)
            assert there.of(ResponseStarted)[-1].tag == "t"

    model = ScriptedModel()
    run(scene())
    first, second, third = model.options
    assert [tool.description for tool in first.tools if tool.name == "get_time"] == ["The caller's own clock."]
    assert {"calculate", "set_timer"} <= {tool.name for tool in first.tools}
    assert second.tools == ()
    assert (third.tools, third.must_call, third.max_tokens) == ((lamp,), True, 7)
    assert [messages[0].content for messages in model.asked] == [("You are a bird.",), ("Be brief.",), ("Be brief.",)]
    assert contents(model.asked[2][1:]) == [("user", "Only this.")]


def test_an_answer_that_is_asked_for_waits_for_what_was_committed() -> None:
    async def scene() -> None:
        async with talk(model, ResponseSettings(answers=False, interrupts=False)) as there:
            await there.responder.hear(TurnStarted(1, 0))
            await there.responder.hear(TurnEnded(1, 0, 1, "committed"))
            await there.responder.send(CreateResponse("a"))
            await asyncio.sleep(5)
            assert not there.told
            await there.responder.hear(TranscriptFinal(1, "What time is it?", (), 0, 1))
            await asyncio.sleep(0.2)
            await there.responder.send(CreateResponse("b"))
            await asyncio.sleep(60)
            assert there.of(ResponseStarted) == [ResponseStarted(1, None, "a")]
            (refused,) = there.of(ResponseRefused)
            assert (refused.tag, refused.code) == ("b", "conversation_already_has_active_response")

    model = ScriptedModel()
    run(scene())
    assert contents(model.asked[0][1:]) == [("user", "What time is it?")]


def test_a_callers_tool_and_the_answer_to_its_result() -> None:
    lamp = Tool("lamp", "Switches.", {"type": "object"})
    call = ToolCall("c1", "lamp", "{}")

    async def scene() -> None:
        async with talk(model, ResponseSettings(tools=(lamp,))) as there:
            await there.say("Lights on.")
            await asyncio.sleep(0.3)
            assert there.of(ResponseToolCall)
            # The result comes while "Yes, I will." is still being heard.
            await there.responder.send(PutMessage("item_1", Message("tool", ("done",), call_id="c1")))
            await there.responder.send(CreateResponse("more"))
            await asyncio.sleep(60)
            assert [event.reason for event in there.of(ResponseEnded)] == ["tool_calls", "completed"]

    model = ScriptedModel([("Yes, I will. ", call), ("It is on.",)])
    run(scene())
    assert [(m.role, m.content, m.calls) for m in model.asked[1][1:]] == [
        ("user", ("Lights on.",), ()),
        ("assistant", ("Yes, I will.",), (call,)),
        ("tool", ("done",), ()),
    ]


def test_a_held_answer_gives_way_to_the_person() -> None:
    lamp = Tool("lamp", "Switches.", {"type": "object"})

    async def scene() -> None:
        async with talk(model, ResponseSettings(tools=(lamp,))) as there:
            await there.say("Lights on.")
            await asyncio.sleep(0.3)
            await there.responder.send(PutMessage("item_1", Message("tool", ("done",), call_id="c1")))
            await there.responder.send(CreateResponse("more"))
            await there.say("And what time is it?")  # while "Yes, I will." is still heard
            await asyncio.sleep(60)
            assert [(e.response, e.tag) for e in there.of(ResponseStarted)] == [(1, ""), (2, "more"), (3, "")]
            assert [e.reason for e in there.of(ResponseEnded)] == ["interrupted", "interrupted", "completed"]

    model = ScriptedModel([("Yes, I will do that at once. ", ToolCall("c1", "lamp", "{}")), ("It is on, and nine.",)])
    run(scene())
    assert contents(model.asked[1])[-1] == ("user", "And what time is it?")


def test_who_says_nothing_for_long_is_spoken_to() -> None:
    async def scene() -> None:
        async with talk(model, ResponseSettings()) as there:
            await there.responder.hear(IdleTimeout(0, 5))
            await asyncio.sleep(60)
            assert there.of(ResponseEnded)[0].reason == "completed"

    model = ScriptedModel()
    run(scene())


def test_answers_apart_leave_no_trace() -> None:
    async def scene() -> None:
        async with talk(model, ResponseSettings()) as there:
            await there.say("Hello?")
            await asyncio.sleep(0.2)
            for tag in ("x", "y"):
                await there.responder.send(CreateResponse(tag, ResponseSettings("Sum up.", spoken=False), apart=True))
            await asyncio.sleep(0)
            await there.responder.send(CancelResponse(3))
            await asyncio.sleep(60)
            assert [(e.response, e.reason) for e in there.of(ResponseEnded)] == [
                (3, "cancelled"),
                (2, "completed"),
                (1, "completed"),
            ]
            assert contents(there.responder.conversation.messages())[2:] == [("assistant", "Good day.")]

    model = ScriptedModel()
    run(scene())
    assert contents(model.asked[1])[0] == ("system", "Sum up.")


def test_messages_are_put_in_and_taken_out() -> None:
    async def scene() -> None:
        async with talk(model, ResponseSettings(spoken=False)) as there:
            put = [("a", "one", None), ("b", "two", None), ("c", "zero", ""), ("d", "half", "c"), ("e", "end", "gone")]
            for key, text, after in put:
                await there.responder.send(PutMessage(key, Message("user", (text,)), after))
            await there.responder.send(RemoveMessage("b"))
            await there.responder.send(RemoveMessage("unknown"))
            await there.responder.send(CreateResponse())
            await asyncio.sleep(1)

    model = ScriptedModel()
    run(scene())
    assert [text for _, text in contents(model.asked[0][1:])] == ["zero", "half", "one", "end"]


def test_sound_in_a_message_is_understood_first() -> None:
    async def understand(clip: Clip) -> str:
        await asyncio.sleep(3)
        return f"{len(clip.data)} bytes"

    async def scene() -> None:
        async with talk(model, ResponseSettings(spoken=False), understand=understand) as there:
            clip = Clip(bytes(10), AudioFormat())
            await there.responder.send(PutMessage("a", Message("user", (clip,))))
            await there.responder.send(PutMessage("b", Message("user", ("please",))))
            await there.responder.send(CreateResponse())
            await asyncio.sleep(9)

    model = ScriptedModel()
    run(scene())
    assert [text for _, text in contents(model.asked[0][1:])] == ["10 bytes", "please"]


def test_a_model_that_hears_is_given_the_sound() -> None:
    async def scene() -> None:
        async with talk(model, ResponseSettings(), hears=True) as there:
            await there.say("what", np.full(3, 0.5, np.float32))
            await asyncio.sleep(9)

    model = ScriptedModel()
    run(scene())
    assert model.asked[0][1].content[0] == pytest.approx([0.5] * 3)


def test_timers_speak_when_they_are_due() -> None:
    async def scene() -> None:
        async with talk(model, ResponseSettings()) as there:
            await there.say("Set a timer for ten seconds.")
            await asyncio.sleep(30)
            texts = "".join(event.text for event in there.of(ResponseText))
            assert texts == "It is set.Your timer of 10 seconds is up."
            await there.say("And another.")
            await asyncio.sleep(5)
        await asyncio.sleep(30)
        assert len(there.of(ResponseStarted)) == 3  # who has hung up is told nothing

    call = ToolCall("c", "set_timer", json.dumps({"duration": "10 seconds"}))
    model = ScriptedModel([(call,), ("It is set.",), (call,), ("Again.",)])
    run(scene())


# -- an engine that hears


class Ear(SpellingEngine):
    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        yield AnswerText(f"{len(messages)} messages")
        yield AnswerEnd("stop", 1, 1, 1, 0.0)


async def test_an_engine_of_the_pool_answers() -> None:
    model = installed("voxtral-mini-3b", kind=Kind.VOXTRAL)

    class Pool:
        @asynccontextmanager
        async def use(self, wanted: object) -> AsyncGenerator[LoadedModel]:
            assert wanted is model
            yield LoadedModel(model, Ear())

    hearer = Hearer(Pool(), model)  # type: ignore[arg-type]
    told = [event async for event in hearer.answer((Message("user", ("hi",)),), AnswerOptions())]
    assert told[0] == AnswerText("1 messages")


def test_the_default_instructions_are_meant_for_ears() -> None:
    assert "heard, not read" in INSTRUCTIONS
