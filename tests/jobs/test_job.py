"""The table of states."""

from __future__ import annotations

import pytest

from voxtral_service.jobs.job import ENDED, TRANSITIONS, Move, Status, sources, target


def test_three_states_are_ends() -> None:
    assert {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED} == ENDED


@pytest.mark.parametrize("move", Move)
def test_a_move_leads_to_one_state(move: Move) -> None:
    assert {TRANSITIONS[status, move] for status in sources(move)} == {target(move)}


def test_an_end_can_be_reached_from_everywhere() -> None:
    for status in set(Status) - ENDED:
        assert TRANSITIONS[status, Move.CANCEL] in ENDED
