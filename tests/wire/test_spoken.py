from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.wire.spoken import MOST_CHARACTERS, Spoken


def test_turns_are_kept_apart() -> None:
    spoken = Spoken()
    deltas = [(1, "One"), (1, " more."), (2, ""), (2, "Two."), (3, " Three.")]
    assert [spoken.add(turn, text) for turn, text in deltas] == ["One", " more.", "", " Two.", " Three."]
    assert spoken.take(1) == "One more."
    assert spoken.add(4, "Four.") == " Four."
    assert spoken.take() == "Two. Three. Four."
    assert spoken.take() == ""


@given(
    deltas=st.lists(st.tuples(st.integers(0, 1), st.text(max_size=600)), max_size=30), takes=st.sets(st.integers(0, 30))
)
def test_what_is_taken_is_what_was_sent(deltas: list[tuple[int, str]], takes: set[int]) -> None:
    spoken, turn, sent = Spoken(), 1, ""
    for position, (step, text) in enumerate(deltas):
        turn += step
        sent += spoken.add(turn, text)
        if position in takes:
            assert spoken.take() == sent.strip()
            sent = ""
    assert spoken.take() == sent.strip()


def test_what_nobody_takes_is_bounded() -> None:
    spoken = Spoken()
    for _ in range(6):
        spoken.add(1, "x" * (MOST_CHARACTERS // 4))
    assert 0 < len(spoken.take()) <= MOST_CHARACTERS
