"""Headerless samples: what they look like on the wire, and the way to floats and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from voxtral_service.audio import MAX_CHANNELS, SAMPLE_RATE, Samples
from voxtral_service.audio.g711 import ALAW_TO_LINEAR, LINEAR_TO_ALAW, LINEAR_TO_MULAW, MULAW_TO_LINEAR
from voxtral_service.audio.resample import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from voxtral_service.errors import InvalidAudio, InvalidOption


class PcmEncoding(StrEnum):
    """How one sample is written; integers are signed unless named u, and little-endian."""

    U8 = "pcm_u8"
    S16LE = "pcm_s16le"
    S24LE = "pcm_s24le"
    S32LE = "pcm_s32le"
    F16LE = "pcm_f16le"
    F32LE = "pcm_f32le"
    MULAW = "pcm_mulaw"
    ALAW = "pcm_alaw"

    @property
    def width(self) -> int:
        """Bytes per sample."""
        return _WIDTHS[self]


_WIDTHS = {
    PcmEncoding.U8: 1,
    PcmEncoding.S16LE: 2,
    PcmEncoding.S24LE: 3,
    PcmEncoding.S32LE: 4,
    PcmEncoding.F16LE: 2,
    PcmEncoding.F32LE: 4,
    PcmEncoding.MULAW: 1,
    PcmEncoding.ALAW: 1,
}
_FULL_SCALE = {
    PcmEncoding.U8: 2**7,
    PcmEncoding.S16LE: 2**15,
    PcmEncoding.S24LE: 2**31,
    PcmEncoding.S32LE: 2**31,
    PcmEncoding.MULAW: 2**15,
    PcmEncoding.ALAW: 2**15,
}


@dataclass(frozen=True)
class PcmFormat:
    """What a headerless byte stream holds: encoding, rate in Hz, interleaved channels.

    Rates go from 1000 to 384000 Hz, channels from 1 to `MAX_CHANNELS`; `InvalidOption` is raised for others.
    """

    encoding: PcmEncoding = PcmEncoding.S16LE
    sample_rate: int = SAMPLE_RATE
    channels: int = 1

    def __post_init__(self) -> None:
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise InvalidOption(
                f"a sample rate of {self.sample_rate} Hz is outside {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}",
                field="sample_rate",
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise InvalidOption(f"{self.channels} channels are outside 1 to {MAX_CHANNELS}", field="channels")

    @classmethod
    def parse(cls, text: str) -> PcmFormat:
        """Read `ENCODING[:RATE[:CHANNELS]]`, for example `s16le:16000:1`, `pcm_f32le:48000:2` or
        `mulaw:8000`.

        Raises `InvalidOption` when it is not of that form.
        """
        name, *numbers = text.strip().lower().split(":")
        try:
            encoding = PcmEncoding("pcm_" + name.removeprefix("pcm_"))
        except ValueError:
            known = ", ".join(encoding.removeprefix("pcm_") for encoding in PcmEncoding)
            raise InvalidOption(f"{name!r} is no PCM encoding; use one of {known}", field="encoding") from None
        if len(numbers) > 2 or not all(number.isascii() and number.isdigit() for number in numbers):
            raise InvalidOption(
                f"{text!r} is no PCM format; write ENCODING:RATE:CHANNELS, for example s16le:16000:1",
                field="format",
            )
        # int() refuses thousands of digits; twenty of them are out of range just as well.
        return cls(encoding, *(int(number[:20]) for number in numbers))

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.encoding.removeprefix('pcm_')}:{self.sample_rate}:{self.channels}"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.encoding.width * self.channels

    @property
    def byte_rate(self) -> int:
        """Bytes per second."""
        return self.frame_bytes * self.sample_rate


class PcmDecoder:
    """Bytes cut anywhere in, mono samples in [-1, 1] at the format's own rate out.

    Channels are averaged. Floats beyond full scale are clipped; one that is NaN or infinite means that the
    bytes are not what they were said to be (or that their sender is broken), and guessing on would transcribe
    noise: it raises `InvalidAudio`.
    """

    def __init__(self, pcm: PcmFormat) -> None:
        self.format = pcm
        self._rest = b""  # the start of a frame whose end has not come yet

    def push(self, chunk: bytes | bytearray | memoryview) -> Samples:
        """Decode what is whole by now, shape (frames,), possibly none. Raises `InvalidAudio` on a non-finite
        float.
        """
        data = self._rest + chunk if self._rest else bytes(chunk)
        whole = len(data) - len(data) % self.format.frame_bytes
        self._rest = data[whole:]
        samples = _to_float(self.format.encoding, memoryview(data)[:whole])
        if self.format.channels == 1:
            return samples
        mono: Samples = samples.reshape(-1, self.format.channels).mean(axis=1, dtype=np.float32)
        return mono

    def finish(self) -> int:
        """The number of bytes left over that never became a whole frame: 0 for a clean end. Ready for new
        input after.
        """
        dangling = len(self._rest)
        self._rest = b""
        return dangling


def _to_float(encoding: PcmEncoding, data: memoryview) -> Samples:
    match encoding:
        case PcmEncoding.F16LE | PcmEncoding.F32LE:
            return _checked(np.frombuffer(data, "<f2" if encoding is PcmEncoding.F16LE else "<f4"), encoding)
        case PcmEncoding.U8:
            linear = np.frombuffer(data, np.uint8).astype(np.int16) - 128
        case PcmEncoding.S16LE:
            linear = np.frombuffer(data, "<i2")
        case PcmEncoding.S24LE:
            # The sample fills the upper three bytes of an s32.
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            linear = padded.view("<i4")[:, 0]
        case PcmEncoding.S32LE:
            linear = np.frombuffer(data, "<i4")
        case PcmEncoding.MULAW:
            linear = MULAW_TO_LINEAR[np.frombuffer(data, np.uint8)]
        case PcmEncoding.ALAW:
            linear = ALAW_TO_LINEAR[np.frombuffer(data, np.uint8)]
    samples: Samples = linear.astype(np.float32) / np.float32(_FULL_SCALE[encoding])
    return samples


def _checked(floats: npt.NDArray[np.floating], encoding: PcmEncoding) -> Samples:
    if not np.isfinite(floats).all():
        raise InvalidAudio(f"a sample is not a finite number; make sure that the bytes are {encoding}")
    return floats.astype(np.float32).clip(-1, 1)


def encode_s16le(samples: Samples) -> bytes:
    """16-bit little-endian, rounded to nearest and clipped at full scale; NaN becomes silence."""
    return _to_int16(samples).astype("<i2", copy=False).tobytes()


def encode_mulaw(samples: Samples) -> bytes:
    """G.711 mu-law, one byte a sample."""
    return LINEAR_TO_MULAW[_to_int16(samples).view(np.uint16)].tobytes()


def encode_alaw(samples: Samples) -> bytes:
    """G.711 A-law, one byte a sample."""
    return LINEAR_TO_ALAW[_to_int16(samples).view(np.uint16)].tobytes()


def _to_int16(samples: Samples) -> npt.NDArray[np.int16]:
    scaled = np.rint(np.nan_to_num(samples, nan=0.0).clip(-1, 1) * np.float32(32_768))
    linear: npt.NDArray[np.int16] = scaled.clip(-32_768, 32_767).astype(np.int16)
    return linear
