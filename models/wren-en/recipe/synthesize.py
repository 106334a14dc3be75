"""Make the training and evaluation sound: synthetic speech from text, and transcribed recordings, in one form.

    python synthesize.py --text NOVELS --text MORE --manifest speech/train.jsonl --out DATA --hours 40
    python synthesize.py --text NOVELS --out DATA --only espeak            # one group of voices, in its own process
    python synthesize.py --text NOVELS --out DATA --evaluation             # the held-out sentences and voices
    python synthesize.py --text ROMANE --out DATA --language de            # another language

`--text` takes any folder of plain `*.txt` files, in any language that eSpeak NG speaks and that parts its words.
`--manifest` takes JSON lines with `path` (relative to it), `text` and optionally `speaker`; the recordings are
decoded once, and their sentences are spoken by the synthesizers too. Every fiftieth sentence, chosen by a hash of its
words, is kept for evaluation, and so are all voices of `held_out_groups`: no training store ever holds them. Groups
whose synthesizer is not installed are left out with a message.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from spoken_requests import spoken_request
from store import StoreWriter
from text import assistant_request, is_held_out, sentences, transcript
from voices import SAMPLE_RATE, Engine, Espeak, Festival, Flite, Hibari, Kokoro, Pico, Piper

ESPEAK_ACCENTS = ["en-us", "en-us", "en", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc"]
ESPEAK_VARIANTS = """
m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 klatt2 klatt4 klatt5 Andy Annie Alex Gene Lee Michael Mike Denis Jacky adam
belinda benjamin caleb david ed edward2 gustave ian john max paul quincy rob robert shelby steph travis victor
""".split()  # noqa: SIM905  (a list of literals reads worse)
MORE_VARIANTS = """
Alicia Andrea Diogo Henrique Hugo Marco Mario Nguyen Reed Storm Tweaky antonio aunty boris grandma grandpa klatt klatt3
kaukovalta marcelo michel miguel mike2 norbert pablo pedro sandro steph2 steph3 zac
""".split()  # noqa: SIM905
INVENTED_VARIANTS = 100


@dataclass(frozen=True)
class Group:
    """Voices of one engine and their share of the synthetic hours."""

    make: Callable[[argparse.Namespace], Engine]
    share: float


ENGLISH = {
    "espeak": Group(
        lambda _: Espeak(ESPEAK_ACCENTS, [*ESPEAK_VARIANTS, *MORE_VARIANTS], invented=INVENTED_VARIANTS), 0.23
    ),
    "flite": Group(lambda _: Flite(["slt", "slt", "awb", "awb", "kal16"]), 0.23),
    "festival": Group(lambda _: Festival(["kal_diphone", "cmu_us_slt_arctic_hts"]), 0.08),
    "pico": Group(lambda _: Pico("en"), 0.12),
    "hibari": Group(lambda _: Hibari(), 0.26),
    "kokoro": Group(lambda options: Kokoro(options.kokoro), 0.04),
    "piper": Group(lambda options: Piper(options.piper_voice), 0.04),
}
ENGLISH_SEEN = [
    Group(lambda _: Espeak(ESPEAK_ACCENTS, ESPEAK_VARIANTS), 0.2),
    *(ENGLISH[name] for name in ("flite", "festival", "hibari", "piper")),
]
"""Whose voices speak the English evaluation sets of known voices. Unlike those of training they never change."""
ENGLISH_HELD_OUT = [
    Group(lambda _: Flite(["rms"]), 0.25),
    Group(lambda _: Festival(["ked_diphone"]), 0.25),
    Group(lambda _: Espeak(["en-gb-scotland"], ["m2", "f2", "linda"]), 0.25),
    Group(lambda _: Espeak(["en-029"], ["m3", "f4", "anika"]), 0.25),
]
OTHER = {
    "espeak": Group(
        lambda o: Espeak([o.language], [*ESPEAK_VARIANTS, *MORE_VARIANTS], invented=INVENTED_VARIANTS), 0.6
    ),
    "pico": Group(lambda o: Pico(o.language), 0.25),
    "piper": Group(lambda o: Piper(o.piper_voice), 0.15),
}
OTHER_HELD_OUT = [Group(lambda o: Espeak([o.language], ["linda", "anika"]), 1.0)]


def training_groups(language: str) -> dict[str, Group]:
    """Return the voices to train on by the name of their store."""
    return ENGLISH if language == "en" else OTHER


def held_out_groups(language: str) -> list[Group]:
    """Return voices that no training store may hold."""
    return ENGLISH_HELD_OUT if language == "en" else OTHER_HELD_OUT


def spoken_sentences(options: argparse.Namespace, rng: random.Random, held_out: bool) -> Iterator[str]:
    """Yield endless sentences in spoken form: text, requests from both grammars, and what the recordings say."""
    language = options.language
    texts = [s for folder in options.text for s in sentences(folder, language) if is_held_out(s, language) == held_out]
    recorded = [] if held_out else [row["text"] for row in _manifest_rows(options.manifest)]
    rng.shuffle(texts)
    for text in itertools.cycle(texts):
        kind = rng.random()
        if kind < 0.42 and language == "en":
            request = assistant_request(rng) if kind < 0.17 else spoken_request(rng)
            if is_held_out(request) == held_out:
                yield request
        elif kind < 0.50 and recorded:
            yield rng.choice(recorded)
        else:
            yield _shortened(text, rng) if not held_out else text


def _shortened(sentence: str, rng: random.Random) -> str:
    """Cut some sentences to a few words, which are what a network learns from first."""
    words = sentence.split()
    if len(words) < 8 or rng.random() < 0.6:
        return sentence
    count = rng.randint(2, 7)
    start = rng.randint(0, len(words) - count)
    return " ".join(words[start : start + count]).strip(",.;:")


def synthesize(options: argparse.Namespace, name: str, group: Group) -> None:
    """Speak sentences with one group of voices until it has its share of the hours."""
    rng = random.Random(f"{options.seed} {name}")
    engine = group.make(options)
    wanted, begun, failed = options.hours * group.share * 3600 * SAMPLE_RATE, time.monotonic(), 0
    with StoreWriter(options.out / name) as writer:
        for sentence in spoken_sentences(options, rng, held_out=False):
            speech = engine.speak(sentence, rng)
            if speech is None or not 0.1 < len(speech.samples) / SAMPLE_RATE < options.longest:
                failed += 1
                continue
            writer.add(speech.samples, transcript(sentence, options.language), speech.voice, speech.ends)
            if writer.position >= wanted:
                break
    hours = writer.position / SAMPLE_RATE / 3600
    print(
        f"{name}: {hours:.2f} h, {hours * 3600 / (time.monotonic() - begun):.0f} times real time, {failed} skipped",
        flush=True,
    )


def make_evaluation_sets(options: argparse.Namespace) -> None:
    """Write the synthetic evaluation sets: {novel, assistant} x {voices trained on, voices held out}."""
    english = options.language == "en"
    seen = ENGLISH_SEEN if english else [*training_groups(options.language).values()]
    for which, groups in (("seen", seen), ("unseen", held_out_groups(options.language))):
        engines = _engines(options, groups)
        for kind in ("novel", "assistant") if english else ("novel",):
            rng = random.Random(f"evaluation {kind}")  # not options.seed: these sets never change
            chosen = _held_out(options, kind, rng)
            with StoreWriter(options.out / "evaluation" / f"{kind}-{which}") as writer:
                for sentence, engine in zip(chosen, itertools.cycle(engines), strict=False):
                    speech = engine.speak(sentence, rng)
                    if speech is not None:
                        writer.add(speech.samples, transcript(sentence, options.language), speech.voice, speech.ends)


def _held_out(options: argparse.Namespace, kind: str, rng: random.Random, count: int = 160) -> list[str]:
    """Return `count` different held-out sentences, of the first text folder (novels) or of the grammar."""
    if kind == "novel":
        language = options.language
        pool = [s for s in sentences(options.text[0], language, shortest=4) if is_held_out(s, language)]
        return rng.sample(sorted(set(pool)), count)
    requests = (assistant_request(rng) for _ in itertools.count())
    unique: dict[str, None] = {}
    for request in requests:
        if is_held_out(request) and len(request.split()) > 1:
            unique[request] = None
        if len(unique) == count:
            return list(unique)
    raise AssertionError("endless generator ended")


def _engines(options: argparse.Namespace, groups: list[Group]) -> list[Engine]:
    """Make every engine that is installed; the others are left out with a message."""
    engines = []
    for group in groups:
        try:
            engines.append(group.make(options))
        except (ImportError, OSError, AttributeError, TypeError) as error:
            print(f"a group of voices left out: {error}", flush=True)
    return engines


def decode_manifest(manifest: Path, out: Path, language: str) -> None:
    """Decode the recordings of a manifest to 16 kHz mono into one store."""
    with StoreWriter(out / f"real-{manifest.parent.name}") as writer:
        for row in _manifest_rows([manifest]):
            samples = decode(manifest.parent / row["path"])
            samples = (samples / max(np.abs(samples).max(initial=0), 1e-4) * 0.7 * 32767).astype(np.int16)
            writer.add(samples, transcript(row["text"], language), f"{row.get('source', 'real')}:{row.get('speaker')}")
    print(f"{manifest}: {writer.position / SAMPLE_RATE / 3600:.2f} h", flush=True)


def decode(path: Path) -> npt.NDArray[np.float32]:
    """Decode any sound file to 16 kHz mono float32."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([f.to_ndarray().reshape(-1) for f in frames]).astype(np.float32)


