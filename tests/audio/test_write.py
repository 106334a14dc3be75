from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from tests.audio.clips import chirp
from voxtral_service.audio.decode import read
from voxtral_service.audio.write import write_wav


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    samples = chirp(0.5, 16_000)
    write_wav(tmp_path / "clip.wav", samples)
    assert np.abs(read(tmp_path / "clip.wav") - samples).max() <= 1 / 65_536 + 1e-7


def test_another_reader_agrees_on_rate_and_length() -> None:
    file = io.BytesIO()
    write_wav(file, chirp(0.5, 24_000), 24_000)
    file.seek(0)
    samples, rate = soundfile.read(file)
    assert (len(samples), rate) == (12_000, 24_000)
