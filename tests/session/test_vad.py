"""The voice activity network, run as a stream, on real and on empty sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voxtral_service.audio import Samples
from voxtral_service.audio.decode import read
from voxtral_service.audio.vad import CHUNK, SileroModel
from voxtral_service.session.vad import VoiceActivity

SAMPLE = Path(__file__).parents[2] / "models" / "wren-en" / "sample.wav"


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel()


def probabilities(model: SileroModel, samples: Samples) -> list[float]:
    activity = VoiceActivity(model)
    whole = len(samples) // CHUNK * CHUNK
    return [activity.probability(chunk) for chunk in samples[:whole].reshape(-1, CHUNK)]


def test_speech_is_told_from_silence_and_noise(model: SileroModel) -> None:
    speech = read(SAMPLE)
    rng = np.random.default_rng(0)
    noise = (0.02 * rng.standard_normal(3 * 16_000)).astype(np.float32)
    hum = (0.1 * np.sin(2 * np.pi * 50 * np.arange(3 * 16_000) / 16_000)).astype(np.float32)
    assert np.median(probabilities(model, speech)) > 0.9
    for nothing in (np.zeros(3 * 16_000, np.float32), noise, hum):
        assert max(probabilities(model, nothing)[3:]) < 0.5


def test_streams_do_not_share_their_state(model: SileroModel) -> None:
    speech = read(SAMPLE)[: 16_000 * 2]
    alone = probabilities(model, speech)
    one, other = VoiceActivity(model), VoiceActivity(model)
    rng = np.random.default_rng(1)
    both = []
    for chunk in speech[: len(speech) // CHUNK * CHUNK].reshape(-1, CHUNK):
        other.probability(rng.standard_normal(CHUNK).astype(np.float32))
        both.append(one.probability(chunk))
    assert both == alone


def test_the_stream_equals_faster_whispers_own_pass(model: SileroModel) -> None:
    from faster_whisper.vad import get_vad_model

    speech = read(SAMPLE)
    whole = len(speech) // CHUNK * CHUNK
    theirs = np.asarray(get_vad_model()(speech[:whole])).ravel()
    np.testing.assert_allclose(probabilities(model, speech), theirs, atol=2e-3)
