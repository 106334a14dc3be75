"""How finished words look."""

from __future__ import annotations

import pytest

from voxtral_service.session.completeness import Completeness, completeness, is_punctuated


@pytest.mark.parametrize(
    ("text", "punctuated", "expected"),
    [
        ("", False, Completeness.OPEN),
        ("What time is it?", True, Completeness.FINISHED),
        ("what time is it in tokyo", False, Completeness.OPEN),
        ("what time is it in tokyo", True, Completeness.UNFINISHED),
        ("what time is it in", False, Completeness.UNFINISHED),
        ("remind me to", False, Completeness.UNFINISHED),
        ("I would like, um", False, Completeness.UNFINISHED),
        ("and then...", True, Completeness.UNFINISHED),
        ("bread, milk, eggs", False, Completeness.UNFINISHED),
        ("bread, milk, and eggs", False, Completeness.OPEN),
        ("ich möchte wissen, weil", False, Completeness.UNFINISHED),
        ("je voudrais aller à", False, Completeness.UNFINISHED),
        ("今日は。", True, Completeness.FINISHED),
    ],
)
def test_completeness(text: str, punctuated: bool, expected: Completeness) -> None:
    assert completeness(text, punctuated=punctuated) is expected


def test_a_model_shows_that_it_punctuates() -> None:
    assert is_punctuated("So. And")
    assert not is_punctuated("version 2.5 of it")
