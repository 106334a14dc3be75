"""One finished transcript in the formats that files have."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from voxtral_service import subtitles
from voxtral_service.events import Transcript


class Format(StrEnum):
    """What a transcript may be written as."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"

    @property
    def suffix(self) -> str:
        """The end of a file's name."""
        return ".txt" if self is Format.TEXT else f".{self.value}"


@dataclass(frozen=True, slots=True)
class Result:
    """A transcript and how it came to be."""

    source: str
    transcript: Transcript
    model: str
    delay_ms: int | None
    warnings: tuple[str, ...] = ()


def render(result: Result, format: Format, *, one_line: bool = False, words: bool = False) -> str:
    """The whole text of a file, with its last newline; `one_line` makes JSON a line of JSON Lines.

    `words` makes text a line for each word: when it begins and ends, in seconds, and the word, with tabs between.
    """
    match format:
        case Format.TEXT if words:
            return "".join(f"{w.start:.2f}\t{w.end:.2f}\t{w.text.strip()}\n" for w in result.transcript.words)
        case Format.TEXT:
            return result.transcript.text.strip() + "\n"
        case Format.JSON:
            return json.dumps(_document(result), ensure_ascii=False, indent=None if one_line else 2) + "\n"
        case Format.SRT:
            return subtitles.srt(subtitles.cues(result.transcript.words))
        case Format.VTT:
            return subtitles.vtt(subtitles.cues(result.transcript.words))


def _document(result: Result) -> dict[str, object]:
    transcript = result.transcript
    return {
        "file": result.source,
        "text": transcript.text.strip(),
        "duration": round(transcript.duration, 3),
        "language": transcript.language,
        "model": result.model,
        "delay_ms": result.delay_ms,
        "words": [asdict(word) for word in transcript.words],
        "warnings": list(result.warnings),
    }
