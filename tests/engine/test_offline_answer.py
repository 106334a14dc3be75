"""What of the model's tokens becomes text, calls and an end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, ToolCall
from voxtral_service.engine.offline_answer import Answer, StopStrings
from voxtral_service.errors import VoxtralError
from voxtral_service.voxtral.instruct import InstructTokenizer

EOS, CALLS = 2, 9


@pytest.fixture(scope="module")
def tokenizer(offline_folder: Path) -> InstructTokenizer:
    return InstructTokenizer.from_folder(offline_folder)


async def events(
    tokenizer: InstructTokenizer, tokens: list[int], options: AnswerOptions | None = None, most: int = 1000
) -> tuple[int, list[AnswerEvent | VoxtralError]]:
    """How many tokens were taken, and what came of them."""
    prompt = tokenizer.conversation([Message("user", ("Hello?",))])
    answer = Answer(prompt, options or AnswerOptions(), most, tokenizer)
    taken = 0
    for token in tokens:
        taken += 1
        if not answer.take(token, 0.0):
            break
    await asyncio.sleep(0)
    return taken, [answer.events.get_nowait() for _ in range(answer.events.qsize())]


def ids(tokenizer: InstructTokenizer, text: str) -> list[int]:
    encoded: list[int] = tokenizer._tekken.encode(text, bos=False, eos=False)
    return encoded


def text_of(said: list[AnswerEvent | VoxtralError]) -> str:
    return "".join(event.text for event in said if isinstance(event, AnswerText))


def end_of(said: list[AnswerEvent | VoxtralError]) -> AnswerEnd:
    (end,) = [event for event in said if isinstance(event, AnswerEnd)]
    assert said[-1] is end
    return end


async def test_text_up_to_the_end(tokenizer: InstructTokenizer) -> None:
    written = ids(tokenizer, "Grüße aus Köln")
    taken, said = await events(tokenizer, [*written, EOS, *written])
    assert text_of(said) == "Grüße aus Köln"
    assert taken == len(written) + 1
    assert end_of(said) == AnswerEnd("stop", len(ids(tokenizer, "Hello?")) + 3, 0, len(written) + 1, 0.0)


async def test_text_up_to_the_most(tokenizer: InstructTokenizer) -> None:
    taken, said = await events(tokenizer, ids(tokenizer, "one two three"), most=3)
    assert taken == 3
    assert end_of(said).reason == "length"


async def test_text_up_to_a_stop_string(tokenizer: InstructTokenizer) -> None:
    written = [*ids(tokenizer, "one two three"), EOS]
    taken, said = await events(tokenizer, written, AnswerOptions(stop=("wo t", "xyz")))
    assert text_of(said) == "one t"
    assert taken < len(written)
    assert end_of(said).reason == "stop"


async def test_calls(tokenizer: InstructTokenizer) -> None:
    written = ids(tokenizer, '[{"name": "f", "arguments": {"x": 1}}]')
    for tokens, options in (
        ([CALLS, *written, EOS], AnswerOptions()),
        ([*written, EOS], AnswerOptions(must_call=True)),
    ):
        _, said = await events(tokenizer, tokens, options)
        (call,) = [event for event in said if isinstance(event, ToolCall)]
        assert (call.name, call.arguments) == ("f", '{"x": 1}')
        assert text_of(said) == ""
        assert end_of(said).reason == "tool_calls"


async def test_calls_that_cannot_be_read_are_shown(tokenizer: InstructTokenizer) -> None:
    _, said = await events(tokenizer, [CALLS, *ids(tokenizer, '[{"name": '), EOS])
    assert text_of(said) == '[{"name": '
    assert end_of(said).reason == "stop"


@settings(max_examples=60)
@given(st.lists(st.text("ab", max_size=4)), st.lists(st.text("ab", min_size=1, max_size=3), max_size=3))
def test_stop_strings_cut_where_they_first_are(pieces: list[str], stops: list[str]) -> None:
    strings, shown = StopStrings(tuple(stops)), ""
    for piece in pieces:
        shown += strings.feed(piece)
        if strings.met:
            break
    else:
        shown += strings.finish("")
    whole = "".join(pieces)
    ends = [whole.find(stop) for stop in stops if stop in whole]
    if not ends:
        assert shown == whole
    # One that begins earlier may be complete only after a shorter one has ended the text.
    assert whole.startswith(shown)
    assert strings.met == bool(ends)
    assert not any(stop in shown for stop in stops)
