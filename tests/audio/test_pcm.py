from __future__ import annotations

import contextlib
import io
import itertools

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.clips import Container, chirp, store
from voxtral_service.audio import MAX_CHANNELS
from voxtral_service.audio.g711 import ALAW_TO_LINEAR, LINEAR_TO_ALAW, LINEAR_TO_MULAW, MULAW_TO_LINEAR
from voxtral_service.audio.pcm import (
    PcmDecoder,
    PcmEncoding,
    PcmFormat,
    encode_alaw,
    encode_mulaw,
    encode_s16le,
)
from voxtral_service.errors import InvalidAudio, InvalidOption

INTEGERS = [encoding for encoding in PcmEncoding if encoding not in (PcmEncoding.F16LE, PcmEncoding.F32LE)]


def decode(pcm: PcmFormat, data: bytes) -> list[float]:
    return [float(sample) for sample in PcmDecoder(pcm).push(data)]


@pytest.mark.parametrize(
    ("encoding", "data", "expected"),
    [
        (PcmEncoding.U8, "00 40 80 c0", [-1, -0.5, 0, 0.5]),
        (PcmEncoding.S16LE, "0080 00c0 0000 0040", [-1, -0.5, 0, 0.5]),
        (PcmEncoding.S24LE, "000080 0000c0 000000 000040", [-1, -0.5, 0, 0.5]),
        (PcmEncoding.S32LE, "00000080 000000c0 00000000 00000040", [-1, -0.5, 0, 0.5]),
        (PcmEncoding.F16LE, "00bc 00b8 0000 0038", [-1, -0.5, 0, 0.5]),
        (PcmEncoding.F32LE, "000080bf 000000bf 00000000 0000003f", [-1, -0.5, 0, 0.5]),
        # G.711: full scale negative, the code nearest to 0, full scale positive.
        (PcmEncoding.MULAW, "00 7f ff 80", [-32124 / 32768, 0, 0, 32124 / 32768]),
        (PcmEncoding.ALAW, "2a 55 d5 aa", [-32256 / 32768, -8 / 32768, 8 / 32768, 32256 / 32768]),
    ],
)
def test_known_values(encoding: PcmEncoding, data: str, expected: list[float]) -> None:
    assert decode(PcmFormat(encoding), bytes.fromhex(data)) == expected


@given(
    encoding=st.sampled_from(INTEGERS),
    channels=st.integers(1, 8),
    data=st.binary(max_size=200),
    cuts=st.lists(st.integers(0, 200)),
)
def test_any_cut_gives_the_same_samples(encoding: PcmEncoding, channels: int, data: bytes, cuts: list[int]) -> None:
    pcm = PcmFormat(encoding, 16_000, channels)
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder = PcmDecoder(pcm)
    pieces = [decoder.push(data[start:end]) for start, end in itertools.pairwise(bounds)]
    joined = np.concatenate(pieces)
    whole = PcmDecoder(pcm).push(data)
    assert joined.dtype == np.float32
    assert np.array_equal(joined, whole)
    assert len(whole) == len(data) // pcm.frame_bytes
    assert decoder.finish() == len(data) % pcm.frame_bytes
    assert (np.abs(whole) <= 1).all()


@given(encoding=st.sampled_from([PcmEncoding.F16LE, PcmEncoding.F32LE]), data=st.binary(max_size=64))
def test_any_float_is_within_full_scale_or_refused(encoding: PcmEncoding, data: bytes) -> None:
    try:
        samples = PcmDecoder(PcmFormat(encoding)).push(data)
    except InvalidAudio:
        whole = len(data) - len(data) % encoding.width
        floats = np.frombuffer(data[:whole], "<f2" if encoding.width == 2 else "<f4")
        assert not np.isfinite(floats).all()
    else:
        assert (np.abs(samples) <= 1).all()


def test_non_finite_floats_are_refused_with_the_encoding_named() -> None:
    with pytest.raises(InvalidAudio, match="pcm_f32le"):
        PcmDecoder(PcmFormat(PcmEncoding.F32LE)).push(np.array([0.1, np.nan], "<f4").tobytes())


def test_channels_are_averaged() -> None:
    pcm = PcmFormat(PcmEncoding.F32LE, 48_000, 3)
    frames = np.array([[0.3, 0.6, 0.0], [-0.9, 0.0, 0.0]], "<f4")
    assert decode(pcm, frames.tobytes()) == pytest.approx([0.3, -0.3])


