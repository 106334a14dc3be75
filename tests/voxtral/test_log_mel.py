from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from voxtral_service.voxtral.config import HOP, LOOK_AHEAD, LOOK_BACK
from voxtral_service.voxtral.log_mel import LogMel

FRONT_ENDS = {bins: LogMel(bins) for bins in (80, 128)}


@given(
    bins=st.sampled_from([80, 128]),
    pieces=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    seed=st.integers(0, 5),
)
def test_frames_in_pieces_equal_the_whole(bins: int, pieces: list[int], seed: int) -> None:
    log_mel = FRONT_ENDS[bins]
    samples = torch.from_numpy(tiny.sound(sum(pieces) * HOP / 16000, seed))
    padded = torch.nn.functional.pad(samples, (LOOK_BACK, LOOK_AHEAD))
    frames, start = [], 0
    for n in pieces:
        end = start + n * HOP
        frames.append(log_mel(padded[start : end + LOOK_BACK + LOOK_AHEAD]))
        assert frames[-1].shape == (n, bins)
        start = end
    torch.testing.assert_close(torch.cat(frames), log_mel.whole(samples), atol=1e-6, rtol=0)


@pytest.mark.parametrize("bins", [80, 128])
@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_equals_the_feature_extractor_of_transformers(reference: ModuleType, bins: int, gain: float) -> None:
    # The extractor mirrors the ends of a clip, which does nothing where they are silent, as they always are.
    clip = np.pad(gain * tiny.sound(3.2), 1280)
    ours = FRONT_ENDS[bins].whole(torch.from_numpy(clip))
    torch.testing.assert_close(ours, reference.log_mel(clip, bins), atol=2e-5, rtol=0)


@pytest.mark.parametrize("bins", [80, 128])
def test_digital_silence(bins: int) -> None:
    mel = FRONT_ENDS[bins].whole(torch.zeros(16000))
    assert mel.shape == (100, bins)
    assert torch.equal(mel, torch.full((100, bins), -0.625))


def test_the_loudest_sound_stays_in_range() -> None:
    square = torch.tensor([1.0, -1.0]).repeat_interleave(80).repeat(200)
    mel = FRONT_ENDS[128].whole(square)
    assert mel.min() >= -0.625
    assert 1.0 < mel.max() < 1.7


def test_rows_of_a_batch_equal_single_clips() -> None:
    clips = torch.stack([torch.from_numpy(tiny.sound(1, seed)) for seed in range(3)])
    together = FRONT_ENDS[128].whole(clips)
    for row, clip in zip(together, clips, strict=True):
        torch.testing.assert_close(row, FRONT_ENDS[128].whole(clip), atol=1e-6, rtol=0)


def test_later_sound_changes_no_earlier_frame() -> None:
    clip = torch.from_numpy(tiny.sound(1))
    louder = clip.clone()
    # Frame 50 ends 40 samples past its hop, so a change from there on is first seen by frame 51.
    louder[51 * HOP + LOOK_AHEAD :] *= 50
    before, after = FRONT_ENDS[128].whole(clip), FRONT_ENDS[128].whole(louder)
    assert torch.equal(before[:51], after[:51])
    assert not torch.equal(before[51], after[51])
