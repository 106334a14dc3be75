"""What two hypotheses agree on is final; nothing is said twice, and nothing final is taken back."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.engine.agreement import HeardWord, LocalAgreement


def words(text: str, start: float = 0.0) -> list[HeardWord]:
    return [HeardWord(f" {word}", start + i / 2, start + i / 2 + 0.4) for i, word in enumerate(text.split())]


def text_of(said: Sequence[HeardWord]) -> str:
    return "".join(word.text for word in said).strip()


def test_the_common_beginning_of_two_hypotheses_is_final() -> None:
    agreement = LocalAgreement()
    assert agreement.update(words("the cat sat")) == ()
    assert text_of(agreement.update(words("the cat sits on"))) == "the cat"
    assert text_of(agreement.unsure) == "sits on"
    assert text_of(agreement.update(words("the cat sat on a"))) == ""
    assert text_of(agreement.update(words("the cat sat on a mat"))) == "sat on a"
    assert agreement.until == 2.4
    assert text_of(agreement.accept(words("the cat sat on a mat"), 10)) == "mat"
    assert agreement.unsure == ()


def test_punctuation_and_case_may_differ_and_the_newer_form_is_taken() -> None:
    agreement = LocalAgreement()
    agreement.update(words("well. then"))
    assert text_of(agreement.update(words("Well, then we"))) == "Well, then"


def test_marks_alone_are_words_of_their_own() -> None:
    agreement = LocalAgreement()
    agreement.update(words("- a"))
    assert text_of(agreement.update(words("… a"))) == ""


def test_final_words_that_are_heard_again_a_little_later_are_dropped() -> None:
    agreement = LocalAgreement()
    for _ in range(2):
        agreement.update(words("one two three"))
    again = words("two three four", start=1.0)  # half a second late
    assert text_of(agreement.update(again)) == ""
    assert text_of(agreement.unsure) == "four"
    assert text_of(agreement.update(words("one two three four five"))) == "four"


def test_a_word_that_is_really_said_twice_is_kept() -> None:
    agreement = LocalAgreement()
    for _ in range(2):
        agreement.update(words("very"))
    later = [*words("very"), HeardWord(" very", 1.6, 2.0)]
    agreement.update(later)
    assert text_of(agreement.update(later)) == "very"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=12), st.integers(0, 12))
def test_a_growing_truth_with_unsure_ends_comes_out_exactly_once(steps: list[tuple[int, int]], length: int) -> None:
    truth = words(" ".join(f"w{i}" for i in range(length)))
    agreement, seen = LocalAgreement(), 0
    said: list[HeardWord] = []
    for more, wrong in steps:
        seen = min(length, seen + more)
        guess = [HeardWord(f" x{seen}", word.start, word.end) for word in truth[max(0, seen - wrong) : seen]]
        said += agreement.update([*truth[: seen - len(guess)], *guess])
    said += agreement.accept(truth, float("inf"))
    assert [word.start for word in said] == [word.start for word in truth]
