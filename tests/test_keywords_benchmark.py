"""What `benchmarks.keywords` counts."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.keywords import Outcome, Recording, compare, recordings


def test_rare_words_are_long_and_said_once(tmp_path: Path) -> None:
    said = ["The heron, the HERON waits!", "A heron and the kestrel's nest.", "It waits.", ""]
    rows = [{"path": f"birds_{i}.wav", "transcript": text, "language": "en"} for i, text in enumerate(said)]
    rows.append({"path": "oiseaux.wav", "transcript": "une hirondelle", "language": "fr"})
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    [found] = recordings(manifest, "en")
    assert found == Recording(tmp_path / "birds_1.wav", "a heron and the kestrel's nest", ("kestrel's",))
    assert found.kind == "birds"


def test_words_are_found_or_made_up() -> None:
    todo = [Recording(Path("a_1.wav"), "the heron waits", ("heron", "waits")), Recording(Path("a_2.wav"), "no", ())]
    plain, told = ["the herring waits", "no egret"], ["the heron waits", "no kestrel egret"]
    [outcome] = compare(todo, [("heron", "waits", "egret"), ("kestrel", "egret")], plain, told)
    assert outcome == Outcome("a", 2, 2, 0.5, 1, 0.5, 2, 1)
