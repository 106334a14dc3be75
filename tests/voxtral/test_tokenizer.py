from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from tests import tiny
from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.tokenizer import TextDecoder, Tokenizer


@pytest.fixture(scope="session")
def path(folders: dict[str, Path]) -> Path:
    return folders["small"] / "tekken.json"


@pytest.fixture(scope="session")
def tokenizer(path: Path) -> Tokenizer:
    return Tokenizer(path)


def test_control_tokens(tokenizer: Tokenizer) -> None:
    assert (tokenizer.bos, tokenizer.eos, tokenizer.pad, tokenizer.word) == (1, 2, 32, 33)
    assert len(tokenizer) == tiny.SPECIAL_TOKENS + tiny.TEXT_TOKENS


@pytest.mark.parametrize(("delay_ms", "length"), [(80, 34), (480, 39), (2400, 63)])
def test_the_prompt_is_that_of_mistral_common(path: Path, tokenizer: Tokenizer, delay_ms: int, length: int) -> None:
    instruct = MistralTokenizer.from_file(path).instruct_tokenizer
    expected = instruct.start() + instruct.audio_encoder.encode_streaming_tokens(delay_ms)
    assert tokenizer.prompt(delay_ms // 80) == expected
    assert len(expected) == length


@given(text=st.text())
def test_text_comes_back_from_its_ids(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert all(tokenizer.is_text(token) for token in ids)
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()
    decoder = TextDecoder(tokenizer)
    assert "".join(map(decoder.feed, ids)) == text
    assert decoder.finish() == ""


def byte_ids(text: str) -> list[int]:
    """A token for each byte: the first 256 of the vocabulary."""
    return [tiny.SPECIAL_TOKENS + byte for byte in text.encode()]


@given(text=st.text(), controls=st.lists(st.sampled_from([0, 2, 32, 33, 10_000])))
def test_characters_split_over_tokens(tokenizer: Tokenizer, text: str, controls: list[int]) -> None:
    decoder = TextDecoder(tokenizer)
    said = ""
    for character in text:
        *first, last = byte_ids(character)
        for token in first:
            assert decoder.feed(token) == ""
            assert "".join(map(decoder.feed, controls)) == ""
        said += decoder.feed(last)
    assert said == text
    assert decoder.finish() == ""


def test_a_character_that_is_left_incomplete(tokenizer: Tokenizer) -> None:
    decoder = TextDecoder(tokenizer)
    first, second, _, _ = byte_ids("🦜")
    assert decoder.feed(first) + decoder.feed(second) == ""
    assert decoder.feed(byte_ids("a")[0]) == "�a"
    assert decoder.feed(first) == ""
    assert decoder.finish() == "�"
    assert decoder.finish() == ""


@given(ids=st.lists(st.integers(0, 600)))
def test_any_ids_are_some_text(tokenizer: Tokenizer, ids: list[int]) -> None:
    decoder = TextDecoder(tokenizer)
    said = "".join(map(decoder.feed, ids)) + decoder.finish()
    assert said == b"".join(map(tokenizer.token_bytes, ids)).decode("utf-8", "replace")


def test_only_text_has_bytes(tokenizer: Tokenizer) -> None:
    for token in (*range(tiny.SPECIAL_TOKENS), len(tokenizer), len(tokenizer) + 500, -1):
        assert not tokenizer.is_text(token)
        assert tokenizer.token_bytes(token) == b""
    for token in range(tiny.SPECIAL_TOKENS, len(tokenizer)):
        assert tokenizer.is_text(token)
        assert tokenizer.token_bytes(token) != b""


def complaint(path: Path) -> str:
    with pytest.raises(CheckpointError) as raised:
        Tokenizer(path)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < len(str(path)) + 300
    return message.replace(str(path), "FILE").replace(str(path.parent), "FOLDER")


def drop(*way: str) -> Callable[[dict[str, Any]], None]:
    def damage(data: dict[str, Any]) -> None:
        for section in way[:-1]:
            data = data[section]
        del data[way[-1]]

    return damage


def put(value: object, *way: str | int) -> Callable[[dict[str, Any]], None]:
    def damage(data: Any) -> None:
        for section in way[:-1]:
            data = data[section]
        data[way[-1]] = value

    return damage


STREAMING_PAD, STREAMING_WORD = 32, 33
NO_TOKENIZER = "FILE is no tokenizer of a Voxtral Realtime model: "


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop("config"), NO_TOKENIZER + "KeyError: 'config'"),
        (drop("vocab"), NO_TOKENIZER + "KeyError: 'vocab'"),
        (put("v0", "config", "version"), NO_TOKENIZER + "ValueError: Unknown version: v0"),
        (put("(", "config", "pattern"), NO_TOKENIZER + "ValueError: "),
        (put(600, "config", "default_vocab_size"), NO_TOKENIZER + "AssertionError: (600, 448, 64)"),
        (put(["a"], "vocab"), NO_TOKENIZER),
        (put("A", "vocab", 300, "token_bytes"), NO_TOKENIZER),
        (put(7, "vocab", 300, "rank"), NO_TOKENIZER + "AssertionError: "),
        (put([], "special_tokens", 3), NO_TOKENIZER + "TypeError: "),
        (put("x", "special_tokens", STREAMING_PAD, "token_str"), NO_TOKENIZER + "ValueError: "),
        (put("x", "special_tokens", STREAMING_WORD, "token_str"), NO_TOKENIZER + "ValueError: "),
        (put(481, "audio", "transcription_delay_ms"), NO_TOKENIZER + "AssertionError: "),
        (drop("audio", "audio_encoding_config"), NO_TOKENIZER + "KeyError: 'audio_encoding_config'"),
        (drop("audio"), "FILE is the tokenizer of a model that does not stream"),
        (
            put(
                {
                    "sampling_rate": 16000,
                    "frame_rate": 12.5,
                    "audio_encoding_config": {"num_mel_bins": 128, "hop_length": 160, "window_size": 400},
                    "chunk_length_s": 30.0,
                },
                "audio",
            ),
            "FILE is the tokenizer of a model that does not stream",
        ),
        (
            put(16, "audio", "streaming_n_left_pad_tokens"),
            "FILE: streaming_n_left_pad_tokens is 16; this architecture has 32",
        ),
    ],
)
def test_a_damaged_vocabulary_is_a_clear_error(
    path: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], None], message: str
) -> None:
    data = json.loads(path.read_text())
    damage(data)
    copy = tmp_path / "tekken.json"
    copy.write_text(json.dumps(data))
    assert complaint(copy).startswith(message)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"3", b"\xff\x00", b"[" * 100_000], ids=range(6))
def test_a_file_that_is_no_vocabulary(tmp_path: Path, text: bytes) -> None:
    copy = tmp_path / "tekken.json"
    copy.write_bytes(text)
    assert complaint(copy).startswith(NO_TOKENIZER)


def test_a_missing_vocabulary(tmp_path: Path) -> None:
    assert complaint(tmp_path / "tekken.json") == "FOLDER has no tekken.json"
    with pytest.raises(CheckpointError, match=r"has no tekken\.json"):
        Tokenizer.from_folder(tmp_path)
