from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.assistant.tiny_chat import PLAIN, WINDOW, write_chat_model
from voxtral_service.assistant.llm_local import LocalModel, Reading
from voxtral_service.assistant.local_calls import (
    HERMES,
    LLAMA,
    MISTRAL,
    MISTRAL_LIST,
    NO_CALLS,
    QWEN_XML,
    opening,
    response_template,
)
from voxtral_service.assistant.local_checkpoint import NO_TRANSFORMERS, Checkpoint
from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, Tool, ToolCall
from voxtral_service.errors import CheckpointError, EngineError, InvalidOption, Overloaded

NUMBERS = {"type": "object", "properties": {"n": {"type": "integer"}, "who": {"type": "string"}}}
TOOLS = (Tool("count", "Counts.", NUMBERS), Tool("get_time", "", {"type": "object", "properties": {}}))


def replied(text: str) -> Message[Samples]:
    return Message("assistant", (text,))


def said(text: str) -> Message[Samples]:
    return Message("user", (text,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chat_model(tmp_path_factory.mktemp("chat"))


@pytest.fixture
async def model(folder: Path) -> AsyncIterator[LocalModel]:
    model = LocalModel(folder, device="cpu")
    yield model
    model.close()


async def answer(model: LocalModel, messages: Sequence[Message[Samples]], **options: Any) -> tuple[str, AnswerEnd]:
    text, end = "", None
    async with aclosing(model.answer(messages, AnswerOptions(**options))) as events:
        async for event in events:
            if isinstance(event, AnswerText):
                text += event.text
            elif isinstance(event, AnswerEnd):
                end = event
    assert end is not None
    return text, end


# -- what is written: random weights, so only how it comes can be told


async def test_an_answer_comes_in_pieces_and_is_counted(model: LocalModel) -> None:
    pieces = []
    async with aclosing(model.answer([said("hello")], AnswerOptions(max_tokens=24))) as events:
        async for event in events:
            pieces.append(event)
    *texts, end = pieces
    assert len(texts) > 4
    assert all(isinstance(piece, AnswerText) for piece in texts)
    assert isinstance(end, AnswerEnd)
    assert end.reason in ("length", "stop")
    assert end.prompt_tokens == len("hello") + 3
    assert 0 < end.completion_tokens <= 24


async def test_it_is_what_stock_transformers_writes(model: LocalModel, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "who"}], return_tensors="pt")["input_ids"]
    written = network.generate(ids, max_new_tokens=30, do_sample=False)[0, ids.shape[1] :]
    expected = tokenizer.decode(written, skip_special_tokens=False).removesuffix("</s>")
    text, _ = await answer(model, [said("who")], max_tokens=30)
    assert text == expected.lstrip()


async def test_what_was_read_before_changes_nothing(folder: Path) -> None:
    model, fresh = LocalModel(folder), LocalModel(folder)
    history: list[Message[Samples]] = []
    for question in ("one two three", "and four", "and five", "a longer one"):
        history.append(said(question))
        text, _ = await answer(model, history, max_tokens=8)
        again, _ = await answer(fresh, history, max_tokens=8)
        assert text == again
        fresh = LocalModel(folder)
        history.append(replied(text))
    assert len(model._loaded._prefixes._kept) == 1  # type: ignore[union-attr]
    model.close()