def test_memoryview_and_bytearray_are_bytes_too() -> None:
    data = encode_s16le(chirp(0.01, 16_000))
    expected = decode(PcmFormat(), data)
    assert [float(s) for s in PcmDecoder(PcmFormat()).push(bytearray(data))] == expected
    assert [float(s) for s in PcmDecoder(PcmFormat()).push(memoryview(data))] == expected


@given(st.lists(st.integers(-32_768, 32_767)))
def test_s16_round_trip_is_exact(values: list[int]) -> None:
    data = np.array(values, "<i2").tobytes()
    assert encode_s16le(PcmDecoder(PcmFormat()).push(data)) == data


def test_encoders_clip_and_silence() -> None:
    samples = np.array([2, -2, np.inf, -np.inf, np.nan], np.float32)
    assert np.frombuffer(encode_s16le(samples), "<i2").tolist() == [32767, -32768, 32767, -32768, 0]


@pytest.mark.parametrize(("encoding", "encode"), [(PcmEncoding.MULAW, encode_mulaw), (PcmEncoding.ALAW, encode_alaw)])
def test_g711_round_trip(encoding: PcmEncoding, encode: object) -> None:
    assert callable(encode)
    every = bytes(range(256))
    again = encode(PcmDecoder(PcmFormat(encoding)).push(every))
    # Only mu-law has two zeros; the negative one comes back as the positive one.
    minus_zero = 0x7F if encoding is PcmEncoding.MULAW else -1
    assert [(a, b) for a, b in zip(every, again, strict=True) if a not in (b, minus_zero)] == []


@pytest.mark.parametrize(
    ("to_linear", "to_law", "largest"),
    [(MULAW_TO_LINEAR, LINEAR_TO_MULAW, 32_124), (ALAW_TO_LINEAR, LINEAR_TO_ALAW, 32_256)],
)
def test_g711_error_stays_within_half_a_step(to_linear: np.ndarray, to_law: np.ndarray, largest: int) -> None:
    linear = np.arange(-largest, largest + 1)
    decoded = to_linear[to_law[linear.astype(np.int16).view(np.uint16)]].astype(np.int64)
    assert (np.diff(decoded) >= 0).all()
    step = np.maximum(2.0 ** (np.floor(np.log2(np.abs(linear) + 132)) - 4), 8)
    assert (np.abs(decoded - linear) <= step).all()


@pytest.mark.parametrize("codec", ["pcm_mulaw", "pcm_alaw"])
def test_g711_decodes_as_ffmpeg_does(codec: str) -> None:
    clip = store(Container("wav", codec), chirp(0.5, 8_000), 8_000)
    with av.open(io.BytesIO(clip)) as container:
        (stream,) = container.streams.audio
        packets = [bytes(packet) for packet in container.demux(stream)]
        container.seek(0)
        reference = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])
    ours = PcmDecoder(PcmFormat(PcmEncoding(codec), 8_000)).push(b"".join(packets))
    assert np.array_equal(ours * 32_768, reference)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s16le:16000:1", PcmFormat()),
        ("s16le", PcmFormat()),
        ("pcm_f32le:48000:2", PcmFormat(PcmEncoding.F32LE, 48_000, 2)),
        (" MULAW:8000 ", PcmFormat(PcmEncoding.MULAW, 8_000)),
    ],
)
def test_parse(text: str, expected: PcmFormat) -> None:
    assert PcmFormat.parse(text) == expected


@given(st.sampled_from(PcmEncoding), st.integers(1000, 384_000), st.integers(1, MAX_CHANNELS))
def test_parse_reads_what_str_writes(encoding: PcmEncoding, rate: int, channels: int) -> None:
    pcm = PcmFormat(encoding, rate, channels)
    assert PcmFormat.parse(str(pcm)) == pcm
    assert pcm.byte_rate == rate * channels * encoding.width


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "encoding"),
        ("mp3", "encoding"),
        ("pcm_pcm_s16le", "encoding"),
        ("s16le:", "format"),
        ("s16le:fast", "format"),
        ("s16le:16000:1:1", "format"),
        ("s16le:-16000", "format"),
        ("s16le:999", "sample_rate"),
        ("s16le:384001", "sample_rate"),
        ("s16le:" + "9" * 9999, "sample_rate"),
        ("s16le:16000:0", "channels"),
        ("s16le:16000:257", "channels"),
    ],
)
def test_parse_refuses(text: str, field: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        PcmFormat.parse(text)
    assert refused.value.field == field


@given(st.text(max_size=40))
def test_parse_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(InvalidOption):
        PcmFormat.parse(text)
