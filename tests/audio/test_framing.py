from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.audio.framing import Framer


@given(size=st.integers(1, 50), pieces=st.lists(st.integers(0, 120)))
def test_frames_join_to_the_input(size: int, pieces: list[int]) -> None:
    samples = np.arange(sum(pieces), dtype=np.float32)
    framer = Framer(size)
    frames = [
        frame for piece in np.split(samples, np.cumsum(pieces)[:-1]) if len(piece) for frame in framer.push(piece)
    ]
    rest = framer.finish()
    assert all(len(frame) == size for frame in frames)
    assert len(rest) < size
    assert np.array_equal(np.concatenate([*frames, rest]), samples)
    assert len(framer.finish()) == 0


def test_a_frame_is_not_overwritten_by_the_next() -> None:
    framer = Framer(2)
    (first,) = framer.push(np.array([1, 2], np.float32))
    framer.push(np.array([3, 4], np.float32))
    assert first.tolist() == [1, 2]


def test_frames_need_a_size() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Framer(0)
