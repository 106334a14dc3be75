from __future__ import annotations

import pytest

from voxtral_service.database.spelling import spelled
from voxtral_service.database.words import terms

TEXT = set(terms("Mister Kowalski owns a blueberry farm near Gdańsk with his daughter; the contract ends in May 2027"))


def groups(question: str, *, loose: bool = False) -> list[list[str]]:
    return spelled(question, TEXT.intersection, lambda: TEXT, loose=loose)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("the contract of Kowalski", [["contract"], ["kowalski"]]),
        ("kovalski's contracts", [["contract"], ["kowalski"]]),
        ("gdansk", [["gdansk"]]),
        ("a blue berry farm", [["farm"], ["blueberri"]]),
        ("mayor 2028", []),
        ("", []),
    ],
)
def test_words_are_spelled_as_the_texts_do(question: str, found: list[list[str]]) -> None:
    assert groups(question) == found


def test_loosely_they_may_be_less_alike_and_parted() -> None:
    assert groups("cow all ski") == []
    assert groups("cow all ski", loose=True) == [["kowalski"]]
    assert groups("dotter", loose=True) == [["daughter"]]
    assert groups("doe", loose=True) == groups("tea", loose=True) == []
    assert groups("doughter", loose=True) == [["daughter"]]


def test_the_vocabulary_is_looked_at_only_for_words_that_are_strange() -> None:
    def vocabulary() -> set[str]:
        raise AssertionError

    assert spelled("the contract", TEXT.intersection, vocabulary) == [["contract"]]
