"""From any bytes to mono float32 samples at 16 kHz.

Everything downstream of this room sees one kind of sound: `Samples`, one channel, nominally within [-1, 1],
at `SAMPLE_RATE`. Files, uploads and pipes come in through `decode.AudioReader`; live sockets through
`pcm.PcmDecoder` and `resample.Resampler`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hz; what the models listen at."""

MAX_CHANNELS = 32
"""In what is read; the largest arrangement in use (22.2) has 24. FFmpeg takes 512, at 512 times the cost."""

Samples: TypeAlias = npt.NDArray[np.float32]
"""Shape (n,): one channel, full scale is [-1, 1]."""
