"""What recognisers make of numbers, and what they must have been."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.assistant.arithmetic import NotASum, evaluate
from voxtral_service.assistant.durations import parse_duration
from voxtral_service.assistant.misheard import meant
from voxtral_service.assistant.number_words import NUMBER_WORDS
from voxtral_service.assistant.tools_units import UNITS

KNOWN = ("plus", "times", "x", "a", "and")


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("four teen", "fourteen"),
        ("twenty one thou sand", "twenty one thousand"),
        ("fortytwo", "forty two"),
        ("seveeneen times fourty", "seventeen times forty"),
        ("too plus for", "two plus four"),
        ("five pluss six", "five plus six"),
        ("3 seventeenn", "3 seventeen"),
        ("five x seventeenn", "five x seventeen"),
    ],
)
def test_words_of_numbers_are_made_right(heard: str, said: str) -> None:
    assert meant(heard.split(), KNOWN) == said.split()


@pytest.mark.parametrize("heard", ["a ninth", "sixteenths", "banana", "x", "2.5 plus 3", "ton", "( five )"])
def test_what_is_like_no_number_stays_as_it_is(heard: str) -> None:
    assert meant(heard.split(), KNOWN) == heard.split()


@given(st.lists(st.sampled_from([*sorted(NUMBER_WORDS), *KNOWN]), max_size=8))
def test_right_words_are_never_touched(words: list[str]) -> None:
    assert meant(words, KNOWN) == words


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", max_size=12), max_size=6))
def test_made_right_once_is_made_right(words: list[str]) -> None:
    once = meant(words, KNOWN)
    assert meant(once, KNOWN) == once


def test_sums_are_worked_out_as_they_were_meant() -> None:
    assert evaluate("seveeneen time twenty tree").number == 391
    with pytest.raises(NotASum, match="minutes"):
        evaluate("five minutes plus two")


@pytest.mark.parametrize(
    ("heard", "seconds"),
    [
        ("four teen seconds", 14),
        ("fiften minits", 900),
        ("to hours", 7200),
        ("for for minutes", 240),
        ("half an our", 1800),
    ],
)
def test_lengths_of_time_are_those_that_were_meant(heard: str, seconds: float) -> None:
    assert parse_duration(heard) == seconds


async def test_amounts_are_those_that_were_meant() -> None:
    arguments = UNITS.arguments(amount="fiften", from_unit="kilometer", to_unit="meters")
    assert await UNITS.run(arguments) == "15000 meters"
