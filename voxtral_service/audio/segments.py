"""Cutting long recordings where nobody speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.vad import CHUNK, CHUNK_SECONDS, Detector, silero

INAUDIBLE = 1e-4
"""A peak of -80 dB: nothing that a detector need be asked about. Hours of it fit into kilobytes of FLAC."""
BATCH = 32
"""Chunks analysed at once (about a second): fewer cost more calls, more fall out of a core's cache."""
SHORT_PAUSE = round(0.128 / CHUNK_SECONDS)
"""Chunks that will do where no pause is to be had; the stop of a `t` or a `p` is shorter."""
LONGEST_QUIET = round(600 / CHUNK_SECONDS)
OVERLAP = 4.0
"""Seconds that two segments have in common where speech runs on; a sixth of the longest if that is less."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """What counts as a pause, and what becomes of it; times in seconds.

    `threshold` is the probability from which a chunk counts as speech: low, for a word that is not heard is worse than
    noise that is. So much is heard `before` and `behind` speech, since consonants are quiet and the detector notices
    them late. `shortest` is how long nobody speaks in a pause; no less than the stop of a consonant counts. Beside that
    padding, silence of `quiet` seconds is worth a segment of its own, which nobody need hear. With `every`, each pause
    ends a segment, else only those that come when it is time.
    """

    threshold: float = 0.3
    before: float = 0.5
    behind: float = 0.5
    shortest: float = 0.32
    quiet: float = 4.0
    every: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a recording and the sound to be heard of it; positions in samples from the recording's beginning.

    `samples` begin at `start`. They are empty where nobody speaks, and go on beyond `end` where no pause was found.
    """

    start: int
    end: int
    samples: Samples

    @property
    def overlap(self) -> int:
        """How many samples at the beginning of the next segment are in this one too."""
        return max(0, len(self.samples) - (self.end - self.start))


def segments(
    blocks: Iterable[Samples],
    *,
    shortest: float = 20.0,
    longest: float = 60.0,
    skip_silence: bool = True,
    pauses: Pauses | None = None,
    detector: Callable[[], Detector] | None = None,
) -> Iterator[Segment]:
    """Cut a recording into segments of at most `longest` seconds that join up without gap or overlap.

    A cut is made in the middle of the first pause after `shortest` seconds (see `Pauses`); without one before
    `longest`, in the longest of shorter pauses; without any, in the midst of speech, and the segment before it then
    goes on for another `OVERLAP`. Long silences, by default of four seconds and more, are segments of their own,
    without samples and of any length, unless `skip_silence` is off. The last segment may be shorter.

    How the recording comes in blocks changes nothing, and each segment depends on the sound from its own start alone:
    a recording that is taken up again behind one of its segments gives the segments that were still to come. Holds at
    most one segment and one block in memory. `detector` makes what tells speech from silence, by default Silero's.
    """
    pauses = pauses or Pauses()
    cutter = _Cutter(
        0 if pauses.every else int(shortest * SAMPLE_RATE) // CHUNK,
        int(longest * SAMPLE_RATE) // CHUNK,
        pauses,
        skip_silence=skip_silence,
        detector=detector or silero().detector,
    )
    for block in blocks:
        for at in range(0, len(block), BATCH * CHUNK):
            cutter.push(block[at : at + BATCH * CHUNK])
            while (segment := cutter.next()) is not None:
                yield segment
    while (segment := cutter.next(ended=True)) is not None:
        yield segment


