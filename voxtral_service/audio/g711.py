"""ITU-T G.711: the two 8-bit laws of telephony, as tables.

Both laws store a sign, a 3-bit segment and a 4-bit step; each segment is twice as coarse as the one below it.
Tables are in the 16-bit scale that telephony software uses: 14-bit mu-law values times 4, 13-bit A-law values
times 8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MULAW_BIAS = 132  # 33 in the 14-bit scale of the standard; makes every segment start at a power of two
_MULAW_CLIP = 32_767 - _MULAW_BIAS
_ALAW_EVEN_BITS = 0x55  # A-law inverts every other bit on the line


def _expand_mulaw() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.uint8)  # mu-law inverts every bit on the line
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = (((step << 3) + _MULAW_BIAS) << segment) - _MULAW_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _expand_alaw() -> npt.NDArray[np.int16]:
    code = np.arange(256, dtype=np.uint8) ^ _ALAW_EVEN_BITS
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    # The lowest two segments share one step size; above them a hidden leading one appears.
    magnitude = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 264) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _bit_length(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    return np.frexp(values.astype(np.float64))[1]


def _every_int16() -> npt.NDArray[np.int32]:
    """Every int16 value, at the index that its bits make when they are read as uint16."""
    return np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _compress_mulaw() -> npt.NDArray[np.uint8]:
    linear = _every_int16()
    magnitude = np.minimum(np.abs(linear), _MULAW_CLIP) + _MULAW_BIAS
    segment = _bit_length(magnitude) - 8
    step = (magnitude >> (segment + 3)) & 15
    code: npt.NDArray[np.uint8] = (np.where(linear < 0, 0x80, 0) | segment << 4 | step).astype(np.uint8)
    return ~code


def _compress_alaw() -> npt.NDArray[np.uint8]:
    linear = _every_int16()
    # One's complement puts the decision value between 0 and -1, as the standard has it.
    magnitude = np.where(linear < 0, ~linear, linear)
    segment = np.maximum(_bit_length(magnitude) - 8, 0)
    step = (magnitude >> (np.maximum(segment, 1) + 3)) & 15
    code: npt.NDArray[np.uint8] = (np.where(linear < 0, 0, 0x80) | segment << 4 | step).astype(np.uint8)
    return code ^ np.uint8(_ALAW_EVEN_BITS)


MULAW_TO_LINEAR = _expand_mulaw()
"""(256,) int16, indexed by the byte; -32124 to 32124."""
ALAW_TO_LINEAR = _expand_alaw()
"""(256,) int16, indexed by the byte; -32256 to 32256, never 0."""
LINEAR_TO_MULAW = _compress_mulaw()
"""(65536,) uint8, indexed by an int16's bits as uint16."""
LINEAR_TO_ALAW = _compress_alaw()
"""(65536,) uint8, indexed by an int16's bits as uint16."""
