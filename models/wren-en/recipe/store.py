"""A store of transcribed sound: one file of 16 kHz int16 samples and one JSON line per utterance.

    NAME.pcm     all samples, one utterance after the other
    NAME.jsonl   {"start": first sample, "count": samples, "text": transcript, "voice": ..., "ends": [s, ...] or null}

Appending is all that writing does and mapping is all that reading does, so a store may be larger than memory and can
be read while it grows (`open_store` sees the complete lines).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000


@dataclass(slots=True)
class Utterance:
    """Where an utterance lies in its store and what is said in it; `ends` are word ends in seconds, if known."""

    start: int
    count: int
    text: str
    voice: str
    ends: list[float] | None = None

    @property
    def seconds(self) -> float:
        """Return the length of the sound."""
        return self.count / SAMPLE_RATE


class StoreWriter:
    """Appends utterances to a store, within a `with` block."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._pcm = path.with_suffix(".pcm").open("ab")
        self._rows = path.with_suffix(".jsonl").open("a", encoding="utf-8")
        self.position = self._pcm.tell() // 2

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close both files."""
        self._pcm.close()
        self._rows.close()

    def add(self, samples: npt.NDArray[np.int16], text: str, voice: str, ends: list[float] | None = None) -> None:
        """Append one utterance: the samples first, so that a row never points beyond the file."""
        self._pcm.write(samples.tobytes())
        self._pcm.flush()
        row = Utterance(self.position, len(samples), text, voice, ends)
        self._rows.write(json.dumps(asdict(row)) + "\n")
        self._rows.flush()
        self.position += len(samples)


class Store:
    """Utterances of one store, their samples mapped into memory."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.stem
        self.rows = list(_read_rows(path.with_suffix(".jsonl")))
        self._pcm = np.memmap(path.with_suffix(".pcm"), dtype=np.int16, mode="r")

    def samples(self, row: Utterance) -> npt.NDArray[np.int16]:
        """Return the samples of one utterance, without copying."""
        return self._pcm[row.start : row.start + row.count]

    @property
    def hours(self) -> float:
        """Return how much sound there is."""
        return sum(row.count for row in self.rows) / SAMPLE_RATE / 3600


def _read_rows(path: Path) -> Iterator[Utterance]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Utterance(**json.loads(line))
