from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.assistant.sentences import SentenceSplitter

PARTS = [*"aB1 .,!?\n*[](`「。」", "Mr. ", "e.g. ", "\n- ", "3. "]
PIECES = st.lists(st.lists(st.sampled_from(PARTS)).map("".join), max_size=30)


def split(text: str, **settings: int) -> list[str]:
    splitter = SentenceSplitter(**settings)
    return [piece.strip() for piece in [*splitter.push(text), *splitter.finish()] if piece.strip()]


@given(PIECES, st.integers(1, 40), st.integers(5, 60))
def test_no_text_is_lost_or_moved_however_it_comes(deltas: list[str], first: int, longest: int) -> None:
    splitter = SentenceSplitter(first_clause=first, longest=longest)
    pieces = [piece for delta in deltas for piece in splitter.push(delta)]
    pieces += splitter.finish()
    assert "".join(pieces) == "".join(deltas)
    assert all(pieces)
    assert all(len(piece) <= longest + 20 for piece in pieces[:-1])


@given(st.text(st.sampled_from(list("aB. ,!?\n")), max_size=60))
def test_the_same_pieces_letter_by_letter(text: str) -> None:
    slow = SentenceSplitter(first_clause=1000)
    letters = [piece for letter in text for piece in slow.push(letter)] + slow.finish()
    at_once = SentenceSplitter(first_clause=1000)
    assert letters == at_once.push(text) + at_once.finish()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It is nine. Good night! Really? Yes…", ["It is nine.", "Good night!", "Really?", "Yes…"]),
        ("Dr. Smith met J. R. Brown, e.g. at noon. Then he left.", None),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("It costs 3.50 or 1,000.25 in all. Fine.", ["It costs 3.50 or 1,000.25 in all.", "Fine."]),
        ("Come at 5 p.m. on Monday. Come at 5 p.m. Bring tea.", None),
        ("Am 3. Mai um 8 Uhr. Gut.", ["Am 3. Mai um 8 Uhr.", "Gut."]),
        ("Three things:\n1. Milk\n2. Tea\n\nThat is all.", ["Three things:", "1. Milk", "2. Tea", "That is all."]),
        ("See [the page. It is long](https://a.b/c). Bye.", ["See [the page. It is long](https://a.b/c).", "Bye."]),
        ("東京は夜九時です。おやすみ！「はい。」と", ["東京は夜九時です。", "おやすみ！", "「はい。」", "と"]),
        ("Visit example.org/a.b?c now. Bye.", ["Visit example.org/a.b?c now.", "Bye."]),
    ],
)
def test_where_sentences_end(text: str, pieces: list[str] | None) -> None:
    others = {
        "Dr.": ["Dr. Smith met J. R. Brown, e.g. at noon.", "Then he left."],
        "Com": ["Come at 5 p.m. on Monday.", "Come at 5 p.m.", "Bring tea."],
    }
    assert split(text, first_clause=1000) == (pieces or others[text[:3]])


def test_the_first_piece_may_end_with_a_clause_and_no_other() -> None:
    splitter = SentenceSplitter(first_clause=20)
    assert splitter.push("Well, the time in Tokyo, which") == ["Well, the time in Tokyo,"]
    assert splitter.push(" is in Japan, is nine, and that is late.") == []
    assert splitter.push(" Bye") == [" which is in Japan, is nine, and that is late."]


def test_a_text_without_ends_is_cut_between_words() -> None:
    pieces = split("word " * 30, longest=50)
    assert max(map(len, pieces)) <= 50
    assert " ".join(pieces).split() == ["word"] * 30


def test_a_model_may_send_its_whole_answer_at_once() -> None:
    splitter = SentenceSplitter(first_clause=1000)
    text = "A word and another, e.g. this one, [and] no more. " * 4000
    pieces = splitter.push(text) + splitter.finish()
    assert "".join(pieces) == text
    assert {piece.strip() for piece in pieces} <= {"A word and another, e.g. this one, [and] no more.", ""}