def _manifest_rows(manifests: list[Path]) -> Iterator[dict[str, str]]:
    for manifest in manifests:
        for line in manifest.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("text"):
                yield row


def main() -> None:
    """Read the command line and make what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--text", type=Path, action="append", required=True, metavar="DIR", help="folder of *.txt; may be repeated"
    )
    parser.add_argument(
        "--manifest", type=Path, action="append", default=[], metavar="FILE", help="transcribed recordings, JSON lines"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the stores go")
    parser.add_argument("--language", default="en", help="as eSpeak NG calls it: en, de, es, fr, pl, ...")
    parser.add_argument("--hours", type=float, default=40.0, help="synthetic hours, all groups together")
    parser.add_argument("--only", nargs="*", choices=[*ENGLISH, "real"], help="make these groups only")
    parser.add_argument("--evaluation", action="store_true", help="make the evaluation sets instead")
    parser.add_argument("--piper-voice", type=Path, metavar="FILE", help="a Piper voice (.onnx) for the group `piper`")
    parser.add_argument(
        "--kokoro", type=Path, metavar="DIR", help="Kokoro's model and voices for the group `kokoro` (slow: 1.7 times)"
    )
    parser.add_argument(
        "--longest", type=float, default=12.0, help="drop synthetic utterances longer than this (seconds)"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.evaluation:
        make_evaluation_sets(options)
        return
    if options.only is None or "real" in options.only:
        for manifest in options.manifest:
            decode_manifest(manifest, options.out, options.language)
    for name, group in training_groups(options.language).items():
        if options.only is None or name in options.only:
            try:
                synthesize(options, name, group)
            except (ImportError, OSError, AttributeError, TypeError) as error:
                print(f"{name} left out: {error}", flush=True)


if __name__ == "__main__":
    main()
