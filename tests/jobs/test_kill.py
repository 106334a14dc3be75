"""A few of the kills that `tests/jobs/kill.py` has more of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.kill import run


@pytest.mark.timeout(300)
def test_nothing_is_lost_or_done_twice_when_the_server_is_killed(tmp_path: Path) -> None:
    report = run(tmp_path, kills=4, seed=5, jobs=12, pause=0.25, over_http=False)
    assert report.kills_with_open_jobs >= 2  # a fast machine may end them sooner
