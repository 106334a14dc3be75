"""Prompts for whole recordings are those that transformers' processor makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import AutoProcessor

from tests import tiny
from voxtral_service.audio.write import write_wav
from voxtral_service.chat import Message, Tool, ToolCall
from voxtral_service.errors import CheckpointError, InvalidOption
from voxtral_service.voxtral.instruct import InstructTokenizer, Prompt, parse_calls

WEATHER = Tool("weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}})


@pytest.fixture(scope="module")
def tokenizer(offline_folder: Path) -> InstructTokenizer:
    return InstructTokenizer.from_folder(offline_folder)


@pytest.fixture(scope="module")
def processor(offline_folder: Path) -> Any:
    return AutoProcessor.from_pretrained(offline_folder)


def text_of(tokenizer: InstructTokenizer, prompt: Prompt) -> str:
    """The prompt with its control tokens, each run of [AUDIO] written as a number."""
    names = tiny.NAMES | {34: "[TRANSCRIBE]"}
    parts = [names[token].encode() if token < 64 else tokenizer.token_bytes(token) for token in prompt.tokens]
    return b"".join(parts).decode().replace("[AUDIO]" * 375, "~")


@pytest.mark.parametrize(("seconds", "language", "chunks"), [(1, "en", 1), (30, None, 1), (30.01, "fr", 2)])
def test_a_transcription_is_asked_for_as_transformers_asks(
    tokenizer: InstructTokenizer, processor: Any, seconds: float, language: str | None, chunks: int
) -> None:
    samples = tiny.sound(seconds)
    theirs = processor.apply_transcription_request(
        audio=[samples], language=language, model_id="x", sampling_rate=16000, format=["WAV"]
    )
    prompt = tokenizer.transcription(samples, language)
    assert list(prompt.tokens) == theirs.input_ids[0].tolist()
    tag = f"lang:{language}" if language else ""
    assert text_of(tokenizer, prompt) == f"<s>[INST][BEGIN_AUDIO]{'~' * chunks}[/INST]{tag}[TRANSCRIBE]"
    assert prompt.audio_tokens == 375 * chunks
    assert prompt.audio_seconds == pytest.approx(seconds, abs=1e-3)
    assert [len(clip) for clip in prompt.clips] == [480_000 * chunks]


def test_samples_reach_the_model_as_they_are(tokenizer: InstructTokenizer) -> None:
    """The library's own way leads through 16-bit files, clipped at full scale."""
    samples = (tiny.sound(1) * 3).astype(np.float32)
    (clip,) = tokenizer.transcription(samples, None).clips
    assert np.array_equal(clip[: len(samples)], samples)
    assert not clip[len(samples) :].any()


def conversation(samples: NDArray[np.float32], more: NDArray[np.float32]) -> list[Message[NDArray[np.float32]]]:
    return [
        Message("user", (samples, "Who speaks?")),
        Message("assistant", ("A bird.",)),
        Message("user", ("And here?", more, samples)),
    ]


def test_a_conversation_is_written_as_transformers_writes_it(
    tokenizer: InstructTokenizer, processor: Any, tmp_path: Path
) -> None:
    short, long = tiny.sound(1, 1), tiny.sound(31, 2)
    for name, samples in (("short", short), ("long", long)):
        write_wav(tmp_path / f"{name}.wav", samples)
    sound = {name: {"type": "audio", "path": str(tmp_path / f"{name}.wav")} for name in ("short", "long")}
    theirs = processor.apply_chat_template(
        [
            {"role": "user", "content": [sound["short"], {"type": "text", "text": "Who speaks?"}]},
            {"role": "assistant", "content": "A bird."},
            {"role": "user", "content": [{"type": "text", "text": "And here?"}, sound["long"], sound["short"]]},
        ]
    )
    prompt = tokenizer.conversation(conversation(short, long))
    assert list(prompt.tokens) == theirs.input_ids[0].tolist()
    assert text_of(tokenizer, prompt) == (
        "<s>[INST][BEGIN_AUDIO]~Who speaks?[/INST]A bird.</s>[INST]And here?[BEGIN_AUDIO]~~[BEGIN_AUDIO]~[/INST]"
    )
    assert (prompt.audio_tokens, prompt.audio_seconds) == (375 * 4, 33.0)


