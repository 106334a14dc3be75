"""Audio is found again by its position, for a while."""

from __future__ import annotations

from voxtral_service.session.arrivals import MOST, RESOLUTION, Arrivals


def test_a_position_has_the_time_at_which_its_audio_came() -> None:
    arrivals = Arrivals()
    assert arrivals.of(0.0) is None
    for second in range(1, 6):
        arrivals.note(float(second), 100.0 + second)
    assert arrivals.of(0.5) == 101.0
    assert arrivals.of(1.0) == 101.0
    assert arrivals.of(3.2) == 104.0
    assert arrivals.of(3.2) == 104.0
    assert arrivals.of(5.0) == 105.0
    assert arrivals.of(6.0) is None


def test_small_frames_share_a_time_and_old_ones_are_forgotten() -> None:
    arrivals = Arrivals()
    step = RESOLUTION / 8
    for i in range(1, 8 * MOST * 3):
        arrivals.note(i * step, float(i))
    oldest = arrivals.of(0.0)
    assert oldest is not None
    assert oldest * step >= MOST * RESOLUTION
    latest = arrivals.of(8 * MOST * 3 * step - 2 * RESOLUTION)
    assert latest is not None
    assert abs(latest * step - (8 * MOST * 3 * step - 2 * RESOLUTION)) <= 2 * RESOLUTION
