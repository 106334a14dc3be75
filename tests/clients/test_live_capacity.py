"""How the capacity benchmark looks for the number of streams that still hold."""

from __future__ import annotations

import pytest

from benchmarks.live_capacity import Trial, capacity, search


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 7, 8, 9, 31, 32, 100])
@pytest.mark.parametrize("first", [1, 8])
def test_the_most_streams_are_found(limit: int, first: int) -> None:
    asked: list[int] = []

    def trial(streams: int) -> Trial:
        asked.append(streams)
        return Trial("any", streams, 0.1, 0.2, 0.3 if streams <= limit else 0.7, 0, 0.0)

    trials = search(trial, first=first, most=64, resolution=0.0)
    assert capacity(trials) == min(limit, 64)
    assert len(asked) == len(set(asked)) <= 12


def test_a_coarse_search_takes_fewer_trials() -> None:
    trials = search(lambda n: Trial("any", n, 0, 0, n / 100, 0, 0.0), first=8, most=256, resolution=0.25)
    assert [t.streams for t in trials] == [8, 16, 32, 64, 48, 56]
    assert capacity(trials) == 48


def test_faults_are_not_held_however_quick() -> None:
    assert not Trial("any", 1, 0.1, 0.1, 0.1, 1, 0.0).held
