"""What an answer is given to know before the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.assistant.kit import Scene, ScriptedModel, play
from voxtral_service.assistant.context import question_of, told_before
from voxtral_service.audio import Samples
from voxtral_service.chat import Message
from voxtral_service.errors import StorageError
from voxtral_service.events import ResponseEnded


@dataclass
class Echo:
    """Knows the question, after a while, or fails."""

    fails: bool = False
    asked: list[str] = field(default_factory=list)

    async def prepare(self, messages: Sequence[Message[Samples]]) -> tuple[Message[Samples], ...]:
        self.asked.append(question_of(messages))
        await asyncio.sleep(0.01)
        if self.fails:
            raise StorageError("the database cannot be used")
        return told_before(messages, f"They ask: {self.asked[-1]}")


async def scenario(scene: Scene) -> None:
    await scene.say("Who am I?")
    await scene.wait(10)
    await scene.responder.announce("Tea is ready.")
    await scene.wait(10)


def test_an_answer_knows_what_belongs_to_its_question() -> None:
    model, context = ScriptedModel([("You are you.",)]), Echo()
    scene = play(scenario, model, context=context)
    assert model.asked == [
        (Message("system", ("Be brief.\n\nThey ask: Who am I?",)), Message("user", ("Who am I?",))),
    ]
    assert context.asked == ["Who am I?"]  # an announcement needs no context
    assert scene.text == "You are you.Tea is ready."
    assert scene.history[0] == ("system", "Be brief.")


def test_a_context_that_fails_is_apologised_for() -> None:
    model = ScriptedModel()
    scene = play(scenario, model, context=Echo(fails=True))
    assert model.asked == []
    first = scene.told(ResponseEnded)[0]
    assert (first.reason, first.code) == ("failed", "storage_error")
    assert scene.text.startswith("Sorry, something went wrong")


def test_what_is_told_before() -> None:
    user: Message[Samples] = Message("user", ("Hello?",))
    assert told_before((user,), "") == (user,)
    assert told_before((user,), "Be kind.") == (Message("system", ("Be kind.",)), user)
    assert question_of(()) == ""
    assert question_of((user, Message("assistant", ("Yes?",)))) == "Hello?"
