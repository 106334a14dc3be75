"""Conversations on a virtual clock; one or more for every line of `floor.TABLE`."""

from __future__ import annotations

import logging

import pytest

from tests.assistant.kit import Scene, ScriptedModel, ScriptedVoice, SlowTool, play
from voxtral_service.assistant.answer import AnswerSettings
from voxtral_service.assistant.floor import TABLE, Action, Signal, State
from voxtral_service.assistant.tools import ToolFailed
from voxtral_service.chat import Tool, ToolCall
from voxtral_service.errors import EngineError, UpstreamError
from voxtral_service.events import (
    CancelResponse,
    CreateResponse,
    ResponseAudio,
    ResponseEnded,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    ResponseTruncated,
    TranscriptFinal,
    Truncate,
    TurnEnded,
)

LONG = ("One two three four. ", "Five six seven eight.")
CALL = ToolCall("c1", "look_up", "{}")


def reasons(scene: Scene) -> list[str]:
    return [event.reason for event in scene.told(ResponseEnded)]


def test_a_question_is_answered_in_text_and_sound() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Hello?")
        await scene.wait(10)

    scene = play(scenario, ScriptedModel([LONG]))
    assert scene.told(ResponseStarted) == [ResponseStarted(1, 1)]
    assert scene.text == "One two three four. Five six seven eight."
    assert scene.first(ResponseText) == pytest.approx(0.15)
    assert scene.first(ResponseAudio) == pytest.approx(0.2)
    words = [word for event in scene.told(ResponseAudio) for word in event.words]
    assert [word.text for word in words] == ["One", "two", "three", "four.", "Five", "six", "seven", "eight."]
    assert [word.start for word in words] == pytest.approx([0.5 * i for i in range(8)])
    assert scene.seconds == pytest.approx(4.0)
    (end,) = scene.told(ResponseEnded)
    assert (end.reason, end.prompt_tokens, end.completion_tokens) == ("completed", 10, 2)
    assert end.audio_seconds == pytest.approx(4.0)
    assert scene.history[1:] == [("user", "Hello?"), ("assistant", scene.text)]
    assert scene.responder.state is State.LISTENING


def test_sound_goes_out_no_more_than_half_a_second_ahead() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Hello?")
        await scene.wait(10)

    scene = play(scenario, ScriptedModel([LONG]))
    for time, event in scene.log:
        if isinstance(event, ResponseAudio):
            assert event.at - 0.5 <= time - 0.2 + 1e-6
    assert scene.last(ResponseAudio) == pytest.approx(0.2 + 4.0 - 0.1 - 0.5, abs=0.11)


def test_a_right_guess_saves_the_wait() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("What time is it")
        await scene.pause()
        await scene.wait(0.3)
        assert not scene.log
        await scene.end("What time is it?")
        await scene.wait(5)

    model = ScriptedModel()
    scene = play(scenario, model)
    assert scene.first(ResponseAudio) == pytest.approx(0.3)
    assert len(model.asked) == 1
    assert scene.history[1:] == [("user", "What time is it?"), ("assistant", "Good day.")]


def test_a_guess_is_forgotten_when_the_person_goes_on() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("What time")
        await scene.pause()
        await scene.wait(0.1)
        await scene.resume()
        await scene.wait(1)
        assert not scene.log
        await scene.words(" is it in Rome")
        await scene.end()
        await scene.wait(5)

    model = ScriptedModel()
    scene = play(scenario, model)
    assert model.left == [pytest.approx(0.1)]
    assert scene.told(ResponseStarted) == [ResponseStarted(2, 1)]
    assert scene.history[1:] == [("user", "What time is it in Rome"), ("assistant", "Good day.")]


def test_a_late_word_makes_another_guess_and_a_bounded_number_of_them() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("What")
        await scene.pause()
        for word in (" time", " is", " it", " now"):
            await scene.words(word)
            await scene.wait(0.01)
        await scene.end()
        await scene.wait(5)

    model = ScriptedModel()
    scene = play(scenario, model)
    asked = [asked[-1].content for asked in model.asked]
    # Those that were dropped before they had begun have asked nothing.
    assert asked == [("What time",), ("What time is",), ("What time is it now",)]
    assert reasons(scene) == ["completed"]


