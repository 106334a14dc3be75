from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.assistant.durations import parse_duration
from voxtral_service.assistant.number_words import read_number


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("seventeen", 17, 1),
        ("twenty three times two", 23, 2),
        ("two hundred and five", 205, 4),
        ("three million two hundred thousand and one", 3_200_001, 7),
        ("one fifty", 150, 2),
        ("nineteen eighty four", 1984, 3),
        ("a thousand and one", 1001, 4),
        ("one hundred and", 100, 2),
        ("two dozen eggs", 24, 2),
        ("three point one four", Fraction(314, 100), 4),
        ("zero point two five", Fraction(1, 4), 4),
        ("point five", Fraction(1, 2), 2),
        ("half of it", Fraction(1, 2), 1),
        ("a quarter", Fraction(1, 4), 2),
        ("two thirds", Fraction(2, 3), 2),
        ("three and a half", Fraction(7, 2), 4),
        ("one and two thirds", Fraction(5, 3), 4),
        ("2.5 million", 2_500_000, 2),
        ("one point five million", 1_500_000, 4),
    ],
)
def test_numbers(text: str, number: float | Fraction, words: int) -> None:
    assert read_number(text.split()) == (Fraction(number), words)


@pytest.mark.parametrize("text", ["", "and", "point", "point of view", "a man", "percent"])
def test_no_numbers(text: str) -> None:
    assert read_number(text.split()) is None


SMALL, TENS, ANY = (
    words.split()
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen",
        "twenty thirty forty fifty sixty seventy eighty ninety",
        "a and point five hundred twenty half quarters dozen million 3 of two oh",
    )
)


def english(number: int) -> str:
    """The words of a number below a million, as British people say them."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f" {SMALL[number % 10]}" if number % 10 else "")
    size, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    rest = number % size
    joined = f"{' and' if rest < 100 else ''} {english(rest)}" if rest else ""
    return f"{english(number // size)} {name}{joined}"


@given(st.integers(0, 999_999))
def test_all_words_of_a_number_are_read(number: int) -> None:
    words = english(number).split()
    assert read_number([*words, "times"]) == (Fraction(number), len(words))


@given(st.lists(st.sampled_from(ANY)))
def test_any_words_are_read(words: list[str]) -> None:
    read = read_number(words)
    assert read is None or 0 < read[1] <= len(words)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5 minutes", 300),
        ("five minute", 300),
        ("an hour and a half", 5400),
        ("one and a half hours", 5400),
        ("half an hour", 1800),
        ("a quarter of an hour", 900),
        ("three quarters of an hour", 2700),
        ("1 hour 5 minutes and 5 seconds", 3905),
        ("ninety", 90),
        ("1:30", 90),
        ("1:00:00", 3600),
        ("a day", 86400),
        ("five minutes six", 306),
        ("an hour thirty", 5400),
        ("thirty seconds five", None),
        ("soon", None),
        ("", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert parse_duration(text) == seconds
