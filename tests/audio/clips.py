"""Sounds to decode: a chirp, in every container that PyAV can write."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples

LAYOUTS = {1: "mono", 2: "stereo", 8: "7.1"}


def chirp(seconds: float, rate: int) -> Samples:
    """A sweep from 200 to 2200 Hz and back up in loudness: every position in it sounds different."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (200 * time + 1000 * time**2 / seconds)
    return (0.5 * np.sin(phase) * (0.3 + 0.7 * time / seconds)).astype(np.float32)


@dataclass(frozen=True)
class Container:
    """One way to store sound: FFmpeg's names for muxer and encoder, and what the encoder allows."""

    muxer: str
    codec: str
    rates: tuple[int, ...] = (8_000, 44_100, 48_000, 96_000)
    channels: tuple[int, ...] = (1, 2, 8)
    lossless: bool = True
    options: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return "-".join((self.muxer, self.codec, *self.options.values()))


OPUS_RATES = (8_000, 48_000)
LAME_RATES = (8_000, 44_100, 48_000)
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}

CONTAINERS = (
    Container("wav", "pcm_u8"),
    Container("wav", "pcm_s16le"),
    Container("wav", "pcm_s24le"),
    Container("wav", "pcm_s32le"),
    Container("wav", "pcm_f32le"),
    Container("wav", "pcm_f64le"),
    Container("wav", "pcm_mulaw"),
    Container("wav", "pcm_alaw"),
    Container("w64", "pcm_s16le"),
    Container("aiff", "pcm_s16be"),
    Container("au", "pcm_s16be"),
    Container("caf", "pcm_s16be"),
    Container("caf", "alac", channels=(1, 2)),
    Container("flac", "flac"),
    Container("wv", "wavpack", channels=(1, 2)),
    Container("matroska", "flac"),
    Container("mp3", "libmp3lame", rates=LAME_RATES, channels=(1, 2), lossless=False),
    Container("ogg", "libopus", rates=OPUS_RATES, lossless=False),
    Container("webm", "libopus", rates=OPUS_RATES, lossless=False),
    Container("mp4", "libopus", rates=OPUS_RATES, lossless=False),
    Container("ipod", "aac", lossless=False),
    Container("mp4", "aac", lossless=False),
    Container("mp4", "aac", lossless=False, options=FRAGMENTED),
    Container("mov", "pcm_s16le"),
    Container("adts", "aac", lossless=False),
    Container("matroska", "aac", lossless=False),
    Container("mpegts", "aac", rates=(48_000,), channels=(1, 2), lossless=False),
    Container("flv", "aac", rates=(44_100,), channels=(1, 2), lossless=False),
    Container("amr", "libopencore_amrnb", rates=(8_000,), channels=(1,), lossless=False),
)


def store(container: Container, samples: Samples, rate: int, channels: int = 1) -> bytes:
    """`samples` (n,) at `rate`, the same in every channel, as the bytes of a file."""
    file = io.BytesIO()
    layout = LAYOUTS[channels]
    with av.open(file, "w", format=container.muxer, container_options=container.options) as output:
        stream = output.add_stream(container.codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, channels)[None, :], format="flt", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        convert = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
        for converted in convert.resample(frame):
            output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return file.getvalue()


def faststart(path: Path, samples: Samples, rate: int) -> bytes:
    """An M4A with its index in front, which FFmpeg can only write to a real file."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as output:
        stream = output.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()


class Pipe:
    """A stream that can only be read, and in short pieces, as a socket or a pipe."""

    def __init__(self, data: bytes, piece: int = 1500) -> None:
        self._rest = memoryview(data)
        self._piece = piece

    def read(self, size: int = -1) -> bytes:
        size = min(self._piece, size if size >= 0 else len(self._rest))
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data


def similarity(decoded: Samples, expected: Samples, max_shift: int = SAMPLE_RATE // 7) -> float:
    """The highest normalised correlation over shifts of up to `max_shift` samples either way; 1 is equal."""
    correlation = _correlation(decoded, expected)
    near = np.concatenate([correlation[: max_shift + 1], correlation[-max_shift:]])
    return float(near.max() / (np.linalg.norm(decoded) * np.linalg.norm(expected) + 1e-12))


def lag(decoded: Samples, expected: Samples) -> int:
    """By how many samples `decoded` comes late."""
    correlation = _correlation(decoded, expected)
    at = int(correlation.argmax())
    return at if at < len(correlation) // 2 else at - len(correlation)


def signal_to_noise(decoded: Samples, expected: Samples) -> float:
    """In decibels, of what they have in common; the loudness of either does not matter."""
    length = min(len(decoded), len(expected))
    decoded, expected = decoded[:length].astype(np.float64), expected[:length].astype(np.float64)
    signal = expected * (decoded @ expected) / (expected @ expected)
    return float(10 * np.log10((signal @ signal) / (np.square(decoded - signal).sum() + 1e-12)))


def _correlation(decoded: Samples, expected: Samples) -> Samples:
    size = 1 << (len(decoded) + len(expected)).bit_length()
    spectrum = np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(expected, size))
    correlation: Samples = np.fft.irfft(spectrum, size).astype(np.float32)
    return correlation
