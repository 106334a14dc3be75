from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.database.words import MAX_ASKED, MAX_TERM, STOP_WORDS, asked_terms, terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My dog's name is Rex.", "my dog s name is rex"),
        ("Cities, walking: the CITY walks", "citi walk the citi walk"),
        ("Où est l'école à Zürich?", "ou est l ecol a zurich"),
        ("Straße STRASSE", "strass strass"),
        ("हिन्दी में लिखा है।", "हिन्दी में लिखा है"),
        ("東京の天気、晴", "東京 京の の天 天気 晴"),
        ("서울 날씨", "서울 날씨"),
        ("a_b 3½ x", "a b 31 2 x"),
        ("…?!", ""),
        ("x" * 100, "x" * MAX_TERM),
    ],
)
def test_terms(text: str, found: str) -> None:
    assert terms(text) == found.split()


def test_a_question_is_about_what_is_not_common() -> None:
    assert asked_terms("What is my dog's name, and the dog's age?") == ["dog", "name", "age"]
    assert asked_terms("Où est mon école ?") == ["ecol"]
    assert asked_terms("who are you") == ["who", "are", "you"]
    assert len(asked_terms(" ".join(f"w{i}" for i in range(100)))) == MAX_ASKED
    assert all(terms(word) for word in STOP_WORDS)


@given(st.text())
def test_terms_hold_nothing_that_a_query_would_mean_something_by(text: str) -> None:
    for term in terms(text):
        assert term
        assert len(term) <= MAX_TERM
        assert not set(term) & set("'\"\\:&|!()<>* \0")
