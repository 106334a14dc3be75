"""Whether telling a model which words to look out for helps it to hear them.

    python -m benchmarks.keywords manifest.jsonl
    python -m benchmarks.keywords --model wren-en --others 90 --json keywords.json manifest.jsonl

A manifest has a JSON object a line: `path` (beside the manifest), `transcript`, `language`. Of each recording the rare
words are looked for: five letters and more, in no other transcript. They are given as the vocabulary among `--others`
words that were not said; a good vocabulary finds many of the first and writes none of the second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jiwer import wer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from voxtral_service.audio.decode import read
from voxtral_service.engine import loading
from voxtral_service.engine.base import Engine, StreamOptions, transcribe
from voxtral_service.engine.choice import choose
from voxtral_service.engine.registry import Registry

AT_ONCE = 16
SHORTEST = 5


@dataclass(frozen=True, slots=True)
class Recording:
    """What is said in a file, and which words of it are rare."""

    path: Path
    text: str
    rare: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The beginning of its name."""
        return re.split(r"[_\d]", self.path.name)[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one kind of recordings, without and with the vocabulary: word error rates, rare words found, false ones."""

    kind: str
    recordings: int
    rare: int
    plain_wer: float
    plain_found: int
    told_wer: float
    told_found: int
    told_false: int


def words(text: str) -> list[str]:
    """Without case and punctuation."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def recordings(manifest: Path, language: str) -> list[Recording]:
    """Those of a manifest in a language that have rare words."""
    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row.get("language") == language and row.get("transcript")]
    seen = Counter(word for row in rows for word in set(words(row["transcript"])))
    found = []
    for row in rows:
        said = words(row["transcript"])
        rare = tuple(dict.fromkeys(word for word in said if len(word) >= SHORTEST and seen[word] == 1))
        found.append(Recording(manifest.parent / row["path"], " ".join(said), rare))
    return [recording for recording in found if recording.rare]


async def hear(engine: Engine, todo: Sequence[Recording], vocabularies: Sequence[tuple[str, ...]]) -> list[str]:
    """What is understood of each, some at once."""
    lanes = asyncio.Semaphore(AT_ONCE)
    with Progress(transient=True) as progress:
        task = progress.add_task("hearing", total=len(todo))

        async def one(recording: Recording, vocabulary: tuple[str, ...]) -> str:
            async with lanes:
                options = StreamOptions(bulk=True, vocabulary=vocabulary)
                heard = await transcribe(engine, [read(recording.path)], options)
                progress.advance(task)
                return " ".join(words(heard.text))

        return await asyncio.gather(*map(one, todo, vocabularies))


def compare(
    todo: Sequence[Recording], vocabularies: Sequence[tuple[str, ...]], plain: Sequence[str], told: Sequence[str]
) -> list[Outcome]:
    """One outcome a kind of recordings."""
    kinds = defaultdict(list)
    for at, recording in enumerate(todo):
        kinds[recording.kind].append(at)
    outcomes = []
    for kind, rows in kinds.items():
        texts = [todo[i].text for i in rows]

        def found(heard: Sequence[str], rows: list[int] = rows) -> int:
            return sum(word in heard[i].split() for i in rows for word in todo[i].rare)

        others = sum(
            word in told[i].split() and word not in plain[i].split()
            for i in rows
            for word in set(vocabularies[i]) - set(todo[i].text.split())
        )
        before, after = (wer(texts, [heard[i] for i in rows]) for heard in (plain, told))
        rare = sum(len(todo[i].rare) for i in rows)
        outcomes.append(Outcome(kind, len(rows), rare, before, found(plain), after, found(told), others))
    return outcomes


def show(outcomes: Sequence[Outcome], others: int) -> None:
    """Print the table."""
    table = Table(title=f"rare words looked out for among {others} others", caption=machine.name())
    for column in ("recordings", "of", "rare words", "WER %", "found", "WER %, told", "found, told", "false"):
        table.add_column(column, justify="left" if column == "recordings" else "right")
    for o in outcomes:
        table.add_row(
            o.kind, str(o.recordings), str(o.rare), f"{100 * o.plain_wer:.1f}", str(o.plain_found),
            f"{100 * o.told_wer:.1f}", str(o.told_found), str(o.told_false),
        )  # fmt: skip
    Console().print(table)


def main() -> None:
    """Read the command line, listen twice and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", default="wren-en", help="an alias or a folder (default %(default)s)")
    parser.add_argument("--language", default="en", help="of the recordings (default %(default)s)")
    parser.add_argument("--others", type=int, default=60, help="words that were not said (default %(default)s)")
    parser.add_argument("--most", type=int, help="recordings")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    todo = recordings(options.manifest, options.language)
    rng = random.Random(0)
    rng.shuffle(todo)
    todo = todo[: options.most]
    pool = [word for recording in todo for word in recording.rare]
    vocabularies = [(*r.rare, *rng.sample([w for w in pool if w not in r.rare], options.others)) for r in todo]
    device = torch.device("cpu") if not torch.cuda.is_available() else torch.device("cuda")
    model = choose(Registry(Path("models")), options.model, device).model
    engine = loading.load(model, device=device, slots=AT_ONCE)
    try:
        plain = asyncio.run(hear(engine, todo, [()] * len(todo)))
        told = asyncio.run(hear(engine, todo, vocabularies))
    finally:
        engine.close()
    outcomes = compare(todo, vocabularies, plain, told)
    show(outcomes, options.others)
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
