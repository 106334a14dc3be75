"""Writing WAV files."""

from __future__ import annotations

import os
import wave
from typing import BinaryIO

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.pcm import encode_s16le


def write_wav(target: str | os.PathLike[str] | BinaryIO, samples: Samples, sample_rate: int = SAMPLE_RATE) -> None:
    """Write `samples` (n,) as 16-bit mono WAV to a path or an open binary file. Raises `OSError` when that
    fails.
    """
    with wave.open(os.fspath(target) if isinstance(target, os.PathLike) else target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(encode_s16le(samples))
