from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.assistant.speakable import speakable


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is **nine** in the *evening*.", "It is nine in the evening."),
        ("## The weather", "The weather"),
        ("- [x] buy `milk`", "buy milk"),
        ("1. Milk", "1. Milk"),
        ("> said ~~he~~ she", "said he she"),
        ("See [our page](https://www.example.org/a?b=c).", "See our page."),
        ("See https://www.example.org/a/b?c=d.", "See example.org."),
        ("(https://example.org/x) is it", "(example.org) is it"),
        ("![a cat](cat.png)", "a cat"),
        ("| City | Time |", "City, Time"),
        ("|---|:--|", ""),
        ("---", ""),
        ("```python", ""),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("2*3 and snake_case", "2*3 and snake_case"),
        ("a line<br>another &amp; more", "a line another & more"),
        ("Hello 👋🏽 there 👨‍👩‍👧!", "Hello there !"),
        ("21 °C, © me", "21 °C, © me"),
        ("**", ""),
        ("an **open bold", "an open bold"),
        ("its end**.", "its end."),
        (r"a \* b", "a * b"),
    ],
)
def test_marks_are_not_said(written: str, said: str) -> None:
    assert speakable(written) == said


@given(st.lists(st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True), min_size=1))
def test_words_are_said_as_they_are(words: list[str]) -> None:
    assert speakable(" ".join(words)) == " ".join(words)


@given(st.text(st.sampled_from(list("*_`#[]()!<>/|\\-ahtps:.\n &;")), max_size=40))
def test_any_marks_give_one_line(text: str) -> None:
    said = speakable(text)
    assert "\n" not in said
    assert said == said.strip()