def test_a_system_message_goes_in_front_of_the_first_question_when_there_is_sound(tokenizer: InstructTokenizer) -> None:
    system: Message[NDArray[np.float32]] = Message("system", ("Be brief.",))
    heard = tokenizer.conversation([system, Message("user", (tiny.sound(1), "Who?"))])
    assert text_of(tokenizer, heard) == "<s>[INST]Be brief.\n\n[BEGIN_AUDIO]~Who?[/INST]"
    read = tokenizer.conversation([system, Message("user", ("Who?",))])
    assert text_of(tokenizer, read) == "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Who?[/INST]"


def test_tools_are_offered_called_and_answered(tokenizer: InstructTokenizer) -> None:
    call = ToolCall("call_of_some_client", "weather", '{"city": "Bern"}')
    prompt = tokenizer.conversation(
        [
            Message("user", (tiny.sound(1),)),
            Message("assistant", calls=(call,)),
            Message("tool", ("rain",), call_id=call.id),
            Message("user", ("And now?",)),
        ],
        [WEATHER],
        must_call=True,
    )
    text = text_of(tokenizer, prompt)
    (tool,) = json.loads(text.partition("[AVAILABLE_TOOLS]")[2].partition("[/AVAILABLE_TOOLS]")[0])
    (asked,) = json.loads(text.partition("[TOOL_CALLS]")[2].partition("</s>")[0])
    assert tool["function"]["name"] == "weather"
    assert (asked["name"], asked["arguments"]) == ("weather", {"city": "Bern"})
    assert f"[TOOL_RESULTS]{asked['id']}[TOOL_CONTENT]rain[/TOOL_RESULTS]" in text
    assert text.endswith("[/INST][TOOL_CALLS]")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message("assistant", ("Hello.",))],
        [Message("user", ("Hello.",)), Message("assistant", ("Hello.",))],
        [Message("user", ("Hello.",)), Message("tool", ("rain",), call_id="none")],
    ],
)
def test_what_is_no_conversation_is_refused(tokenizer: InstructTokenizer, messages: list[Message[Any]]) -> None:
    with pytest.raises(InvalidOption, match="template") as caught:
        tokenizer.conversation(messages)
    assert caught.value.field == "messages"


def test_a_tool_without_a_schema_is_refused(tokenizer: InstructTokenizer) -> None:
    with pytest.raises(InvalidOption) as caught:
        tokenizer.conversation([Message("user", ("Hello.",))], [Tool("f", "", {"type": 3})])
    assert caught.value.field == "tools"


def test_a_language_that_is_none_is_refused(tokenizer: InstructTokenizer) -> None:
    with pytest.raises(InvalidOption) as caught:
        tokenizer.transcription(tiny.sound(1), "klingon")
    assert caught.value.field == "language"


def test_calls_are_read_as_the_model_writes_them() -> None:
    calls = parse_calls('[{"name": "f", "arguments": {"x": "ü"}}, {"name": "g", "id": "abcDEF123"}]')
    assert calls is not None
    assert [(call.name, call.arguments) for call in calls] == [("f", '{"x": "ü"}'), ("g", "{}")]
    assert calls[1].id == "abcDEF123"
    assert len(calls[0].id) == 9


@given(
    st.text()
    | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_what_is_no_list_of_calls_is_none(text: str) -> None:
    assert parse_calls(text) is None


def test_the_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    tiny.write_tekken(tmp_path / "tekken.json", 128)
    with pytest.raises(CheckpointError, match="tokenizer"):
        InstructTokenizer.from_folder(tmp_path)
    (tmp_path / "tekken.json").write_text("{}")
    with pytest.raises(CheckpointError, match="2507"):
        InstructTokenizer.from_folder(tmp_path)
    (tmp_path / "tekken.json").unlink()
    with pytest.raises(CheckpointError, match="has no"):
        InstructTokenizer.from_folder(tmp_path)
