"""Training rows: fixed lengths of sound, filled with utterances, pauses and noise, and what should be written for them.

One compiled shape serves all of training, no position is padding, and the network meets what it will meet in use: sound
that goes on, sentences one after the other, silence of any length. A row has `tokens` decoder positions of 80 ms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sound import SAMPLE_RATE, Rng, Samples, disturb, noise
from store import Store, Utterance
from tekken import BOS, STREAMING_PAD, STREAMING_WORD, Pieces

SAMPLES_PER_TOKEN = 1280
LEFT_PAD_TOKENS = 32
IGNORE = -100


@dataclass(frozen=True)
class Span:
    """Where an utterance starts and ends in its row (seconds), how many words it has and whether it was recorded."""

    start: float
    end: float
    words: int
    natural: bool


@dataclass
class Row:
    """Sound of one row, its utterances, and its words with the time each ends in it (seconds; NaN where unknown)."""

    samples: Samples
    words: list[str] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


class Group:
    """Utterances of one store that are drawn without repetition until all were used."""

    def __init__(self, store: Store, rng: Rng, validation: bool, known_ends: bool) -> None:
        self.store = store
        self.natural = store.name.startswith("real")
        self.ends = _aligned_ends(store) if known_ends else {}
        self.rows = [
            row
            for i, row in enumerate(store.rows)
            if row.seconds < 12.0 and row.text and is_validation(self.natural, row) == validation
            and (not known_ends or row.ends is not None or i in self.ends)
        ]  # fmt: skip
        if known_ends:
            for i, row in enumerate(store.rows):
                row.ends = row.ends or self.ends.get(i)
        self.rows.sort(key=lambda row: row.count)
        self._rng = rng
        self._order: list[int] = []

    def draw(self, longest: float) -> Utterance:
        """Return the next utterance not longer than `longest` seconds (or the shortest there is)."""
        for _ in range(20):
            if not self._order:
                self._order = self._rng.permutation(len(self.rows)).tolist()
            row = self.rows[self._order.pop()]
            if row.seconds <= longest:
                return row
        return self.rows[0]


def is_validation(natural: bool, row: Utterance) -> bool:
    """Keep a fortieth of the recorded utterances, by voice where it is known, out of training to watch progress."""
    key = row.text if row.voice.endswith(":None") else row.voice
    return natural and sum(key.encode()) % 40 == 0 and "digit" not in row.voice


def _aligned_ends(store: Store) -> dict[int, list[float]]:
    """Read the word ends that `align.py` found for a store, by row number."""
    path = Path(store.path).with_suffix(".ends.jsonl")
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["row"]: row["ends"] for row in rows}


class Rows:
    """An endless source of rows.

    `weights` gives each store's share of the utterances, by the first part of its name; `left_pad` starts each row with
    the silence of a prompt; `strength` from 0 to 1 scales how often an utterance is disturbed; `noisy` is the share of
    rows with noise in them. Raises ValueError for a store without a weight.
    """

    def __init__(
        self,
        stores: list[Store],
        weights: dict[str, float],
        rng: Rng,
        tokens: int,
        left_pad: bool = False,
        known_ends: bool = False,
        strength: float = 1.0,
        noisy: float = 0.5,
    ) -> None:
        self.rng, self.samples = rng, tokens * SAMPLES_PER_TOKEN
        self.left = LEFT_PAD_TOKENS * SAMPLES_PER_TOKEN if left_pad else 0
        self.longest, self.strength, self.noisy = 12.0, strength, noisy
        self.groups = [Group(store, rng, validation=False, known_ends=known_ends) for store in stores]
        families = [group.store.name.split("-")[0] for group in self.groups]
        if unknown := set(families) - weights.keys():
            raise ValueError(f"no weight says how often to draw from {', '.join(sorted(unknown))}; known: {[*weights]}")
        share = np.array([weights[f] if g.rows else 0.0 for f, g in zip(families, self.groups, strict=True)])
        self.share = share / share.sum()
        self._noises = [noise(self.samples + 5 * SAMPLE_RATE, rng) for _ in range(40)]
        self._noises += [self._babble() for _ in range(8)]

    def _babble(self) -> Samples:
        x = np.zeros(self.samples + 5 * SAMPLE_RATE, np.float32)
        for _ in range(len(x) // SAMPLE_RATE):
            group = self.groups[self.rng.choice(len(self.groups), p=self.share)]
            speech = group.store.samples(group.draw(12.0)).astype(np.float32)
            start = self.rng.integers(0, len(x))
            x[start : start + len(speech)] += speech[: len(x) - start]
        return x / (np.sqrt(np.mean(x**2)) + 1e-6)

    def __iter__(self) -> Iterator[Row]:
        while True:
            yield self.row()

    def row(self) -> Row:
        """Make one row; every 25th has no speech at all."""
        row = Row(np.zeros(self.samples, np.float32))
        speechless = self.rng.random() < 0.04
        if not speechless:
            self._fill(row)
        self._add_noise(row, speechless)
        np.clip(row.samples, -1, 1, out=row.samples)
        return row

    def _fill(self, row: Row) -> None:
        rng = self.rng
        hard_start = rng.random() < 0.3
        position = self.left + (0 if hard_start else int(rng.uniform(0, 0.8) * SAMPLE_RATE))
        while True:
            room = (self.samples - position) / SAMPLE_RATE - 0.4
            group = self.groups[rng.choice(len(self.groups), p=self.share)]
            utterance = group.draw(min(self.longest, room))
            x, speed = disturb(
                group.store.samples(utterance).astype(np.float32) / 32768, rng, group.natural, self.strength
            )
            if len(x) / SAMPLE_RATE > room:
                return
            row.samples[position : position + len(x)] += x
            start = position / SAMPLE_RATE
            words = utterance.text.split()
            row.spans.append(Span(start, start + len(x) / SAMPLE_RATE, len(words), group.natural))
            row.words += words
            row.ends += (
                [start + end / speed for end in utterance.ends] if utterance.ends else [float("nan")] * len(words)
            )
            pause = rng.uniform(0.15, 0.7) if rng.random() < 0.75 else rng.uniform(0.6, 3)
            position += len(x) + int(pause * SAMPLE_RATE)

    def _add_noise(self, row: Row, speechless: bool) -> None:
        rng, heard = self.rng, row.samples[self.left :]
        level = float(np.sqrt(np.mean(heard**2))) if not speechless else 10 ** (-rng.uniform(10, 50) / 20)
        kind = rng.random()
        if kind < (0.5 if speechless else self.noisy):
            source = self._noises[rng.integers(len(self._noises))]
            start = rng.integers(0, len(source) - len(heard) + 1)
            ratio = rng.uniform(3, 30) if not speechless else 0.0
            heard += source[start : start + len(heard)] * np.float32(level * 10 ** (-ratio / 20))
        if kind < 0.8:
            heard += rng.standard_normal(len(heard), dtype=np.float32) * np.float32(10 ** (-rng.uniform(45, 90) / 20))


def delayed_tokens(row: Row, pieces: Pieces, delay: int, tokens: int) -> npt.NDArray[np.int64]:
    """Return the token at every position 0..tokens of a row with a left pad, for a delay in tokens.

    arXiv 2602.11298, section 3.1: padding while waiting; once a word has ended and the delay has passed, the word
    marker and then the word's pieces, one a position. A word that falls due while another is being written follows it
    without a marker. A word that ends in frame f of the sound is due at position 33 + delay + f (the first 33 + delay
    tokens are the prompt: BOS and padding).
    """
    ids = np.full(tokens + 1, STREAMING_PAD, np.int64)
    ids[0] = BOS
    free = 33 + delay
    for word, end in zip(row.words, row.ends, strict=True):
        frame = int((end * SAMPLE_RATE - LEFT_PAD_TOKENS * SAMPLES_PER_TOKEN) // SAMPLES_PER_TOKEN)
        due = 33 + delay + max(frame, 0)
        if due >= free:
            free = due
            written = [STREAMING_WORD, *pieces.encode_word(word)]
        else:
            written = list(pieces.encode_word(word))
        written = written[: max(0, tokens + 1 - free)]
        ids[free : free + len(written)] = written
        free += len(written)
    return ids
