"""Samples to the bytes of a file, piece by piece, for answers that are sent while they are made."""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import av
import numpy as np

from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.errors import InvalidOption


class SoundFormat(StrEnum):
    """How sound is written: the names of OpenAI's API, and 32-bit float PCM, which Mistral calls pcm."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm"
    PCM_F32 = "pcm_f32le"

    @property
    def media_type(self) -> str:
        """What a Content-Type header says, registered names where there are some."""
        return MEDIA_TYPES[self]


MEDIA_TYPES = {
    SoundFormat.MP3: "audio/mpeg",
    SoundFormat.OPUS: "audio/ogg; codecs=opus",
    SoundFormat.AAC: "audio/aac",
    SoundFormat.FLAC: "audio/flac",
    SoundFormat.WAV: "audio/wav",
    SoundFormat.PCM: "audio/pcm",
    SoundFormat.PCM_F32: "audio/pcm",
}
_CODECS = {
    SoundFormat.MP3: ("mp3", "libmp3lame", 64_000, {"write_xing": "0"}),
    SoundFormat.OPUS: ("ogg", "libopus", 32_000, {"page_duration": "100000"}),
    SoundFormat.AAC: ("adts", "aac", 64_000, {}),
    SoundFormat.FLAC: ("flac", "flac", 0, {}),
}
"""FFmpeg's container and codec, bits a second, options of the container. A Xing header would have to be written over at
the end; an Ogg page of a second, its default, would hold the beginning back.
"""
RATES: dict[SoundFormat, tuple[int, ...]] = {
    SoundFormat.MP3: (16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    SoundFormat.OPUS: (8_000, 12_000, 16_000, 24_000, 48_000),
    SoundFormat.AAC: (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
"""Hz that a codec takes; those that are not here take any."""
UNKNOWN_LENGTH = 0xFFFF_FFFF
"""What a WAV header says of sound whose end is not known yet; readers go on to the end of the file."""


class SoundEncoder(Protocol):
    """One file on its way; use it once."""

    def push(self, samples: Samples) -> bytes:
        """What is ready after `samples` (n,), possibly nothing."""
        ...

    def finish(self) -> bytes:
        """The rest of the file."""
        ...


def encoder(format: SoundFormat, sample_rate: int) -> SoundEncoder:
    """Make one for mono sound at a rate in Hz. Raises InvalidOption for a rate that the format does not have."""
    rates = RATES.get(format)
    if rates and sample_rate not in rates:
        raise InvalidOption(
            f"{format} has no sample rate of {sample_rate} Hz; take one of {rates}", field="sample_rate"
        )
    match format:
        case SoundFormat.PCM:
            return _Pcm(encode_s16le)
        case SoundFormat.PCM_F32:
            return _Pcm(encode_f32le)
        case SoundFormat.WAV:
            return _Pcm(encode_s16le, wav_header(sample_rate))
    return _Compressed(format, sample_rate)


def encode_f32le(samples: Samples) -> bytes:
    """32-bit little-endian floats."""
    return samples.astype("<f4", copy=False).tobytes()


def wav_header(sample_rate: int) -> bytes:
    """The first 44 bytes of 16-bit mono WAV of unknown length."""
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    sizes = struct.pack("<I", UNKNOWN_LENGTH)
    return b"RIFF" + sizes + b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + sizes


class _Pcm:
    def __init__(self, encode: Callable[[Samples], bytes], header: bytes = b"") -> None:
        self._encode = encode
        self._header = header

    def push(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + self._encode(samples)

    def finish(self) -> bytes:
        header, self._header = self._header, b""
        return header


class _Outlet:
    """A file that can only be written to, which is how FFmpeg learns that it cannot go back."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


class _Compressed:
    """A codec and a container of FFmpeg's. Its frames are tens of milliseconds long; what is less waits for more."""

    def __init__(self, format: SoundFormat, sample_rate: int) -> None:
        container, codec, bit_rate, options = _CODECS[format]
        self._rate = sample_rate
        self._outlet = _Outlet()
        self._container = av.open(self._outlet, "w", format=container, options={"flush_packets": "1", **options})
        self._stream = self._container.add_stream(codec, rate=sample_rate)
        self._stream.layout = "mono"
        if bit_rate:
            self._stream.bit_rate = bit_rate
        self._resampler = av.AudioResampler(self._stream.format, "mono", sample_rate)
        self._position = 0

    def push(self, samples: Samples) -> bytes:
        if len(samples):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples, np.float32).reshape(1, -1), format="fltp", layout="mono"
            )
            frame.sample_rate = self._rate
            frame.pts = self._position
            self._position += len(samples)
            for fitting in self._resampler.resample(frame):
                self._container.mux(self._stream.encode(fitting))
        return self._outlet.take()

    def finish(self) -> bytes:
        for fitting in self._resampler.resample(None):
            self._container.mux(self._stream.encode(fitting))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._outlet.take()
