"""One segment of a recording on its way to the reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.segments import Segment
from voxtral_service.engine.hearing import Hearing
from voxtral_service.engine.overlap import SLACK, Unit, places, splice, units
from voxtral_service.events import FileEvent, SegmentDelta, TranscriptSegment, Word

LATENESS = 3.0
"""Seconds behind the sound within which engines have written it; the longest delay of Voxtral Realtime is 2.4."""


class Part:
    """A segment with what is heard of it.

    Where it overlaps the next one, its last words wait until that has been heard so far as to tell which of the two
    says them; until then it `is_open`.
    """

    def __init__(self, number: int, offset: float, segment: Segment, hearing: Hearing | None) -> None:
        """`offset` is where the recording at hand begins, in seconds of the whole one; `hearing` None for silence."""
        self._number = number
        self._zero = offset + segment.start / SAMPLE_RATE
        self._start, self._end = self._zero, offset + segment.end / SAMPLE_RATE
        self._overlap = segment.overlap / SAMPLE_RATE
        self._hearing = hearing
        self._from = self._said = 0
        self.is_open = False

    async def events(self, before: Part | None) -> AsyncGenerator[FileEvent]:
        """Deltas and the segment itself; first what was still open of the part `before` it."""
        hearing = self._hearing
        if hearing is None:
            for event in (*(before._close(None) if before else ()), *self._close(None)):
                yield event
            return
        if before is not None:
            while not hearing.over and hearing.audio_seconds < before._overlap + LATENESS:
                await hearing.news()
            for event in before._join(self):
                yield event
        certain = (self._end - self._zero - SLACK) if self._overlap else float("inf")
        while not hearing.over:
            if hearing.audio_seconds <= certain:
                for delta in self._say(len(hearing.text)):
                    yield delta
            await hearing.news()
        self.is_open = self._overlap > 0
        if not self.is_open:
            for event in self._close(None):
                yield event

    def _join(self, after: Part) -> Iterator[FileEvent]:
        """Share what both parts heard between them, and close this one."""
        assert self._hearing
        assert after._hearing
        text, following = self._hearing.text, after._hearing.text
        own, others = units(text, self._words(self._hearing)), units(following, after._words(after._hearing))
        cut = splice(text, own, following, others, self._end, self._end + self._overlap)
        end = self._end + self._overlap / 2
        kept = [unit for unit in own if unit.end <= cut.left]
        left = [unit for unit in others if unit.start >= cut.right]
        if (middle := _between(kept, left)) is not None:
            end = min(max(middle, self._end), self._end + self._overlap)
        self._end = after._start = end
        after._from = after._said = cut.right
        yield from self._close(cut.left)

    def _close(self, keep: int | None) -> Iterator[FileEvent]:
        """The rest of the text, of which so many characters are kept, and the segment."""
        start, end = round(self._start, 3), round(self._end, 3)
        hearing = self._hearing
        if hearing is None:
            yield TranscriptSegment(self._number, start, end, "")
            return
        keep = len(hearing.text) if keep is None else max(keep, self._said)
        yield from self._say(keep)
        words = self._words(hearing)
        if self._from or keep < len(hearing.text):
            found = zip(words, places(hearing.text, words), strict=True)
            words = [word for word, place in found if place and place[0] >= self._from and place[1] <= keep]
        at, tokens = 0, []
        for token in hearing.tokens:
            if at >= self._from and at + len(token.text) <= keep:
                tokens.append(token)
            at += len(token.text)
        text = hearing.text[self._from : keep].strip()
        yield TranscriptSegment(
            self._number, start, end, text, tuple(words), tuple(tokens), hearing.language, hearing.score
        )

    def _say(self, upto: int) -> Iterator[SegmentDelta]:
        """The text up to there, as far as it has not been said; without white space at either end."""
        assert self._hearing
        text = self._hearing.text[:upto].rstrip()
        if self._said == self._from < len(text):
            self._said = self._from = len(text) - len(text[self._from :].lstrip())
        if len(text) > self._said:
            delta, self._said = text[self._said :], len(text)
            yield SegmentDelta(self._number, delta)

    def _words(self, hearing: Hearing) -> list[Word]:
        zero = self._zero
        return [Word(word.text, round(word.start + zero, 3), round(word.end + zero, 3)) for word in hearing.words]


def _between(left: list[Unit], right: list[Unit]) -> float | None:
    """The time between the last unit of one text and the first of the next, if it is known."""
    before = left[-1].at if left else None
    after = right[0].at if right else None
    return None if before is None or after is None else (before + after) / 2
