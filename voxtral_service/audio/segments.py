"""Cutting long recordings where nobody speaks, by loudness alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples

HOP = SAMPLE_RATE // 50
"""Loudness is taken over 20 ms."""
PAUSE_HOPS = 15
"""A cut is made in the middle of 300 ms."""
PAUSE_RATIO = 0.1
"""A pause is at least 20 dB below what surrounds it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of samples and where it began in the recording, in samples."""

    start: int
    samples: Samples


def segments(blocks: Iterable[Samples], *, shortest: float = 20.0, longest: float = 60.0) -> Iterator[Segment]:
    """Cut a recording into segments of `shortest` to `longest` seconds that join up without gap or overlap.

    A cut is made at the first pause after `shortest`; where there is none before `longest`, at the quietest spot. The
    last segment may be shorter. Holds no more than one segment and one block in memory.
    """
    start = 0
    held: list[Samples] = []
    length = 0
    least, most = int(shortest * SAMPLE_RATE), int(longest * SAMPLE_RATE)
    for block in blocks:
        held.append(block)
        length += len(block)
        while length > least + PAUSE_HOPS * HOP:
            samples = np.concatenate(held)
            cut = _cut(samples, least, most)
            held = [samples[cut:]]
            if cut == 0:
                break
            yield Segment(start, samples[:cut])
            start += cut
            length -= cut
    if length:
        yield Segment(start, np.concatenate(held))


def _cut(samples: Samples, least: int, most: int) -> int:
    """Where to cut, or 0 if it is too early to say."""
    hops = samples[: min(len(samples), most) // HOP * HOP].reshape(-1, HOP)
    loudness = np.sqrt(np.square(hops).mean(1))
    around = np.convolve(loudness, np.full(PAUSE_HOPS, 1 / PAUSE_HOPS), "valid")
    first = least // HOP
    pauses = np.flatnonzero(around[first:] < PAUSE_RATIO * float(np.median(loudness)))
    if len(pauses):
        return int(first + pauses[0] + PAUSE_HOPS // 2) * HOP
    if len(samples) < most:
        return 0
    return int(first + around[first:].argmin() + PAUSE_HOPS // 2) * HOP