async def test_seeds(model: LocalModel) -> None:
    drawn = [(await answer(model, [said("hi")], max_tokens=20, temperature=2.0, seed=seed))[0] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    greedy = [(await answer(model, [said("hi")], max_tokens=20, temperature=0.0, seed=seed))[0] for seed in (1, 2)]
    assert greedy[0] == greedy[1]
    narrow = await answer(model, [said("hi")], max_tokens=20, temperature=2.0, top_p=1e-6, seed=3)
    assert narrow[0] == greedy[0]


async def test_stop_strings(model: LocalModel) -> None:
    whole, _ = await answer(model, [said("hello")], max_tokens=30)
    stop = whole[4:6]
    text, end = await answer(model, [said("hello")], max_tokens=30, stop=(stop,))
    assert text == whole[: whole.index(stop)]
    assert end.reason == "stop"
    assert end.completion_tokens < 30


async def test_leaving_ends_the_writing(model: LocalModel) -> None:
    await model.load()
    checkpoint = model._loaded
    assert checkpoint is not None
    counts: list[int] = []
    write = checkpoint.write

    def counted(*arguments: Any) -> int:
        counts.append(write(*arguments))
        return counts[-1]

    checkpoint.write = counted  # type: ignore[method-assign, assignment]
    async with aclosing(
        model.answer([said("hello")], AnswerOptions(max_tokens=200, temperature=1.0, seed=5))
    ) as events:
        await anext(events)
    model._threads.shutdown(wait=True)
    assert counts
    assert counts[0] < 200


# -- many at once


async def test_answers_wait_for_each_other_up_to_a_bound(folder: Path) -> None:
    model = LocalModel(folder, writing=2, waiting=3)
    await model.load()
    assert model._loaded is not None
    go, write = threading.Event(), model._loaded.write

    def held(*arguments: Any) -> int:
        assert go.wait(60)
        return write(*arguments)

    model._loaded.write = held  # type: ignore[method-assign, assignment]
    asked = [asyncio.create_task(answer(model, [said(f"number {i}")], max_tokens=5)) for i in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await answer(model, [said("one more")], max_tokens=5)
    go.set()
    alone = LocalModel(folder)
    for i, task in enumerate(asked):
        assert (await task)[0] == (await answer(alone, [said(f"number {i}")], max_tokens=5))[0]
    assert (await answer(model, [said("room again")], max_tokens=5))[1].completion_tokens
    model.close()
    with pytest.raises(EngineError, match="closed"):
        await answer(model, [said("too late")])


# -- conversations


async def test_the_oldest_turns_go_when_there_is_no_room(model: LocalModel) -> None:
    head: list[Message[Samples]] = [Message("system", ("be kind",))]
    turns = [m for i in range(20) for m in (said(f"question {i:02}"), replied("yes"))]
    _, short = await answer(model, [*head, *turns[-2:], said("last")], max_tokens=10)
    _, long = await answer(model, [*head, *turns, said("last")], max_tokens=10)
    # A turn is <user>question 00</s><assistant>yes</s>.
    turn = len("question 00") + len("yes") + 4
    assert (long.prompt_tokens - short.prompt_tokens) % turn == 0
    assert WINDOW - 10 - turn < long.prompt_tokens <= WINDOW - 10


async def test_a_question_without_room(model: LocalModel) -> None:
    with pytest.raises(InvalidOption, match="has room for 256"):
        await answer(model, [said("x" * 300)])


async def test_results_of_tools_stay_with_their_turn(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    turn: list[Message[Samples]] = [
        said("time"),
        Message("assistant", (), (ToolCall("call_1", "get_time", "{}"),)),
        Message("tool", ("12:00",), call_id="call_1"),
    ]
    text = checkpoint._written([m for t in _turned(turn) for m in t], TOOLS)
    assert text == (
        '<user>time</s><assistant><tool_call>{"name": "get_time", "arguments": {}}</tool_call></s>'
        "<tool>12:00</s><assistant>"
    )


def _turned(messages: Sequence[Message[Samples]]) -> list[list[dict[str, Any]]]:
    from voxtral_service.assistant.local_checkpoint import _turns

    return _turns(messages)


async def test_templates_without_system_messages(tmp_path: Path) -> None:
    strict = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + PLAIN
    checkpoint = Checkpoint(write_chat_model(tmp_path, template=strict))
    messages: list[dict[str, Any]] = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    assert checkpoint._written(messages, ()) == "<user>be kind\n\nhi</s><assistant>"


async def test_a_conversation_that_the_template_does_not_take(tmp_path: Path) -> None:
    model = LocalModel(write_chat_model(tmp_path, template="{{ raise_exception('only haiku') }}"))
    with pytest.raises(InvalidOption, match="only haiku"):
        await answer(model, [said("hi")])


async def test_sound_is_not_read(model: LocalModel) -> None:
    with pytest.raises(InvalidOption, match="not sound"):
        await answer(model, [Message("user", (np.zeros(160, np.float32),))])


# -- checkpoints that do not do


async def test_without_a_chat_template(tmp_path: Path) -> None:
    model = LocalModel(write_chat_model(tmp_path, template=None))
    with pytest.raises(InvalidOption, match="no chat template"):
        await model.load()


async def test_without_transformers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InvalidOption, match="voxtral-service\\[assistant\\]"):
        await LocalModel(folder).load()
    assert "[assistant]" in NO_TRANSFORMERS


async def test_damaged_weights(tmp_path: Path) -> None:
    folder = write_chat_model(tmp_path)
    (folder / "config.json").write_text('{"model_type": "no such thing"}')
    with pytest.raises(CheckpointError):
        await LocalModel(folder).load()


async def test_must_call(folder: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder)
    prompt = checkpoint.prompt([said("hi")], AnswerOptions(tools=TOOLS, must_call=True))
    assert prompt.begun == "<tool_call>"
    deaf = Checkpoint(write_chat_model(tmp_path, template="{{ messages[0].content }}"))
    with pytest.raises(InvalidOption, match="cannot be made to call"):
        deaf.prompt([said("hi")], AnswerOptions(tools=TOOLS, must_call=True))


# -- how calls are written

ONE = [("count", {"n": 3, "who": "me"})]
TWO = [*ONE, ("get_time", {})]
FAMILIES: list[tuple[dict[str, Any], str, list[tuple[str, dict[str, Any]]]]] = [
    (MISTRAL, '[TOOL_CALLS]count[ARGS]{"n": 3, "who": "me"}[TOOL_CALLS]get_time[ARGS]{}', TWO),
    (MISTRAL, '[TOOL_CALLS]count[CALL_ID]a1b2c3d4e[ARGS]{"n": 3, "who": "me"}', ONE),
    (
        MISTRAL_LIST,
        '[TOOL_CALLS] [{"name": "count", "arguments": {"n": 3, "who": "me"}}, {"name": "get_time", "arguments": {}}]',
        TWO,
    ),
    (
        HERMES,
        '<tool_call>\n{"name": "count", "arguments": {"n": 3, "who": "me"}}\n</tool_call>\n'
        '<tool_call>{"name": "get_time", "arguments": {}}</tool_call>',
        TWO,
    ),
    (
        QWEN_XML,
        "<tool_call>\n<function=count>\n<parameter=n>\n3\n</parameter>\n<parameter=who>\nme\n</parameter>\n"
        "</function>\n</tool_call>",
        ONE,
    ),
    (LLAMA, '{"name": "count", "parameters": {"n": 3, "who": "me"}}', ONE),
    (
        LLAMA,
        '<|python_tag|>{"name": "count", "parameters": {"n": "3", "who": "me"}}; '
        '{"name": "get_time", "parameters": {}}',
        TWO,
    ),
]


def read(template: dict[str, Any], pieces: Sequence[str], **options: Any) -> list[AnswerEvent]:
    events: list[AnswerEvent] = []
    reading = Reading(template, "", AnswerOptions(tools=TOOLS, **options), events.append, threading.Event())
    for piece in pieces:
        reading.feed(piece)
    reading.finish(1, 1, full=False)
    return events


def cut(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize("lead", ["", "Let me see. "])
@pytest.mark.parametrize(("template", "text", "calls"), FAMILIES)
def test_calls(template: dict[str, Any], text: str, calls: list[Any], lead: str, size: int) -> None:
    events = read(template, cut(lead + text, size))
    got = [(event.name, json.loads(event.arguments)) for event in events if isinstance(event, ToolCall)]
    assert got == calls
    assert "".join(event.text for event in events if isinstance(event, AnswerText)).strip() == lead.strip()
    assert isinstance(events[-1], AnswerEnd)
    assert events[-1].reason == "tool_calls"


@pytest.mark.parametrize("template", [MISTRAL, MISTRAL_LIST, HERMES, QWEN_XML, LLAMA, NO_CALLS])
@given(text=st.text(alphabet='ab {}[]<>"\n', max_size=30), size=st.integers(1, 5))
def test_text_is_passed_on_whole(template: dict[str, Any], text: str, size: int) -> None:
    events = read(template, cut(text, size))
    assert "".join(event.text for event in events if isinstance(event, AnswerText)) == text.lstrip()


def test_thoughts_are_kept_to_itself() -> None:
    events = read(HERMES, cut("<think>\nHm, a question.\n</think>\n\nYes.", 4))
    assert "".join(event.text for event in events if isinstance(event, AnswerText)) == "Yes."


@pytest.mark.parametrize(
    "text", ["<tool_call>{broken</tool_call>", '<tool_call>{"n": 3}</tool_call>', "<tool_call>[1]</tool_call>"]
)
def test_calls_that_cannot_be_read(text: str) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        read(HERMES, [text])


def test_families() -> None:
    own = {"fields": {"tool_calls": {"open_pattern": r"<call>(?P<name>\w+)"}}}
    assert response_template(own, "") is own
    assert response_template(None, "... [TOOL_CALLS] ... [ARGS]") is MISTRAL
    assert response_template(None, "... [TOOL_CALLS] [") is MISTRAL_LIST
    assert response_template(None, "<tool_call> <function=") is QWEN_XML
    assert response_template(None, "<tool_call>") is HERMES
    assert response_template(None, 'ipython "parameters"') is LLAMA
    assert response_template(None, "hello") is NO_CALLS
    assert [opening(t) for t in (own, MISTRAL, MISTRAL_LIST, HERMES, QWEN_XML, NO_CALLS)] == [
        "<call>", "[TOOL_CALLS]", "[TOOL_CALLS]", "<tool_call>", "<tool_call>", "",
    ]  # fmt: skip


def test_memory_is_kept_within_bounds(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    for i in range(7):
        prompt = checkpoint.prompt([said(f"{i} is another question than all the others")], AnswerOptions(max_tokens=3))
        checkpoint.write(prompt, AnswerOptions(), lambda _: None, threading.Event())
    assert len(checkpoint._prefixes._kept) <= 4
    assert torch.is_inference_mode_enabled() is False
