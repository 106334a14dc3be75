"""A recording's blocks, for one thread that reads them and another that ends them."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.audio.clips import Container, chirp, store
from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.recording import Recording
from voxtral_service.errors import InvalidAudio

TALK = store(Container("wav", "pcm_s16le"), chirp(3.5, SAMPLE_RATE), SAMPLE_RATE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "talk.wav").write_bytes(TALK)
    return tmp_path / "talk.wav"


@pytest.mark.parametrize("skip", [0.0, 0.3, 1.0, 2.7, 9.0])
def test_the_beginning_may_be_left_out(path: Path, skip: float) -> None:
    with Recording(path, name="talk") as whole, Recording(path, name="talk", skip=skip) as rest:
        everything = np.concatenate(list(whole))
        blocks = list(rest)
    heard = np.concatenate([*blocks, everything[:0]])
    assert np.array_equal(heard, everything[round(skip * SAMPLE_RATE) :])
    assert rest.duration == whole.duration == pytest.approx(3.5)
    assert rest.seconds == pytest.approx(max(0.0, 3.5 - skip))


def test_looking_at_the_first_block_loses_nothing(path: Path) -> None:
    with Recording(path, name="talk") as recording:
        recording.look()
        assert recording.seconds == 0
        assert sum(map(len, recording)) == 3.5 * SAMPLE_RATE


def test_errors_name_the_field_that_they_came_in() -> None:
    with (
        pytest.raises(InvalidAudio, match=r"^talk: it is text") as text,
        Recording(b"text", name="talk", field="file") as recording,
    ):
        recording.look()
    assert text.value.field == "file"
    with Recording(TALK, name="talk", max_seconds=2.5, skip=2.0, field="file") as recording:
        with pytest.raises(InvalidAudio, match="longer than") as long:
            list(recording)
        assert long.value.field == "file"
        assert recording.seconds == 0  # what is left out counts too


def test_another_thread_may_close_it(path: Path) -> None:
    recording = Recording(path, name="talk", block_seconds=0.01)
    assert len(next(recording)) == 160
    closer = threading.Thread(target=recording.close)
    closer.start()
    assert sum(map(len, recording)) < 3.5 * SAMPLE_RATE
    closer.join()
    recording.close()
    recording.open()
    assert list(recording) == []


def test_one_that_was_closed_first_has_no_blocks() -> None:
    recording = Recording(b"text", name="talk")
    recording.close()
    recording.open()
    recording.look()
    assert list(recording) == []
    assert recording.duration is None
