from __future__ import annotations

from types import ModuleType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests import tiny
from tests.voxtral.growing import Growing
from voxtral_service.voxtral.encoder import ConvStem
from voxtral_service.voxtral.layers import CausalWindow
from voxtral_service.voxtral.model import VoxtralRealtime


def mel_of(model: VoxtralRealtime, seconds: float, seeds: int = 1) -> Tensor:
    """Frames of different sounds, [seeds, time, num_mel_bins]."""
    return torch.stack([model.log_mel.whole(torch.from_numpy(tiny.sound(seconds, i))) for i in range(seeds)])


@given(pieces=st.lists(st.integers(1, 12), min_size=1, max_size=10))
def test_the_stem_in_pieces_equals_the_whole(pieces: list[int]) -> None:
    torch.manual_seed(0)
    stem = ConvStem(20, 12).requires_grad_(False)
    mel = torch.randn(2, 2 * sum(pieces), 20)
    state, out = stem.initial_state(2, mel), []
    for piece in torch.split(mel, [2 * n for n in pieces], 1):
        y, state = stem(piece, state)
        assert y.shape[1] == piece.shape[1] // 2
        assert state.mel.shape == (2, 2, 20)
        assert state.hidden.shape == (2, 1, 12)
        out.append(y)
    torch.testing.assert_close(torch.cat(out, 1), stem(mel, stem.initial_state(2, mel))[0], atol=1e-6, rtol=0)


def test_the_stem_is_two_causal_convolutions() -> None:
    stem = ConvStem(20, 12).requires_grad_(False)
    mel = torch.randn(2, 30, 20)
    # Weights of a frame at a time, oldest first: [out, kernel x in] -> [out, in, kernel].
    first, second = (one.weight.reshape(12, 3, -1).transpose(1, 2) for one in (stem.conv1, stem.conv2))
    x = F.gelu(F.conv1d(F.pad(mel.transpose(1, 2), (2, 0)), first, stem.conv1.bias))
    x = F.gelu(F.conv1d(F.pad(x, (1, 0)), second, stem.conv2.bias, stride=2))
    torch.testing.assert_close(stem(mel, stem.initial_state(2, mel))[0], x.transpose(1, 2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_equals_the_audio_tower_of_transformers(
    reference: ModuleType, models: dict[str, VoxtralRealtime], theirs: dict[str, object], shape: str
) -> None:
    model = models[shape]
    mel = mel_of(model, 16, seeds=2)
    frames = model.encoder(mel)
    assert frames.shape[1] > model.config.encoder.sliding_window
    with torch.no_grad():
        torch.testing.assert_close(frames, reference.encoder_frames(theirs[shape], mel), atol=2e-5, rtol=2e-5)
        vectors = reference.audio_vectors(theirs[shape], mel)
    torch.testing.assert_close(model.encode(mel), vectors, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("shape", ["small", "deep"])
def test_steps_equal_the_full_pass(models: dict[str, VoxtralRealtime], shape: str) -> None:
    encoder = models[shape].encoder
    mel = mel_of(models[shape], 2.4)
    state, kv, out, position = encoder.stem.initial_state(1, mel), Growing(encoder.config.sliding_window), [], 0
    for piece in torch.split(mel, 8, 1):
        x, state = encoder.stem(piece, state)
        out.append(encoder.transform(x, encoder.angles(position + torch.arange(4)[None], x.dtype), kv))
        position += 4
    assert position > encoder.config.sliding_window
    torch.testing.assert_close(torch.cat(out, 1), encoder(mel), atol=1e-5, rtol=1e-5)


def test_no_frame_depends_on_later_ones(models: dict[str, VoxtralRealtime]) -> None:
    encoder = models["small"].encoder
    mel = mel_of(models["small"], 3)
    other = mel.clone()
    other[:, 202:] += 1
    before, after = encoder(mel), encoder(other)
    # Encoder frame j reads mel frames 2 j - 3 to 2 j + 1.
    torch.testing.assert_close(before[:, :101], after[:, :101], atol=1e-6, rtol=0)
    assert (before[:, 101] - after[:, 101]).abs().max() > 1e-3


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_positions_far_out_change_nothing(models: dict[str, VoxtralRealtime], shape: str) -> None:
    encoder = models[shape].encoder
    x = torch.randn(2, 80, encoder.config.hidden_size, generator=torch.Generator().manual_seed(0))
    window = encoder.config.sliding_window
    here = encoder.transform(x, encoder.angles(torch.arange(80)[None], x.dtype), CausalWindow(window))
    starts = torch.tensor([[4_320_000], [10_000_000]])
    far = encoder.transform(x, encoder.angles(starts + torch.arange(80), x.dtype), CausalWindow(window))
    torch.testing.assert_close(far, here, atol=2e-5, rtol=1e-5)
