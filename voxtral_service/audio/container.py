"""Sound out of media containers, by way of PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import av._core
from av.error import FFmpegError

from voxtral_service.audio import Samples
from voxtral_service.audio.ffmpeg import limit_allocations
from voxtral_service.audio.frames import check_channels, forget_layout, guard_layout, mono
from voxtral_service.audio.head import has_mp3_frame_count, needs_seeking, not_audio, wav_seconds
from voxtral_service.audio.source import ByteSource
from voxtral_service.errors import InvalidAudio

# FFmpeg also knows playlists and scripts (HLS, DASH, concat, SDP) that make it open other files and
# addresses: an upload must not reach them. Only containers that hold sound themselves are let in, and no
# protocol is.
_FORMATS = (
    "wav,w64,aiff,caf,au,voc,flac,mp3,aac,ac3,eac3,amr,amrnb,amrwb,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mpegts,mpeg,flv,asf,avi,wv,tta,ape,tak,mpc,mpc8,dts,loas,gsm,dsf"
)
_CONTAINER_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": ""}
# Containers whose header states the length; elsewhere FFmpeg guesses from the bit rate, or finds the end that
# a cut file has.
_STATES_LENGTH = {"flac", "aiff", "au", "wv", "tta", "mov,mp4,m4a,3gp,3g2,mj2"}
_ENCRYPTED_TAGS = {"drms", "enca", "aavd"}  # iTunes, Common Encryption, Audible
_SHORTFALL = 0.25  # seconds that codec delays and frame padding may take from an announced length

limit_allocations(av._core)

_USE_INSTEAD = "send WAV, FLAC, MP3, OGG, WEBM or M4A"


class ContainerStream:
    """The best sound track of one container, decoded as it is read.

    `duration` is in seconds, as the header says or as the bit rate suggests, None when neither is known.
    `warnings` is appended to while decoding. Damaged packets are skipped. Raises `InvalidAudio` when there is
    no sound to decode.
    """

    def __init__(self, source: ByteSource, warnings: list[str], *, spool_limit: int) -> None:
        self._source = source
        self._warnings = warnings
        if not source.seekable() and needs_seeking(source.head):
            source.spool(spool_limit)
        self._container = self._open()
        try:
            self._stream = self._best_stream()
        except InvalidAudio:
            self._container.close()
            raise
        self._announced, self.duration = self._lengths()
        self._decoded = 0.0  # seconds that came out
        self._end = 0.0  # where the last of them belongs, in seconds
        self._skipped = 0
        self._not_finite = 0
        self._broken = False

    def pieces(self) -> Iterator[tuple[int, Samples]]:
        """Decoded pieces in order: sample rate in Hz, mono samples of shape (n,)."""
        for frame in self._frames():
            seconds = frame.samples / frame.sample_rate
            self._decoded += seconds
            self._end = self._decoded if frame.time is None else frame.time + seconds
            samples, not_finite = mono(frame, self._source.label)
            self._not_finite += not_finite
            yield frame.sample_rate, samples
        self._source.check()
        self._report()

    def close(self) -> None:
        """Free the decoder; the source stays open."""
        self._container.close()

    def _open(self) -> Any:
        label = self._source.label
        try:
            return av.open(self._source, "r", container_options=dict(_CONTAINER_OPTIONS), metadata_errors="replace")
        except FFmpegError as error:
            self._source.check()
            if noun := not_audio(self._source.head):
                raise InvalidAudio(f"{label}: it is {noun}, not sound; {_USE_INSTEAD}") from error
            if needs_seeking(self._source.head):
                raise InvalidAudio(f"{label}: its index, which comes last, is missing; send all of it") from error
            raise InvalidAudio(
                f"{label}: it is in no audio format known here, or its header is damaged or all there is; "
                f"{_USE_INSTEAD}, or say the PCM format (such as s16le:16000:1) if it has no header"
            ) from error

    def _best_stream(self) -> Any:
        label = self._source.label
        if not self._container.streams.audio:
            kinds = ", ".join(sorted({stream.type for stream in self._container.streams})) or "nothing"
            raise InvalidAudio(f"{label}: there is no sound track in it ({kinds} only); send a file with sound")
        stream = self._container.streams.best("audio") or self._container.streams.audio[0]
        if stream.codec_context is None:
            raise InvalidAudio(f"{label}: there is no decoder for its sound track; {_USE_INSTEAD}")
        if _tag(stream.codec_context) in _ENCRYPTED_TAGS:
            raise self._encrypted()
        check_channels(forget_layout(stream.codec_context), stream.codec_context.sample_rate, label)
        stream.codec_context.thread_count = 1  # sound is cheap to decode; threads for every upload are not
        return stream

    def _encrypted(self) -> InvalidAudio:
        return InvalidAudio(f"{self._source.label}: its sound is encrypted (DRM); send an unprotected copy")

    def _lengths(self) -> tuple[float | None, float | None]:
        """The length in seconds that can be relied on, and the best guess."""
        container, stream = self._container, self._stream
        guesses = []
        if stream.duration:
            guesses.append(float(stream.duration * stream.time_base))
        if container.duration:
            guesses.append(container.duration / av.time_base)
        # A video may outlast its sound, and an edit list may leave out some of it.
        guess = min(guesses, default=None)
        if guess is not None and guess <= 0:
            guess = None
        if (stated := wav_seconds(self._source.head)) is not None:
            return stated, stated
        reliable = (
            container.format.name in _STATES_LENGTH
            or (container.format.name == "matroska,webm" and len(container.streams) == 1)
            or (container.format.name == "mp3" and has_mp3_frame_count(self._source.head))
        )
        return (guess if reliable else None), guess

    def _frames(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):
                # IndexError: PyAV trips at the end over streams that turned up half-way, after flushing ours.
                return
            except FFmpegError:
                # What follows a broken container cannot be found again; what the decoder still holds is good.
                self._broken = True
                yield from self._decode(None)
                return
            if packet.has_sidedata("encryption_info"):
                raise self._encrypted()
            yield from self._decode(packet)

    def _decode(self, packet: Any) -> list[Any]:
        try:
            frames = self._stream.codec_context.decode(packet)
        except EOFError:
            return []
        except FFmpegError:
            self._skipped += 1
            return []
        guard_layout(self._stream.codec_context.name, frames, self._source.label)
        return [frame for frame in frames if frame.samples and frame.sample_rate > 0]

    def _report(self) -> None:
        announced = self._announced
        if announced is not None and self._end < announced - _SHORTFALL:
            self._warnings.append(f"input ends early after {self._end:.1f} s: its header announces {announced:.1f} s")
        elif announced is not None and self._decoded < announced - _SHORTFALL:
            self._warnings.append(f"damaged parts were left out: {announced - self._decoded:.1f} s")
        elif announced is None and self._broken:
            self._warnings.append(f"input is damaged after {self._end:.1f} s: what follows could not be read")
        if self._skipped:
            self._warnings.append(f"packets that could not be decoded: {self._skipped}")
        if self._not_finite:
            self._warnings.append(f"samples that were not finite and became silence: {self._not_finite}")


def _tag(codec_context: Any) -> str:
    try:
        return str(codec_context.codec_tag)
    except UnicodeDecodeError:  # a damaged header
        return ""
