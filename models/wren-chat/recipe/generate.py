"""Write conversations to train and to evaluate on.

    python generate.py --out DATA --dialogues 60000 --text TEXTS

TEXTS is a folder of plain text (novels): sentences that are no requests. DATA gets train.jsonl, and for evaluation
clean.jsonl, noisy.jsonl (10 % word errors) and typed.jsonl with patterns and values that train.jsonl has not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import re
import time
from pathlib import Path

import values
from closed import CLOSED
from dialogues import Writer
from grammar import Part
from hearing import FILLERS, Ear, make_confusions
from outside import ADJECTIVES, OUTSIDE, SUBJECTS, SURNAMES
from patterns import PATTERNS
from sayings import Style


def any_style(rng: random.Random) -> Style:
    """What is trained on: half of it as a recogniser writes it, a third with errors, the rest typed."""
    kind = rng.random()
    if kind < 0.42:
        return Style(typed=False, digits=False, rate=0.0)
    if kind < 0.78:
        return Style(typed=False, digits=False, rate=rng.choice([0.05, 0.1, 0.15, 0.2]))
    if kind < 0.92:
        return Style(typed=True, digits=True, rate=0.0)
    return Style(typed=True, digits=False, rate=0.0)


STYLES = {
    "clean": lambda rng: Style(typed=False, digits=False, rate=0.0),
    "noisy": lambda rng: Style(typed=False, digits=False, rate=0.10),
    "typed": lambda rng: Style(typed=True, digits=rng.random() < 0.7, rate=0.0),
}


def novel_sentences(folder: Path | None, most: int = 6000) -> tuple[list[str], list[str]]:
    """Short sentences of books, as a recogniser would write them, and all common words."""
    if folder is None:
        return [], []
    sentences: list[str] = []
    counts: dict[str, int] = {}
    for file in sorted(folder.glob("*.txt")):
        text = re.sub(r"\s+", " ", file.read_text("utf-8", errors="replace"))
        for sentence in re.split(r"(?<=[.!?])\s", text):
            words = re.findall(r"[a-z]+(?:'[a-z]+)?", sentence.lower().replace("’", "'"))
            for word in words:
                counts[word] = counts.get(word, 0) + 1
            if 2 <= len(words) <= 12:
                sentences.append(" ".join(words))
    rng = random.Random(1)
    rng.shuffle(sentences)
    return sentences[:most], [word for word, count in counts.items() if count >= 12 and len(word) > 1]


def vocabulary() -> set[str]:
    """Every word of patterns and values, to be confused with others."""
    texts = [p for group in (*PATTERNS.values(), *OUTSIDE.values()) for p in group]
    texts += [
        *values.PLACES,
        *values.NOUNS,
        *values.TASKS,
        *values.SPOTS,
        *values.NAMES,
        *values.LABELS,
        *values.OWNED,
        *values.TASK_VERBS,
    ]
    texts += [*SUBJECTS, *SURNAMES, *ADJECTIVES, *values.COLOURS, *values.WEEKDAYS, *values.MONTHS, *FILLERS, *CLOSED]
    return {word for text in texts for word in re.findall(r"[a-z']+", re.sub(r"\{\w+\}", " ", text).lower())}


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--text", type=Path, help="folder of .txt")
    parser.add_argument("--dialogues", type=int, default=60_000)
    parser.add_argument("--evaluation", type=int, default=700, help="conversations of each evaluation set")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    sentences, words = novel_sentences(options.text)
    confusions = options.out / "confusions.json"
    make_confusions({*vocabulary(), *words}, confusions)
    half = len(sentences) // 10
    for name, style in STYLES.items():
        writer = Writer(
            random.Random(f"evaluation {name}"),
            Part(held_out=True),
            Ear(confusions, held_out=True),
            sentences[:half],
            style,
        )
        _write(options.out / f"{name}.jsonl", writer, options.evaluation)
    writer = Writer(
        random.Random(options.seed), Part(held_out=False), Ear(confusions, held_out=False), sentences[half:], any_style
    )
    _write(options.out / "train.jsonl", writer, options.dialogues)


def _write(path: Path, writer: Writer, count: int) -> None:
    begun = time.monotonic()
    turns = 0
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            dialogue = writer.dialogue()
            turns += len(dialogue.turns)
            file.write(json.dumps(dataclasses.asdict(dialogue), ensure_ascii=False) + "\n")
    print(f"{path}: {count} conversations, {turns} turns, {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
