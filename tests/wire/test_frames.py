"""JSON frames that hold anything."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.json_values import json_values
from voxtral_service.wire import frames


@given(st.dictionaries(st.text(), json_values()))
def test_what_was_read_can_be_written(value: dict[str, Any]) -> None:
    message = frames.read(json.dumps(value))
    if message is not None:
        assert frames.read(frames.write(message)) == message


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{",
        '{"a":1}{',
        b"\xff\xfe",
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":1e999}',
        '{"a":' + "9" * 5_000 + "}",
        '{"a":' + "[" * 100_000,
        '{"a":' + "[" * frames.DEEPEST + "]" * frames.DEEPEST + "}",
    ],
    ids=lambda frame: repr(frame[:12]),
)
def test_frames_that_are_no_message(frame: str | bytes) -> None:
    assert frames.read(frame) is None


def test_the_deepest_message() -> None:
    inner = frames.DEEPEST - 1
    assert frames.read('{"a":' + "[" * inner + "]" * inner + "}") is not None


@given(st.binary())
def test_audio_there_and_back(data: bytes) -> None:
    assert frames.audio(b64encode(data).decode()) == data


@pytest.mark.parametrize("value", [None, 7, b"AAAA", ["AAAA"], "A", "AAA", "AA=A", "é===", "AA AA", "AAA-", "\ud800"])
def test_what_is_no_audio(value: object) -> None:
    assert frames.audio(value) is None
