"""Every format is read back by our own reader, and is written while the sound still comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxtral_service.audio import Samples
from voxtral_service.audio.decode import read
from voxtral_service.audio.encode import RATES, SoundFormat, encoder
from voxtral_service.audio.pcm import PcmEncoding, PcmFormat
from voxtral_service.errors import InvalidOption

RATE = 24_000
HEADERLESS = {
    SoundFormat.PCM: PcmFormat(PcmEncoding.S16LE, RATE),
    SoundFormat.PCM_F32: PcmFormat(PcmEncoding.F32LE, RATE),
}
PADDING = {SoundFormat.MP3: 0.1, SoundFormat.OPUS: 0.03, SoundFormat.AAC: 0.1}
"""Seconds that a codec adds at the ends; the others add none."""


def tones(seconds: float, rate: int = RATE) -> Samples:
    """A tone whose pitch is other in each half second."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * np.cumsum(300 + 100 * np.floor(2 * time)) / rate)).astype(np.float32)


def encoded(format: SoundFormat, samples: Samples, cuts: tuple[int, ...] = (), rate: int = RATE) -> bytes:
    encode = encoder(format, rate)
    return b"".join([*(encode.push(piece) for piece in np.split(samples, cuts)), encode.finish()])


@pytest.mark.parametrize("format", SoundFormat)
def test_what_is_written_is_read_back(format: SoundFormat) -> None:
    samples = tones(2.3)
    back = read(encoded(format, samples), pcm=HEADERLESS.get(format), sample_rate=RATE)
    assert len(back) / RATE == pytest.approx(2.3, abs=PADDING.get(format, 1e-9))
    # Where the codec put it is told by the best match, and it is the same sound there.
    spectrum = np.fft.rfft(back, 2**17) * np.conj(np.fft.rfft(samples, 2**17))
    shift = int(np.argmax(np.fft.irfft(spectrum)))
    assert shift < 0.07 * RATE
    both = min(len(back) - shift, len(samples))
    assert np.corrcoef(back[shift : shift + both], samples[:both])[0, 1] > 0.98


@pytest.mark.parametrize("format", SoundFormat)
def test_bytes_come_while_sound_goes_in(format: SoundFormat) -> None:
    """No format holds more than a third of a second back."""
    encode, samples = encoder(format, RATE), tones(3.0)
    written = b""
    for piece in np.split(samples, range(960, len(samples), 960)):
        written += encode.push(piece)
    back = read(written, pcm=HEADERLESS.get(format), sample_rate=RATE)
    assert len(back) > 2.65 * RATE
    encode.finish()


@pytest.mark.parametrize("format", SoundFormat)
@given(cuts=st.lists(st.integers(0, 24_000), max_size=6))
@settings(max_examples=6)
def test_how_it_is_cut_changes_nothing(format: SoundFormat, cuts: list[int]) -> None:
    samples = tones(1.0)
    whole = read(encoded(format, samples), pcm=HEADERLESS.get(format), sample_rate=RATE)
    pieces = read(encoded(format, samples, tuple(sorted(cuts))), pcm=HEADERLESS.get(format), sample_rate=RATE)
    assert np.array_equal(whole, pieces)


@pytest.mark.parametrize(("format", "rate"), [(format, rate) for format, rates in RATES.items() for rate in rates])
def test_rates(format: SoundFormat, rate: int) -> None:
    back = read(encoded(format, tones(0.5, rate), rate=rate))
    assert len(back) / 16_000 == pytest.approx(0.5, abs=0.2)


def test_what_is_no_rate_of_the_format() -> None:
    with pytest.raises(InvalidOption, match="opus has no sample rate of 22050 Hz"):
        encoder(SoundFormat.OPUS, 22_050)


@pytest.mark.parametrize("format", SoundFormat)
def test_no_sound_is_no_failure(format: SoundFormat) -> None:
    """FLAC leaves eight kilobytes for tags."""
    assert len(encoded(format, np.zeros(0, np.float32))) < 10_000


def test_full_scale_is_clipped_not_wrapped() -> None:
    data = encoded(SoundFormat.PCM, np.array([2.0, -2.0, 0.0], np.float32))
    assert np.frombuffer(data, "<i2").tolist() == [32_767, -32_768, 0]


def test_the_wav_header_is_written_once() -> None:
    data = encoded(SoundFormat.WAV, tones(0.1), (10, 20))
    assert [data.count(mark) for mark in (b"RIFF", b"data")] == [1, 1]
    assert len(data) == 44 + 2 * 2_400
