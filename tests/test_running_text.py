"""Segments as one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.events import TranscriptSegment
from voxtral_service.running_text import RunningText, joined

TEXT = st.text(st.sampled_from("ab. \n日。"), max_size=8)


def segment(number: int, text: str) -> TranscriptSegment:
    return TranscriptSegment(number, 0.0, 1.0, text)


@given(st.lists(st.lists(TEXT, max_size=4), max_size=4))
def test_deltas_add_up_to_the_segments_joined(recording: list[list[str]]) -> None:
    running = RunningText()
    said = "".join(running.add(number, delta) for number, deltas in enumerate(recording) for delta in deltas)
    assert said == joined(segment(number, "".join(deltas).strip()) for number, deltas in enumerate(recording))


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["Good morning.", "", "Come in!"], "Good morning. Come in!"),
        (["おはよう。", "どうぞ。"], "おはよう。どうぞ。"),
        (["大家好。", "Hello."], "大家好。 Hello."),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        (["안녕하세요.", "네."], "안녕하세요. 네."),
        ([], ""),
    ],
)
def test_scripts_without_spaces_are_joined_without(texts: list[str], whole: str) -> None:
    assert joined(segment(i, text) for i, text in enumerate(texts)) == whole
