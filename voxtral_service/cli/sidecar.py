"""What has been heard of a recording so far, kept beside its transcript until that is whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voxtral_service.errors import CallerError
from voxtral_service.events import Score, Token, TranscriptSegment, Word


class Sidecar:
    """Finished segments of one recording, a line of JSON each, behind a line that says what they were made of.

    Written as they come, so that an interrupted program goes on behind the last of them.
    """

    def __init__(self, target: Path, made_of: dict[str, Any]) -> None:
        """`made_of` is all that the text depends on; segments of anything else are of no use."""
        self.path = target.with_name(f".{target.name}.progress")
        self._head = json.dumps(made_of, sort_keys=True)
        self._lines: list[str] | None = []
        """What the file is to begin with; None once it does."""

    def load(self) -> list[TranscriptSegment]:
        """The segments of an earlier run, none if there are none of use; a line cut short by a crash is left out."""
        made = self._read()
        self._lines = [_line(segment) for segment in made]
        return made

    def add(self, segment: TranscriptSegment) -> None:
        """Keep one more segment; raises CallerError when it cannot be written."""
        lines, mode = [_line(segment)], "a"
        if self._lines is not None:
            lines, mode = [self._head, *self._lines, *lines], "w"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open(mode, encoding="utf-8") as file:
                file.write("".join(f"{line}\n" for line in lines))
        except OSError as error:
            raise CallerError(f"cannot write {self.path}: {error.strerror or error}", field="output") from error
        self._lines = None

    def remove(self) -> None:
        """The transcript is whole."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> list[TranscriptSegment]:
        try:
            head, *lines = self.path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError, ValueError):
            return []
        made: list[TranscriptSegment] = []
        for line in lines if head == self._head else ():
            try:
                segment = _segment(json.loads(line))
            except (ValueError, TypeError, KeyError):
                break
            if segment.id != len(made):
                break
            made.append(segment)
        return made


def _line(segment: TranscriptSegment) -> str:
    return json.dumps(asdict(segment), ensure_ascii=False)


def _segment(fields: dict[str, Any]) -> TranscriptSegment:
    fields["words"] = tuple(Word(**word) for word in fields["words"])
    fields["tokens"] = tuple(Token(**token) for token in fields["tokens"])
    fields["score"] = Score(**fields["score"]) if fields["score"] else None
    return TranscriptSegment(**fields)