class _Cutter:
    """The segment being gathered; counts in chunks from its start."""

    def __init__(
        self, least: int, most: int, pauses: Pauses, *, skip_silence: bool, detector: Callable[[], Detector]
    ) -> None:
        self._least, self._most, self._skip_silence = least, most, skip_silence
        self._threshold = pauses.threshold
        self._before, self._behind = (
            min(round(seconds / CHUNK_SECONDS), most // 4) for seconds in (pauses.before, pauses.behind)
        )
        self._pause_chunks = max(SHORT_PAUSE, round(pauses.shortest / CHUNK_SECONDS))
        self._quiet_chunks = max(1, round(pauses.quiet / CHUNK_SECONDS))
        self._overlap = min(round(OVERLAP / CHUNK_SECONDS), most // 6)
        self._new_detector = detector
        self._buffer = np.empty((max(most, self._quiet_chunks + self._before) + 3 * BATCH) * CHUNK, np.float32)
        self._held = 0
        self._begin(0)

    def push(self, samples: Samples) -> None:
        """Add sound, one batch at most; then `next` must be called until it gives None."""
        self._buffer[self._held : self._held + len(samples)] = samples
        self._held += len(samples)

    def next(self, *, ended: bool = False) -> Segment | None:
        """The next segment that can be told; once the sound has `ended`, all of them up to the last."""
        while self._analyse(ended=ended):
            if (segment := self._cut()) is not None:
                return segment
        length = self._gone * CHUNK + self._held
        if not ended or not length:
            return None
        return self._take(length, length if self._spoken or not self._skip_silence else 0)

    def _begin(self, start: int) -> None:
        self._start = start
        self._detector = self._new_detector()
        self._speech = np.zeros(0, bool)
        self._spoken = False
        self._quiet = 0
        self._gone = 0

    def _analyse(self, *, ended: bool) -> bool:
        """Look at one batch more, less only at the end; False if there is none."""
        at = (len(self._speech) - self._gone) * CHUNK
        batch = self._buffer[at : min(self._held, at + BATCH * CHUNK)]
        if len(batch) < BATCH * CHUNK:
            if not ended or not len(batch):
                return False
            batch = np.pad(batch, (0, -len(batch) % CHUNK))
        if np.abs(batch).max() < INAUDIBLE:
            self._detector = self._new_detector()
            speech = np.zeros(len(batch) // CHUNK, bool)
        else:
            speech = self._detector.probabilities(batch) >= self._threshold
        self._speech = np.concatenate((self._speech, speech))
        self._spoken = self._spoken or bool(speech.any())
        self._quiet = int(speech[::-1].argmax()) if speech.any() else self._quiet + len(speech)
        return True

    def _cut(self) -> Segment | None:
        """The segment, if enough has been analysed to tell its end; looks at nothing else, see `segments`."""
        known = len(self._speech)
        if self._skip_silence and not self._spoken:
            return self._cut_silence(known)
        if self._skip_silence and (quiet := int(self._speech.argmax()) - self._before) >= self._quiet_chunks:
            return self._take(quiet * CHUNK, 0)
        if known <= self._least and self._quiet < self._quiet_chunks + self._before + self._behind:
            return None
        silences = _silences(self._speech)
        at = self._pause(silences)
        if at is None and known > self._most:
            at = self._short_pause(silences)
            if at is None:
                return self._take((self._most - self._overlap) * CHUNK, self._most * CHUNK)
        return None if at is None else self._take(at * CHUNK, at * CHUNK)

    def _cut_silence(self, known: int) -> Segment | None:
        """So many chunks in which nobody has spoken, if they are as many as may be."""
        if known >= LONGEST_QUIET:
            return self._take((known - self._before) * CHUNK, 0)
        self._let_go(known - self._before - 1)
        return None

    def _pause(self, silences: list[tuple[int, int]]) -> int | None:
        """The first good place for a cut: the middle of a pause, or of what is heard of one that lasts.

        Only where every pause counts is its end waited for until it is sure that it is worth leaving out.
        """
        heard = self._before + self._behind
        sure = heard + self._quiet_chunks if not self._least else heard
        for begin, end in silences:
            least = max(begin, self._least)
            over = end < len(self._speech) or end - least >= sure
            at = None
            if self._skip_silence and end - begin >= self._quiet_chunks + heard:
                at = begin + self._behind
            elif begin and end - begin >= self._pause_chunks and end - least >= self._pause_chunks // 2 and over:
                at = least + min(end - least, heard) // 2
            if at is not None and at <= self._most:
                return at
        return None

    def _short_pause(self, silences: list[tuple[int, int]]) -> int | None:
        rooms = [(max(begin, self._least), min(end, self._most)) for begin, end in silences if begin]
        begin, end = max(rooms, key=lambda room: room[1] - room[0], default=(0, 0))
        return (begin + end) // 2 if end - begin >= SHORT_PAUSE else None

    def _take(self, length: int, heard: int) -> Segment:
        """The segment of so many samples, of which so many are to be heard; a new one begins behind it."""
        segment = Segment(self._start, self._start + length, self._buffer[:heard].copy())
        left = self._held - (length - self._gone * CHUNK)
        self._buffer[:left] = self._buffer[self._held - left : self._held].copy()
        self._held = left
        self._begin(segment.end)
        return segment

    def _let_go(self, chunks: int) -> None:
        """Drop the samples of so many chunks in which nobody speaks, once it is sure that nobody need hear them."""
        if chunks - self._quiet_chunks > self._gone:
            count = (chunks - self._gone) * CHUNK
            self._held -= count
            self._buffer[: self._held] = self._buffer[count : count + self._held].copy()
            self._gone = chunks


def _silences(speech: Samples) -> list[tuple[int, int]]:
    """Where there is no speech: first chunk, and the one behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], speech, [True])).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in pairwise(edges)][::2]
