"""PyAV's audio frames as mono samples, around two faults in PyAV (seen in 18.1) that crash the process.

1. A channel layout of custom order owns memory. `AudioLayout` shares that memory with the frame or decoder
   that it came from, and both free it. Files with more than two channels (AIFF, CAF, MOV) have such layouts,
   so one upload could take the service down.
2. `AudioFrame.planes`, and `to_ndarray` with it, walks past the end when a planar frame has 8 channels or
   more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from av.audio.plane import AudioPlane

from voxtral_service.audio import MAX_CHANNELS, Samples
from voxtral_service.audio.resample import MAX_SAMPLE_RATE
from voxtral_service.errors import InvalidAudio

MAX_SAMPLES_A_SECOND = 8 * MAX_SAMPLE_RATE
"""In all channels. An hour of silence at that rate is 1.5 MB of FLAC and takes 45 s to decode."""
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "flt": 1.0, "dbl": 1.0}
# The one decoder that may bring up a custom order by itself (xHE-AAC); the others keep what `forget_layout`
# set.
_LAYOUT_MAKER = "aac"
_never_freed: list[Any] = []


def forget_layout(codec_context: Any) -> int:
    """Replace a decoder's channel layout by a mere count, before it is opened: positions do not matter for a
    mean. Returns the count, 0 when the header does not tell.
    """
    # Looking at the layout frees its memory; replacing it at once keeps the decoder from using or freeing
    # that again.
    count: int = codec_context.layout.nb_channels
    if count:
        codec_context.layout = f"{count} channels"
    return count


def check_channels(count: int, rate: int, label: str) -> None:
    """Raise `InvalidAudio` for more channels than are read, or for more samples a second in all of them."""
    if count > MAX_CHANNELS:
        raise InvalidAudio(f"{label}: it has {count} channels, more than the {MAX_CHANNELS} that are read; mix it down")
    if count * min(rate, MAX_SAMPLE_RATE) > MAX_SAMPLES_A_SECOND:  # rates beyond that are refused for themselves
        raise InvalidAudio(f"{label}: {count} channels at {rate} Hz are more than is read; mix it down")


def guard_layout(codec: str, frames: list[Any], label: str) -> None:
    """Raise `InvalidAudio` for frames whose layout may be of custom order, without freeing it twice."""
    if codec != _LAYOUT_MAKER:
        return
    odd = [frame.layout for frame in frames if " channels (" in frame.layout.name]
    if odd:
        _never_freed.extend(odd)
        raise InvalidAudio(
            f"{label}: its channels are arranged in a way that cannot be read; convert it to stereo or mono"
        )


def mono(frame: Any, label: str) -> tuple[Samples, int]:
    """The mean of all channels, shape (n,), full scale [-1, 1]; and how many samples were not finite and
    became 0.

    Raises `InvalidAudio` for a sample format that has no numpy type, and for too many channels.
    """
    check_channels(frame.layout.nb_channels, frame.sample_rate, label)
    encoding = frame.format.name.removesuffix("p")
    if encoding not in _DTYPES:
        raise InvalidAudio(f"{label}: its samples of type {encoding} cannot be read; convert it to 16-bit WAV or FLAC")
    channels = _channels(frame, _DTYPES[encoding])
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is not finite and handled below
        samples = channels[0].astype(np.float32) if len(channels) == 1 else channels.mean(0, np.float32)
        if encoding == "u8":
            samples -= 128
        samples /= np.float32(_FULL_SCALE[encoding])
    finite = np.isfinite(samples)
    if finite.all():
        return samples, 0
    samples[~finite] = 0.0
    return samples, int(np.count_nonzero(~finite))


def _channels(frame: Any, dtype: str) -> Any:
    """Shape (channels, n)."""
    count, length = frame.layout.nb_channels, frame.samples
    if not frame.format.is_planar:
        return np.frombuffer(memoryview(AudioPlane(frame, 0)), dtype, length * count).reshape(length, count).T
    planes = [np.frombuffer(memoryview(AudioPlane(frame, index)), dtype, length) for index in range(count)]
    return np.stack(planes)
