"""The client's audio buffer, as far as the dialect has to know it: whether it is empty, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from voxtral_service.events import AppendAudio, AudioFormat, Command, Configure, SessionSettings
from voxtral_service.wire.openai_errors import Rejected

MOST_BYTES = 15 * 2**20
"""In one message."""
LEAST_MS = 100
"""Less cannot be committed."""
CONTAINER = AudioFormat("container")


class InputAudio:
    """Audio is in the format that the session declares, or in a container (WebM, Ogg) that begins where audio does."""

    def __init__(self) -> None:
        self._bytes = 0
        self._begins = True
        self._is_container = False

    def effective(self, declared: SessionSettings) -> SessionSettings:
        """The settings that count: a container tells its own format."""
        return replace(declared, audio_format=CONTAINER) if self._is_container else declared

    def append(self, data: bytes, declared: SessionSettings) -> Iterator[Command]:
        """Take more audio. Raises Rejected."""
        if len(data) > MOST_BYTES:
            raise Rejected(f"One message holds at most {MOST_BYTES} bytes of audio.", param="audio")
        if not data:
            return
        if (self._begins or self._is_container) and _begins_container(data):
            if self._is_container:  # a recorder began anew: leaving the format drops the state of the one before
                yield Configure(declared)
            self._is_container = True
            yield Configure(self.effective(declared))
        self._begins = False
        self._bytes += len(data)
        yield AppendAudio(data)

    def commit(self, declared: SessionSettings) -> None:
        """The buffer is empty from here on. Raises Rejected when it is already."""
        if self._bytes < self._least(declared.audio_format):
            raise Rejected(
                f"Error committing input audio buffer: buffer too small. Expected at least {LEAST_MS}ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        self._bytes = 0

    def clear(self) -> None:
        """Forget what was not committed."""
        self._bytes = 0

    def change_format(self) -> None:
        """What follows is in the declared format, or begins a container."""
        self._begins, self._is_container = True, False

    def _least(self, declared: AudioFormat) -> int:
        if self._is_container:  # how long its audio is cannot be told from its size
            return 1
        return LEAST_MS * declared.sample_rate // 1000 * (2 if declared.encoding == "pcm_s16le" else 1)


def _begins_container(data: bytes) -> bool:
    """Whether these are the first bytes of a WebM or Ogg stream; an Ogg page inside of one lacks the flag."""
    return data.startswith(b"\x1a\x45\xdf\xa3") or (data.startswith(b"OggS") and len(data) > 5 and bool(data[5] & 2))
