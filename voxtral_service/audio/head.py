"""What the first bytes of an input tell before anything is decoded."""

from __future__ import annotations

_SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
)
_TEXT_CONTROLS = b"\t\n\r\f\x1b"

# Programs that write WAV into a pipe cannot know its length; they put 0, 2**32 - 1 (ffmpeg, many speech
# services) or, rounded down a little, 2**31 - 1 (sox) instead.
_WAV_LENGTH_UNKNOWN = 0x7FFF_0000


def not_audio(head: bytes) -> str | None:
    """A noun phrase for well-known things that hold no sound ("a PNG picture", "text"), None for all else."""
    for signature, noun in _SIGNATURES:
        if head.startswith(signature):
            return noun
    # The cut may have split a character; "replace" with a little tolerance at the end covers that.
    if head and not any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        text = head.decode("utf-8", "replace")
        if "\ufffd" not in text[:-4]:
            return "text"
    return None


def wav_seconds(head: bytes) -> float | None:
    """The length that a RIFF WAV header announces, in seconds; None when it is no WAV, or its length was
    unknown to its writer.

    ffmpeg silently replaces an announced length by the file's, so a WAV that was cut short can only be told
    from here.
    """
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    position, byte_rate = 12, 0
    while position + 8 <= len(head):
        tag, size = head[position : position + 4], int.from_bytes(head[position + 4 : position + 8], "little")
        if tag == b"fmt ":
            byte_rate = int.from_bytes(head[position + 16 : position + 20], "little")
        elif tag == b"data":
            return size / byte_rate if byte_rate and 0 < size < _WAV_LENGTH_UNKNOWN else None
        position += 8 + size + size % 2  # chunks are padded to even lengths
    return None


def has_mp3_frame_count(head: bytes) -> bool:
    """Whether an MP3's length is announced (a Xing or Info frame) rather than guessed from its bit rate."""
    return b"Xing" in head or b"Info" in head


def needs_seeking(head: bytes) -> bool:
    """Whether the container can only be read by jumping to an index that follows the sound.

    That is so for MP4, M4A and MOV whose `moov` box does not come before `mdat` (files made for streaming
    have it in front), and for CAF, whose packet table usually comes last.
    """
    if head.startswith(b"caff"):
        return True
    if head[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return False
    position = 0
    while position + 8 <= len(head):
        size, box = int.from_bytes(head[position : position + 4], "big"), head[position + 4 : position + 8]
        if box in (b"moov", b"mdat"):
            return box == b"mdat"
        if size < 8:  # a 64-bit length, or "until the end": either way the index is not near
            break
        position += size
    return True
