"""Print what a checkpoint can and cannot do, as the table of its model card.

    python evaluate.py --model MODEL --data DATA --dev speech/dev/manifest.jsonl --baseline --json results.json

`--data` holds the synthetic evaluation sets that `synthesize.py --evaluation` made; `--dev` names recordings that were
never trained on (JSON lines with `path`, `transcript`, `language`). `--baseline` also runs PocketSphinx with its
bundled English model on the same recordings. Word error rates are taken after Whisper's text normalisation (its English
one for English), as usual in comparisons of recognisers. `--beside` names an older model to compare with
on the same sound. Nothing here may be used to choose a checkpoint or a setting.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from decode import Clip, transcribe
from jiwer import wer
from sound import noise, telephone
from store import SAMPLE_RATE, Store
from synthesize import decode
from tekken import Pieces
from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

from voxtral_service.voxtral import checkpoint

DELAYS = (2, 6, 12, 30)
REAL_SETS = {
    "fsdd": "real digits",
    "commonvoice": "real: Common Voice",
    "librispeech": "real: LibriSpeech other",
    "ljspeech": "real: LJ Speech",
    "speechocean": "real: non-native readers",
}
"""Beginnings of file names of English recordings, and what the table calls them."""
OTHERS = "real"
Transcriber = Callable[[Sequence[Clip]], list[str]]


@dataclass
class TestSet:
    """Clips and what is said in them."""

    name: str
    clips: list[Clip]
    texts: list[str]

    @property
    def seconds(self) -> float:
        """Return the length of all clips together."""
        return sum(map(len, self.clips)) / SAMPLE_RATE


def synthetic_sets(data: Path) -> list[TestSet]:
    """Read the stores of `DATA/evaluation`."""
    sets = []
    for path in sorted((data / "evaluation").glob("*.jsonl")):
        store = Store(path.with_suffix(""))
        clips = [store.samples(row).astype(np.float32) / 32768 for row in store.rows]
        sets.append(TestSet(f"synthetic: {store.name}", clips, [row.text for row in store.rows]))
    return sets


def real_sets(manifest: Path, language: str) -> list[TestSet]:
    """Decode the recordings with a reference transcript, by corpus (English) or as one set."""
    known = REAL_SETS if language == "en" else {"": OTHERS}
    sets: defaultdict[str, TestSet] = defaultdict(lambda: TestSet("", [], []))
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        corpus = next((c for c in known if Path(row["path"]).name.startswith(c)), None)
        if corpus is not None and row.get("language") == language and row.get("transcript"):
            sets[corpus].name = known[corpus]
            sets[corpus].clips.append(decode(manifest.parent / row["path"]))
            sets[corpus].texts.append(row["transcript"])
    return [sets[c] for c in known if c in sets]


def error_rate(test: TestSet, heard: list[str], language: str = "en") -> float:
    """Word error rate in percent after normalisation; references that normalise to nothing are left out."""
    normalise = EnglishTextNormalizer({}) if language == "en" else BasicTextNormalizer()
    pairs = [(normalise(t), normalise(h)) for t, h in zip(test.texts, heard, strict=True)]
    pairs = [pair for pair in pairs if pair[0]]
    return round(100 * wer([t for t, _ in pairs], [h for _, h in pairs]), 1)


def speechless(seconds: int = 60) -> TestSet:
    """Return a minute each of silence, noise, hum and music."""
    rng, count = np.random.default_rng(7), seconds * SAMPLE_RATE
    clips = {
        "silence": np.zeros(count, np.float32),
        "white noise": rng.standard_normal(count).astype(np.float32) * 0.05,
    }
    for name, kind in (("pink noise", "coloured"), ("hum", "hum"), ("clicks", "clicks"), ("music", "music")):
        clips[name] = noise(count, rng, kind) * np.float32(0.1)
    return TestSet("no speech", list(clips.values()), list(clips))


def pocketsphinx(clips: Sequence[Clip]) -> list[str]:
    """Transcribe with PocketSphinx and the English model in its package."""
    from pocketsphinx import Decoder

    decoder, texts = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL"), []
    for clip in clips:
        decoder.start_utt()
        decoder.process_raw((np.clip(clip, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        texts.append(decoder.hyp().hypstr if decoder.hyp() else "")
    return texts


def at(folder: Path, delay: int, device: str) -> Transcriber:
    """Return what transcribes with the model of a folder at a delay in tokens."""
    model = checkpoint.load(folder, dtype=torch.float32, device=device)
    pieces = Pieces(folder / "tekken.json")
    return lambda clips: transcribe(model, pieces, clips, delay)


def columns(options: argparse.Namespace) -> dict[str, Transcriber]:
    """Return who transcribes for each column of the table."""
    columns = {f"{80 * d} ms": at(options.model, d, options.device) for d in (DELAYS if options.delays else (6,))}
    columns["480 ms, G.711"] = lambda clips: columns["480 ms"]([telephone(clip, a_law=False) for clip in clips])
    if options.beside:
        columns["480 ms, before"] = at(options.beside, 6, options.device)
    if options.baseline:
        columns["PocketSphinx"] = pocketsphinx
    return columns


def evaluate(options: argparse.Namespace) -> dict[str, object]:
    """Measure everything and return it."""
    sets = synthetic_sets(options.data) if options.data else []
    sets += real_sets(options.dev, options.language) if options.dev else []
    transcribers = columns(options)
    rows: dict[str, dict[str, float]] = {}
    for test in sets:
        begun = time.perf_counter()
        rows[test.name] = {
            name: error_rate(test, heard(test.clips), options.language)
            for name, heard in transcribers.items()
            if name != "PocketSphinx" or test.name.startswith("real")
        }
        print(
            f"{test.name:32} {len(test.clips):4} clips {test.seconds:6.0f} s  {rows[test.name]}"
            f"  ({time.perf_counter() - begun:.0f} s)",
            flush=True,
        )
    quiet = speechless()
    words = {
        name: len(heard.split()) for name, heard in zip(quiet.texts, transcribers["480 ms"](quiet.clips), strict=True)
    }
    print(f"words in a minute without speech: {words}", flush=True)
    return {"wer": rows, "words without speech": words}


def table(results: dict[str, dict[str, float]]) -> str:
    """Lay out word error rates as a Markdown table."""
    columns = list(dict.fromkeys(column for row in results.values() for column in row))
    lines = ["| set | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name, row in results.items():
        lines.append(f"| {name} | " + " | ".join(str(row.get(column, "")) for column in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, metavar="DIR")
    parser.add_argument("--beside", type=Path, metavar="DIR", help="an older model, for one more column")
    parser.add_argument("--language", default="en", help="of the recordings, and whose normalisation is used")
    parser.add_argument("--data", type=Path, metavar="DIR", help="holds evaluation/ with synthetic sets")
    parser.add_argument("--dev", type=Path, metavar="FILE", help="manifest of recordings")
    parser.add_argument(
        "--delays", action=argparse.BooleanOptionalAction, default=True, help="measure 160, 480, 960 and 2400 ms"
    )
    parser.add_argument("--baseline", action="store_true", help="run PocketSphinx too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = evaluate(options)
    print(table(results["wer"]))  # type: ignore[arg-type]
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