@pytest.mark.parametrize("how", ["cleared", "silent", "cancelled"])
def test_a_guess_at_nothing_is_forgotten(how: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("Well")
        await scene.pause()
        if how == "cancelled":
            await scene.responder.send(CancelResponse())
        else:
            await scene.end("", cleared=how == "cleared")
        await scene.wait(5)

    assert not play(scenario).log


@pytest.mark.parametrize("guessing", [True, False])
def test_a_defect_costs_one_answer(guessing: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("Hello")
        if guessing:
            await scene.pause()
            await scene.wait(1)
            assert scene.responder.state is State.LISTENING
        await scene.end()
        await scene.wait(5)
        assert scene.responder.state is State.LISTENING
        await scene.say("Again")
        await scene.wait(5)

    broken = ScriptedModel([(RuntimeError("a bug"),), ("Good day.",)])
    with caplog.at_level(logging.CRITICAL):
        scene = play(scenario, broken)
    assert reasons(scene) == (["completed", "completed"] if guessing else ["failed", "completed"])


def test_another_question_than_the_guess() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("What")
        await scene.pause()
        await scene.wait(0.05)
        await scene.end("What time is it")
        await scene.wait(5)

    model = ScriptedModel()
    scene = play(scenario, model)
    assert len(model.asked) == 2
    assert reasons(scene) == ["completed"]
    assert scene.first(ResponseText) == pytest.approx(0.2)


def test_an_answer_by_command_ends_a_guess() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("What")
        await scene.pause()
        await scene.responder.send(CreateResponse())
        await scene.wait(5)
        await scene.responder.send(CreateResponse())
        await scene.wait(5)

    assert reasons(play(scenario)) == ["completed", "completed"]


def test_a_guess_calls_no_tool_that_leaves_a_trace() -> None:
    tool = SlowTool(changes=True)

    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("Remember this")
        await scene.pause()
        await scene.wait(5)
        assert not tool.calls
        await scene.end()
        await scene.wait(5)

    scene = play(scenario, ScriptedModel([(CALL,), ("Done.",)]), tools=[tool])
    assert tool.calls == ["{}"]
    assert reasons(scene) == ["completed"]


def test_an_interruption_stops_model_and_sound_and_keeps_what_was_heard() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(1.35)  # 0.2 s until sound, then two words and a bit
        await scene.begin()
        await scene.wait(5)

    model = ScriptedModel([LONG], between=3.0)
    scene = play(scenario, model)
    assert scene.last(ResponseEnded) == pytest.approx(1.35)
    assert model.left == [pytest.approx(1.35)]
    assert scene.last(ResponseAudio) <= 1.35
    assert reasons(scene) == ["interrupted"]
    assert scene.told(ResponseTruncated) == [ResponseTruncated(1, 1150, "One two three")]
    assert scene.history[1:] == [("user", "Count."), ("assistant", "One two three")]


def test_the_caller_knows_better_what_was_heard() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(2)
        await scene.responder.send(Truncate(1, 700))
        await scene.wait(1)
        await scene.responder.send(Truncate(1, 1_000_000))
        await scene.responder.send(Truncate(7, 5))

    scene = play(scenario, ScriptedModel([LONG]))
    assert reasons(scene) == ["cancelled"]
    first, second, third = scene.told(ResponseTruncated)
    assert first.text == "One two three four."  # by the clock, before the caller's word for it
    assert second == ResponseTruncated(1, 700, "One two")
    assert third.text.startswith("One two three four.")
    assert third.audio_ms == round(scene.seconds * 1000)
    assert scene.history[2:] == [("assistant", third.text)]


def test_nothing_of_an_answer_that_nobody_heard_is_kept() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(0.1)
        await scene.responder.send(CancelResponse())
        await scene.wait(1)

    scene = play(scenario)
    assert reasons(scene) == ["cancelled"]
    assert scene.history[1:] == [("user", "Count.")]


def test_a_second_question_replaces_the_answer_where_people_do_not_interrupt() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(1)
        await scene.say("Stop that.")
        await scene.wait(10)

    assert reasons(play(scenario, ScriptedModel([LONG]), interrupts=False)) == ["interrupted", "completed"]


def test_words_of_assent_do_not_interrupt() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(1)
        await scene.begin()
        assert scene.responder.state is State.DOUBTFUL
        await scene.wait(0.3)
        await scene.words("mm-hm")
        await scene.end("Mm-hm.")
        await scene.wait(10)

    scene = play(scenario, ScriptedModel([LONG]), assent=True)
    assert reasons(scene) == ["completed"]
    assert scene.seconds == pytest.approx(4.0)
    assert [role for role, _ in scene.history] == ["system", "user", "assistant"]


def test_other_words_do_and_so_does_a_long_sound() -> None:
    async def words(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(1)
        await scene.begin()
        await scene.wait(0.4)
        await scene.words("No, stop")
        await scene.wait(5)

    async def sound(scene: Scene) -> None:
        await scene.say("Count.")
        await scene.wait(1)
        await scene.begin()
        await scene.wait(5)

    for scenario, time in ((words, 1.4), (sound, 1.8)):
        scene = play(scenario, ScriptedModel([LONG]), assent=True)
        assert reasons(scene) == ["interrupted"]
        assert scene.last(ResponseEnded) == pytest.approx(time)


@pytest.mark.parametrize("how", ["question", "cancel", "done"])
def test_while_in_doubt(how: str) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Hello?")
        await scene.wait(0.9)
        await scene.begin()
        if how == "question":
            await scene.end("And now?")
        elif how == "cancel":
            await scene.responder.send(CancelResponse())
        await scene.wait(0.5)
        assert scene.responder.state is (State.ANSWERING if how == "question" else State.LISTENING)
        await scene.wait(9)

    ended = {"question": ["completed", "completed"], "cancel": ["completed"], "done": ["completed"]}
    assert reasons(play(scenario, assent=True)) == ended[how]


def test_an_answer_waits_for_who_has_gone_on_speaking() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.begin()
        await scene.words("Tell me")
        responder = scene.responder
        await responder.hear(TurnEnded(1, 0, 1, "silence"))
        await scene.begin()
        await responder.hear(TranscriptFinal(1, "Tell me", (), 0, 1))
        await scene.wait(1)
        assert not scene.log
        await scene.words("the time.")
        await scene.end()
        await scene.wait(5)

    scene = play(scenario)
    assert scene.history[1:] == [("user", "Tell me"), ("user", "the time."), ("assistant", "Good day.")]


def test_tools_are_called_and_told_of() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("How many?")
        await scene.wait(5)

    model = ScriptedModel([("Let me see. ", CALL), ("It is 42.",)])
    scene = play(scenario, model, tools=[SlowTool()])
    assert scene.told(ResponseToolCall) == [ResponseToolCall(1, "c1", "look_up", "{}", here=True)]
    assert scene.told(ResponseToolResult) == [ResponseToolResult(1, "c1", "42")]
    assert [(m.role, m.content) for m in model.asked[1][2:]] == [("assistant", ("Let me see.",)), ("tool", ("42",))]
    assert scene.history[2:] == [("assistant", "Let me see."), ("tool", "42"), ("assistant", "It is 42.")]
    assert model.options[0].tools == (SlowTool.tool,)


def test_one_moment_is_said_when_a_tool_is_slow_and_is_no_part_of_the_history() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("How many?")
        await scene.wait(9)

    voice = ScriptedVoice()
    scene = play(scenario, ScriptedModel([(CALL,), ("It is 42.",)]), voice, [SlowTool(3.0)])
    assert voice.said == ["One moment.", "It is 42."]
    assert scene.first(ResponseAudio) == pytest.approx(0.15 + 1.0 + 0.05)
    assert scene.history[2:] == [("assistant", ""), ("tool", "42"), ("assistant", "It is 42.")]
    silent = ScriptedVoice()
    play(
        scenario,
        ScriptedModel([(CALL,), ("It is 42.",)]),
        silent,
        [SlowTool(3.0)],
        answer=AnswerSettings(filler_after=None),
    )
    assert silent.said == ["It is 42."]


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (SlowTool(60.0), "look_up took longer than 5 s"),
        (SlowTool(fails=ToolFailed("no such number")), "no such number"),
        (SlowTool(fails=EngineError("disk full")), "disk full"),
        (SlowTool(fails=RuntimeError("a secret")), "look_up failed"),
    ],
)
def test_tools_that_fail(tool: SlowTool, told: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("How many?")
        await scene.wait(20)

    with caplog.at_level(logging.CRITICAL):
        scene = play(scenario, ScriptedModel([(CALL,), ("I do not know.",)]), tools=[tool])
    (result,) = scene.told(ResponseToolResult)
    assert result.failed
    assert told in result.output
    assert "secret" not in result.output
    assert scene.history[-1] == ("assistant", "I do not know.")


def test_an_interruption_cancels_tools() -> None:
    tool = SlowTool(4.0)

    async def scenario(scene: Scene) -> None:
        await scene.say("How many?")
        await scene.wait(0.5)
        await scene.begin()
        await scene.wait(0)
        assert tool.cancelled
        await scene.wait(9)

    scene = play(scenario, ScriptedModel([(CALL,)]), tools=[tool])
    assert reasons(scene) == ["interrupted"]
    assert [role for role, _ in scene.history] == ["system", "user"]


def test_a_model_that_calls_for_ever_must_answer() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("How many?")
        await scene.wait(20)

    model = ScriptedModel([(CALL,)] * 3 + [("Enough.",)])
    scene = play(scenario, model, tools=[SlowTool()], answer=AnswerSettings(rounds=3))
    assert [bool(options.tools) for options in model.options] == [True, True, True, False]
    assert scene.history[-1] == ("assistant", "Enough.")


def test_the_callers_own_tools_end_the_response() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Lights on.")
        await scene.wait(5)

    lamp = Tool("lamp", "Switches.", {"type": "object"})
    scene = play(scenario, ScriptedModel([(ToolCall("c2", "lamp", "{}"),)]), client_tools=(lamp,))
    assert scene.told(ResponseToolCall) == [ResponseToolCall(1, "c2", "lamp", "{}", here=False)]
    assert reasons(scene) == ["tool_calls"]


@pytest.mark.parametrize("script", [(), ("It is. ",)])
def test_a_model_that_fails_is_apologised_for(script: tuple[str, ...]) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Hello?")
        await scene.wait(20)

    voice = ScriptedVoice()
    down = UpstreamError("the language model at http://x cannot be reached", trouble="unreachable")
    scene = play(scenario, ScriptedModel([(*script, down)]), voice)
    assert voice.said[-1] == "Sorry, I cannot reach my language model right now."
    assert scene.text.endswith(voice.said[-1])
    (end,) = scene.told(ResponseEnded)
    assert (end.reason, end.code, end.message) == ("failed", "upstream_error", str(down))
    assert scene.history[2:] == [("assistant", "It is.")] * len(script)


def test_without_a_voice_the_answer_can_still_be_read() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.say("Hello?")
        await scene.wait(20)

    scene = play(scenario, ScriptedModel([LONG]), ScriptedVoice(fails=EngineError("no voice")))
    assert scene.text == "".join(LONG)
    (end,) = scene.told(ResponseEnded)
    assert (end.reason, end.message) == ("failed", "no voice")
    assert scene.history[-1] == ("assistant", "".join(LONG))


def test_announcements_wait_until_nobody_speaks() -> None:
    async def scenario(scene: Scene) -> None:
        await scene.responder.announce("Your tea is ready.")
        await scene.wait(0.5)
        await scene.responder.announce("And your toast.")
        await scene.wait(10)
        await scene.begin()
        await scene.responder.announce("Rain is coming.")
        await scene.wait(3)
        assert len(scene.told(ResponseStarted)) == 2
        await scene.end("Hello?")
        await scene.wait(10)
        await scene.begin()
        await scene.responder.announce("It is late.")
        await scene.end("")
        await scene.wait(10)

    voice = ScriptedVoice()
    scene = play(scenario, voice=voice)
    assert voice.said == ["Your tea is ready.", "And your toast.", "Good day.", "Rain is coming.", "It is late."]
    assert [event.turn for event in scene.told(ResponseStarted)] == [None, None, 1, None, None]
    assert ("assistant", "Rain is coming.") in scene.history


def test_the_table_reaches_every_state_and_uses_every_action() -> None:
    assert {state for state, _ in TABLE} == set(State)
    assert {action for _, action in TABLE.values()} == set(Action)
    assert {signal for _, signal in TABLE} == set(Signal)
