"""The table of turns, on a clock that is the audio's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.audio.vad import CHUNK_SECONDS
from voxtral_service.events import SemanticVad, ServerVad
from voxtral_service.session.completeness import Completeness
from voxtral_service.session.turn import TABLE, Action, Change, State, TurnDetector

SPEECH, BETWEEN, QUIET = 0.9, 0.4, 0.1


def play(
    detector: TurnDetector, script: list[tuple[float, float]], words: Completeness = Completeness.OPEN
) -> list[Change]:
    """Run probabilities for so many seconds each; what happened."""
    changes = []
    for probability, seconds in script:
        for _ in range(round(seconds / CHUNK_SECONDS)):
            if change := detector.advance(probability, words):
                changes.append(change)
    return changes


def actions(changes: list[Change]) -> list[Action]:
    return [change.action for change in changes]


def test_a_turn_with_a_pause_in_it() -> None:
    changes = play(TurnDetector(ServerVad()), [(QUIET, 1), (SPEECH, 1), (QUIET, 0.352), (SPEECH, 1), (QUIET, 2)])
    assert actions(changes) == [Action.START, Action.EAGER_END, Action.RESUME, Action.EAGER_END, Action.END]
    start, eager, resume, _, end = changes
    assert start.at == pytest.approx(0.992, abs=0.033)
    assert eager.at == pytest.approx(1.984, abs=0.033)
    assert resume.at == pytest.approx(2.336, abs=0.033)
    assert end.at == pytest.approx(3.328, abs=0.033)


def test_a_click_is_no_speech_and_a_breath_no_pause() -> None:
    assert play(TurnDetector(ServerVad()), [(QUIET, 1), (SPEECH, 0.032), (QUIET, 1)]) == []
    changes = play(TurnDetector(ServerVad()), [(SPEECH, 1), (BETWEEN, 3), (SPEECH, 1)])
    assert actions(changes) == [Action.START]


def test_silence_duration_and_threshold_are_the_callers() -> None:
    patient = play(TurnDetector(ServerVad(silence_duration_ms=2000)), [(SPEECH, 1), (QUIET, 1.9)])
    assert actions(patient) == [Action.START, Action.EAGER_END]
    assert play(TurnDetector(ServerVad(threshold=0.95)), [(SPEECH, 2)]) == []
    # Sound that counts for neither speech nor silence, until it is told to be silence.
    murmur = [(SPEECH, 1.0), (BETWEEN, 2.0)]
    assert actions(play(TurnDetector(ServerVad()), murmur)) == [Action.START]
    ended = actions(play(TurnDetector(ServerVad(end_threshold=0.45)), murmur))
    assert ended == [Action.START, Action.EAGER_END, Action.END]


@pytest.mark.parametrize(
    ("eagerness", "words", "wait"),
    [
        ("high", Completeness.FINISHED, 0.4),
        ("high", Completeness.UNFINISHED, 2.0),
        ("medium", Completeness.OPEN, 1.5),
        ("low", Completeness.UNFINISHED, 8.0),
    ],
)
def test_semantic_turns_wait_for_what_the_words_promise(eagerness: str, words: Completeness, wait: float) -> None:
    rules = SemanticVad(eagerness=eagerness)  # type: ignore[arg-type]
    before = play(TurnDetector(rules), [(SPEECH, 1), (QUIET, wait - 0.064)], words)
    after = play(TurnDetector(rules), [(SPEECH, 1), (QUIET, wait + 0.064)], words)
    assert Action.END not in actions(before)
    assert actions(after)[-1] == Action.END


def test_idleness_is_told_again_and_again_but_not_in_a_turn() -> None:
    rules = ServerVad(idle_timeout_ms=1000)
    changes = play(TurnDetector(rules), [(QUIET, 2.2), (SPEECH, 3), (QUIET, 1.7)])
    assert actions(changes) == [Action.IDLE] * 2 + [Action.START, Action.EAGER_END, Action.END, Action.IDLE]


def test_rules_can_change_in_the_middle_of_a_turn() -> None:
    detector = TurnDetector(ServerVad(silence_duration_ms=5000))
    assert actions(play(detector, [(SPEECH, 1), (QUIET, 1)])) == [Action.START, Action.EAGER_END]
    detector.configure(ServerVad(silence_duration_ms=1200))
    assert actions(play(detector, [(QUIET, 0.3)])) == [Action.END]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2)), max_size=30), st.sampled_from(list(Completeness)))
def test_any_audio_gives_turns_that_begin_and_end_in_order(
    script: list[tuple[float, float]], words: Completeness
) -> None:
    state = State.LISTENING
    last = 0.0
    detector = TurnDetector(ServerVad(idle_timeout_ms=700))
    for change in play(detector, script, words):
        targets = {(before, action): after for (before, _), (after, action) in TABLE.items()}
        assert (state, change.action) in targets
        state = targets[state, change.action]
        if change.action is not Action.IDLE:
            assert change.at >= last
            last = change.at
    assert state is detector.state
