"""Inputs that are cut short, damaged, locked, or no sound at all."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import av
import numpy as np
import pytest

from tests.audio.clips import CONTAINERS, Container, Pipe, chirp, faststart, similarity, store
from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.decode import AudioReader, read
from voxtral_service.audio.frames import guard_layout
from voxtral_service.audio.source import Source
from voxtral_service.errors import InvalidAudio

RATE = 48_000
WAV, FLAC, MP3, OPUS, OGG, ADTS, M4A = (
    Container("wav", "pcm_s16le"),
    Container("flac", "flac"),
    Container("mp3", "libmp3lame"),
    Container("webm", "libopus"),
    Container("ogg", "libopus"),
    Container("adts", "aac"),
    Container("ipod", "aac"),
)


def drain(source: Source) -> tuple[float, list[str]]:
    """Seconds decoded, warnings."""
    with AudioReader(source) as reader:
        return sum(map(len, reader)) / SAMPLE_RATE, reader.warnings


def refusal(source: Source) -> str:
    with pytest.raises(InvalidAudio) as refused, AudioReader(source) as reader:
        list(reader)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("container", [WAV, FLAC, MP3, OPUS, Container("aiff", "pcm_s16be")], ids=str)
def test_cut_short_is_delivered_and_told(container: Container) -> None:
    clip = store(container, chirp(4.0, RATE), RATE)
    seconds, warnings = drain(clip[: len(clip) // 2])
    assert 1.5 < seconds < 2.5
    assert warnings[0] == f"input ends early after {seconds:.1f} s: its header announces 4.0 s"


@pytest.mark.parametrize("container", [WAV, FLAC, OPUS], ids=str)
def test_cut_short_in_a_pipe_is_told_too(container: Container) -> None:
    clip = store(container, chirp(4.0, RATE), RATE)
    _, warnings = drain(Pipe(clip[: len(clip) // 2]))
    assert warnings[0].startswith("input ends early after ")


@pytest.mark.parametrize("container", [OGG, ADTS], ids=str)
def test_without_an_announced_length_the_cut_is_delivered(container: Container) -> None:
    clip = store(container, chirp(4.0, RATE), RATE)
    seconds, _ = drain(clip[: len(clip) // 2])
    assert 1.5 < seconds < 2.5


def test_cut_short_behind_the_index(tmp_path: Path) -> None:
    clip = faststart(tmp_path / "clip.m4a", chirp(4.0, RATE), RATE)
    seconds, warnings = drain(clip[: len(clip) * 2 // 3])
    assert 1.5 < seconds < 3
    assert warnings[0].startswith("input ends early after ")


def test_cut_short_before_the_index() -> None:
    clip = store(M4A, chirp(1.0, RATE), RATE)
    for source in (clip[:-1000], Pipe(clip[:-1000])):
        assert "index" in refusal(source)


def test_damage_in_the_middle_costs_only_the_middle() -> None:
    clip = bytearray(store(FLAC, chirp(4.0, RATE), RATE))
    middle = len(clip) // 2
    clip[middle : middle + 15_000] = bytes(15_000)
    with AudioReader(bytes(clip)) as reader:
        samples = np.concatenate(list(reader))
    assert len(samples) > 2.5 * SAMPLE_RATE
    head = chirp(4.0, SAMPLE_RATE)[:SAMPLE_RATE]
    assert similarity(samples[:SAMPLE_RATE], head) > 0.99
    assert reader.warnings[0].startswith("damaged parts were left out: ")


def test_non_finite_samples_become_silence() -> None:
    samples = chirp(0.5, SAMPLE_RATE)
    samples[100:110] = np.nan
    samples[200] = np.inf
    with AudioReader(store(Container("wav", "pcm_f32le"), samples, SAMPLE_RATE)) as reader:
        decoded = np.concatenate(list(reader))
    assert np.isfinite(decoded).all()
    assert np.allclose(decoded[300:], samples[300:])
    assert reader.warnings == ["samples that were not finite and became silence: 11"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "nothing in it"),
        (b"This is a letter.\n" * 40, "it is text"),
        ("Grüße, ".encode() * 400, "it is text"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "it is text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "it is a PNG picture"),
        (b"%PDF-1.7\n" + bytes(200), "it is a PDF document"),
        (bytes(3000), "no audio format"),
        (b"RIFF\x24\0\0\0WAVE", "header is damaged"),
    ],
)
def test_what_is_no_sound_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a file\n.wav"
    path.write_bytes(data)
    assert refusal(data).startswith("the uploaded bytes: ")
    assert refusal(Pipe(data)).startswith("the audio stream: ")
    assert refusal(path).startswith(repr(str(path)))
    for source in (data, Pipe(data), path):
        assert said in refusal(source)


def test_no_samples() -> None:
    empty = store(WAV, chirp(1.0, RATE), RATE)
    at = empty.index(b"data") + 4
    message = refusal(empty[:at] + bytes(4))
    assert "all there is" in message or "not one sample" in message


def silent_video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        for _ in range(10):
            output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_video_without_sound() -> None:
    assert "no sound track in it (video only)" in refusal(silent_video())


def test_paths_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such file" in refusal(tmp_path / "missing.wav")
    assert "directory" in refusal(tmp_path)
    assert "cannot be opened" in refusal(str(tmp_path / "zero\0byte"))
    assert "cannot be opened" in refusal(str(tmp_path / ("x" * 500)))

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root, as in many containers, is never denied
    assert "permission" in refusal(tmp_path / "secret.wav")


def test_standard_input_is_named() -> None:
    stream = io.BytesIO()
    stream.name = "<stdin>"
    assert refusal(stream).startswith("standard input: ")


@pytest.mark.parametrize("tag", [b"drms", b"aavd", b"enca"])
def test_locked_by_a_shop(tag: bytes) -> None:
    clip = store(M4A, chirp(0.5, RATE), RATE).replace(b"mp4a", tag)
    assert "encrypted (DRM)" in refusal(clip)


def test_a_tag_of_no_letters_is_no_lock() -> None:
    clip = store(M4A, chirp(0.5, RATE), RATE).replace(b"mp4a", b"\xff\xfe\xfd\xfc")
    with contextlib.suppress(InvalidAudio):
        read(clip)


def test_locked_by_common_encryption(tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    with av.open(str(path), "w", options=options) as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(chirp(0.5, RATE)[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert "encrypted (DRM)" in refusal(path)


def test_a_rate_that_no_recorder_writes() -> None:
    clip = bytearray(store(WAV, chirp(0.5, RATE), RATE))
    clip[24:28] = (10_000_000).to_bytes(4, "little")
    assert "10000000 samples a second" in refusal(bytes(clip))


def test_a_failing_stream_fails_as_it_does() -> None:
    class Broken(Pipe):
        reads = 0

        def read(self, size: int = -1) -> bytes:
            self.reads += 1
            if self.reads > 20:
                raise ConnectionResetError("the other side left")
            return super().read(size)

    with (
        pytest.raises(ConnectionResetError),
        AudioReader(Broken(store(WAV, chirp(4.0, RATE), RATE))) as reader,
    ):
        list(reader)


def test_streams_that_are_not_binary_or_do_not_block() -> None:
    with pytest.raises(TypeError):
        AudioReader(io.StringIO("text"))  # type: ignore[arg-type]

    class NonBlocking:
        def read(self, size: int) -> None:
            return None

    with pytest.raises(BlockingIOError):
        AudioReader(NonBlocking())


def test_a_playlist_does_not_reach_other_files(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(store(WAV, chirp(0.5, RATE), RATE))
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path}/secret.wav\n")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile secret.wav\n")
    assert "it is text" in refusal(tmp_path / "list.m3u8")
    assert "it is text" in refusal(tmp_path / "list.ffconcat")


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    for container in (WAV, FLAC, MP3, OGG, M4A, ADTS):
        clip = store(container, chirp(1.0, RATE), RATE)
        for damaged in (clip[: len(clip) // 2], clip[: len(clip) // 3] + clip[len(clip) // 2 :]):
            with contextlib.suppress(InvalidAudio):
                read(damaged)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("container", [c for c in CONTAINERS if 8 in c.channels], ids=str)
def test_many_channels_do_not_corrupt_memory(container: Container) -> None:
    """PyAV frees some channel layouts twice, and reads past eight planes: see frames.py."""
    clip = store(container, chirp(0.1, RATE), RATE, channels=8)
    for _ in range(5):
        read(clip)


def test_layouts_that_a_decoder_made_up_are_refused() -> None:
    odd = SimpleNamespace(layout=SimpleNamespace(name="3 channels (FL+FR+SL)"))
    usual = SimpleNamespace(layout=SimpleNamespace(name="5.1(side)"))
    guard_layout("aac", [usual], "clip")
    guard_layout("flac", [odd], "clip")
    with pytest.raises(InvalidAudio, match="stereo or mono"):
        guard_layout("aac", [usual, odd], "clip")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_path_to_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    clip = store(WAV, chirp(0.5, RATE), RATE)
    writer = Thread(target=(tmp_path / "pipe").write_bytes, args=(clip,))
    writer.start()
    samples = read(tmp_path / "pipe")
    writer.join()
    assert np.array_equal(samples, read(clip))


def test_tracks_that_turn_up_half_way() -> None:
    """PyAV alone raises IndexError at the end of such a transport stream."""
    first = store(Container("mpegts", "aac"), chirp(12.0, RATE), RATE)
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts", container_options={"mpegts_start_pid": "600"}) as output:
        streams = [output.add_stream("aac", rate=RATE, layout="mono") for _ in range(6)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(chirp(0.5, RATE)[None, :], format="fltp", layout="mono")
            frame.sample_rate = RATE
            output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    seconds, warnings = drain(first + file.getvalue())
    assert seconds == pytest.approx(12.0, abs=0.1)
    assert warnings == []
