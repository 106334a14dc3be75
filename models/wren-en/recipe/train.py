"""Train a small Voxtral Realtime model with the project's own modules.

    python train.py --data DATA --run RUN --stage ctc --minutes 45                # the audio side learns to hear
    python align.py --data DATA --run RUN                                         # it times the words it was not told
    python train.py --data DATA --run RUN --stage joint --minutes 40              # the decoder learns to write
    python train.py --data DATA --run RUN --stage joint --delays 2-30 --minutes 30 --decay-minutes 15
    python export.py --run RUN --out MODEL

To teach a finished model more, or other voices and words, begin with `--stage ctc --start MODEL` for some ten minutes,
so that the phone head, which models do not keep, learns to time words again; then align and go on as above.

DATA holds stores made by `synthesize.py`. RUN keeps everything that training needs to go on: run the same command again
after an interruption, or with another stage, and it resumes from the last checkpoint. CPU and CUDA run the same code;
on a CPU each worker is one process with one thread, because threads that wait for each other lose most of a busy
machine. There, glibc's allocator costs half the speed: preload jemalloc with
MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from decode import batches, collapse, padded, transcribe
from jiwer import wer
from muon import Muon
from network import BlockWindow, Segment, Trainee, configuration, ctc, muon_blocks
from rows import IGNORE, Group, Row, Rows, delayed_tokens
from sound import warp_frequencies
from store import Store
from tekken import NUM_SPECIAL, STREAMING_PAD, Pieces, learn_merges, write_tekken
from torch import Tensor
from torch.nn import functional as F

from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import LEFT_PAD_TOKENS

VOCABULARY = 1536
WEIGHTS = {
    "real": 0.32, "espeak": 0.15, "flite": 0.13, "hibari": 0.12, "kokoro": 0.12, "pico": 0.07, "piper": 0.04,
    "festival": 0.05,
}  # fmt: skip
"""Share of the utterances that comes from each store, by the first part of its name."""


# ------------------------------------------------------------------------------------------- what is learnt from


class Labels:
    """Pieces and phones of words."""

    def __init__(self, run: Path) -> None:
        self.pieces = Pieces(run / "tekken.json")
        lexicon: dict[str, list[str]] = json.loads((run / "phones.json").read_text(encoding="utf-8"))
        names = sorted({phone for phones in lexicon.values() for phone in phones})
        ids = {name: i + 1 for i, name in enumerate(names)}  # 0 is the blank
        self.num_phones = len(names)
        self._phones = {word: [ids[p] for p in phones] for word, phones in lexicon.items()}

    def phones_of(self, words: list[str]) -> list[list[int]]:
        """Phone ids of each word."""
        return [self._phones.get(word, []) for word in words]


def prepare(run: Path, stores: list[Store], start: Path | None, language: str) -> None:
    """Make the tokenizer and the pronunciations from the words of the stores; what there is already stays.

    A run that starts from a model folder takes the folder's tokenizer and shape. Words that came later are added.
    """
    run.mkdir(parents=True, exist_ok=True)
    if start and start.is_dir() and not (run / "tekken.json").exists():
        for name in ("tekken.json", "config.json"):
            shutil.copy(start / name, run)
    counts = Counter(word for store in stores for row in store.rows for word in row.text.split())
    if not (run / "tekken.json").exists():
        merges = learn_merges(Counter({w: n for w, n in counts.items() if n > 1}), VOCABULARY - NUM_SPECIAL - 256)
        write_tekken(run / "tekken.json", merges, num_mel_bins=128, delay_tokens=6)
    path = run / "phones.json"
    lexicon: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if new := sorted(counts.keys() - lexicon.keys()):
        path.write_text(json.dumps(lexicon | pronounced(new, lexicon, language), ensure_ascii=False), encoding="utf-8")


def pronounced(words: list[str], lexicon: dict[str, list[str]], language: str) -> dict[str, list[str]]:
    """Return the phones of words: those that `lexicon` uses, or if that is empty those that are not rare."""
    from voices import Espeak

    espeak, voice = Espeak([], []), "en-us" if language == "en" else language
    phones = {word: espeak.phonemes(word, voice) for word in words}
    common = Counter(p for own in phones.values() for p in own)
    known = {p for own in lexicon.values() for p in own} or {p for p, n in common.items() if n * 5000 >= common.total()}
    return {word: [p for p in own if p in known] for word, own in phones.items()}


@dataclass
class Batch:
    """Tensors of some rows and the labels of their utterances.

    `tokens` [batch, n + 1] is there only in the joint stage, `frames` [batch, 2 n] (a phone for each 40 ms) only at
    first.
    """

    mel: Tensor
    phones: list[Segment]
    pieces: list[Segment]
    delays: Tensor
    tokens: Tensor | None
    frames: Tensor | None = None


def make_batch(
    rows: list[Row],
    labels: Labels,
    trainee: Trainee,
    delays: list[int] | None,
    rng: np.random.Generator,
    warp: float,
    mask: float,
    flat: bool,
) -> Batch:
    """Turn rows into tensors.

    A share `warp` of the utterances is spoken by a longer or shorter vocal tract (`warp_frequencies`); a share `mask`
    of the recorded ones, which are few and heard often, loses stripes of its spectrogram. With `flat` there are rough
    phone times.
    """
    mel = trainee.model.log_mel.whole(torch.from_numpy(np.stack([row.samples for row in rows])).to(_device(trainee)))
    for spectrogram, row in zip(mel, rows, strict=True):
        nexts = [*(int(100 * span.start) for span in row.spans[1:]), len(spectrogram)]
        for span, end in zip(row.spans, nexts, strict=False):
            stretch = spectrogram[int(100 * span.start) : end]
            if rng.random() < warp:
                stretch.copy_(warp_frequencies(stretch, rng.uniform(0.86, 1.16)))
            if span.natural and rng.random() < mask:
                _mask(stretch, rng)
    phones, pieces = [], []
    for i, row in enumerate(rows):
        for start, end, words in utterances(row):
            phones.append(Segment(i, start, end, [p for word in labels.phones_of(words) for p in word]))
            pieces.append(Segment(i, start, end, [p for word in words for p in labels.pieces.encode_word(word)]))
    tokens, drawn = None, torch.zeros(0)
    if delays:
        chosen = rng.choice(delays, len(rows))
        length = mel.shape[1] // 8
        tokens = torch.from_numpy(
            np.stack([delayed_tokens(r, labels.pieces, int(d), length) for r, d in zip(rows, chosen, strict=True)])
        )
        drawn = torch.from_numpy(chosen)
    frames = frame_phones(rows, labels, mel.shape[1] // 4) if flat else None
    return Batch(mel, phones, pieces, drawn, tokens, frames)


def utterances(row: Row) -> Iterator[tuple[float, float, list[str]]]:
    """Yield where each utterance's words may be marked: until half a second after its end or the next one begins."""
    position, length = 0, len(row.samples) / 16000
    nexts = [*(span.start for span in row.spans[1:]), length]
    for span, following in zip(row.spans, nexts, strict=False):
        yield span.start + 0.04, min(span.end + 0.5, following + 0.08), row.words[position : position + span.words]
        position += span.words


def frame_phones(rows: list[Row], labels: Labels, count: int, lag: float = 0.1) -> Tensor:
    """Return which phone each 40 ms [rows, count] should be: a word's phones share its time, blanks (0) lie between.

    As rough as the flat start of older recognisers, and as useful: without it CTC needs hours of sound to find its
    first phone. Utterances without word times are left out (IGNORE).
    """
    targets = np.zeros((len(rows), count), np.int64)
    for target, row in zip(targets, rows, strict=True):
        position = 0
        for span in row.spans:
            known = not np.isnan(row.ends[position])
            target[int(span.start / 0.04) : int((span.end + 0.4) / 0.04)] = 0 if known else IGNORE
            before = span.start
            words = row.words[position : position + span.words]
            for phones, stop in zip(labels.phones_of(words), row.ends[position:], strict=False):
                if not np.isnan(stop) and phones:
                    begin = max(before, stop - 0.12 * len(phones) - 0.12)
                    edges = ((np.linspace(begin, stop, len(phones) + 1) + lag) / 0.04).astype(int)
                    for phone, first, last in zip(phones, edges, edges[1:], strict=False):
                        target[first : max(last, first + 1)] = phone
                before = stop
            position += span.words
    return torch.from_numpy(targets)


def _mask(mel: Tensor, rng: np.random.Generator) -> None:
    """Overwrite stripes of an utterance [frames, bins] with its mean.

    SpecAugment (arXiv 1904.08779): two bands of up to 20 bins, and as in arXiv 1912.05533 the more moments the longer
    it is: one of up to 0.2 s for every 1.3 s.
    """
    frames, bins = mel.shape
    mean = float(mel.mean())
    for _ in range(2):
        width = int(rng.integers(0, 21))
        start = int(rng.integers(0, bins - width))
        mel[:, start : start + width] = mean
    for _ in range(round(frames / 130)):
        start = int(rng.integers(0, frames))
        mel[start : start + int(rng.integers(0, 21))] = mean


def _device(module: torch.nn.Module) -> torch.device:
    return next(module.parameters()).device


# --------------------------------------------------------------------------------------------------- learning


class Trainer:
    """Master weights in float32, a bfloat16 copy that computes, and their optimizers."""

    def __init__(self, options: argparse.Namespace, rank: int) -> None:
        self.options, self.rank = options, rank
        torch.manual_seed(options.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tuned = (options.run / "config.json").exists()  # begun from a model folder
        self.stores = open_stores(options.data)
        self.labels = Labels(options.run)
        config = configuration(options.run, self.labels.pieces.vocab_size)
        self.master = Trainee(config, self.labels.num_phones).to(self.device)
        self.copy = Trainee(config, self.labels.num_phones).to(self.device, torch.bfloat16)
        blocks = muon_blocks(self.master)
        rest = [p for p in self.master.parameters() if p not in blocks]
        self.muon = Muon(blocks, lr=options.lr)
        self.adam = torch.optim.AdamW(rest, lr=0.25 * options.lr, betas=(0.9, 0.98), weight_decay=0.0)
        self.step, self.heard = 0, options.heard
        self.begin()
        self.average = {name: p.detach().clone() for name, p in self.master.named_parameters()}
        if (options.run / "checkpoint.pt").exists():
            self.load(torch.load(options.run / "checkpoint.pt", map_location=self.device, weights_only=True))
        self.sync()
        window = config.encoder.sliding_window
        self.hear_window = BlockWindow(window, self.device)
        self.write_window = BlockWindow(config.decoder.sliding_window, self.device)
        self.hear, self.write = self.copy.hear, self.copy.write
        if options.compile:
            self.hear, self.write = torch.compile(self.hear), torch.compile(self.write)

    def begin(self) -> None:
        """Take the weights of `--start`; those of a model folder know no phones, so that head begins anew."""
        start: Path | None = self.options.start
        if start and start.is_dir():
            model = checkpoint.load(start, dtype=torch.float32, device=self.device)
            self.master.model.load_state_dict(model.state_dict())
        elif start:
            state = torch.load(start, map_location=self.device, weights_only=True)
            self.master.load_state_dict(state["master"])

    @torch.no_grad()
    def sync(self) -> None:
        """Copy the master weights into the computing copy."""
        torch._foreach_copy_(list(self.copy.parameters()), list(self.master.parameters()))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses of one batch: `phones`, `pieces`, and in the joint stage `words`."""
        alone = self.tuned and self.step < self.options.head_steps
        phones, audio = self.hear(batch.mel.bfloat16(), self.hear_window, not alone)
        losses = {
            "phones": ctc(phones.float().log_softmax(-1), batch.phones, 0.04, blank=0),
            "pieces": ctc(self.copy.piece_log_probs(audio), batch.pieces, 0.08, blank=STREAMING_PAD),
        }
        if batch.frames is not None:
            losses["frames"] = F.cross_entropy(phones.float().mT, batch.frames.to(phones.device), ignore_index=IGNORE)
        if batch.tokens is not None:
            losses["words"] = self._words_loss(audio, batch.tokens, batch.delays)
        return losses

    def _words_loss(self, audio: Tensor, tokens: Tensor, delays: Tensor) -> Tensor:
        """Cross-entropy of the next token, with wrong pieces among those fed back, and z-loss on the normaliser."""
        tokens, delays = tokens.to(audio.device), delays.to(audio.device)
        inputs, targets = tokens[:, :-1], tokens[:, 1:].clone()
        wrong = (inputs >= NUM_SPECIAL) & (torch.rand(inputs.shape, device=inputs.device) < self.options.corrupt)
        inputs = torch.where(wrong, torch.randint_like(inputs, NUM_SPECIAL, self.labels.pieces.vocab_size), inputs)
        positions = torch.arange(targets.shape[1], device=targets.device)
        targets[positions < LEFT_PAD_TOKENS + delays[:, None]] = IGNORE
        logits = self.write(audio, inputs, delays, self.write_window).float()
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
        return cross_entropy + 1e-4 * logits.logsumexp(-1).square().mean()

    def update(self, batch: Batch, weights: dict[str, float]) -> dict[str, float]:
        """Make one step on one batch; workers average their gradients."""
        losses = self.losses(batch)
        sum(weights[name] * loss for name, loss in losses.items()).backward()  # type: ignore[union-attr]
        used = [
            (m, c) for m, c in zip(self.master.parameters(), self.copy.parameters(), strict=True) if c.grad is not None
        ]
        flat = torch.cat([c.grad.flatten().float() for _, c in used])  # type: ignore[union-attr]
        flat = torch.cat((flat, torch.stack([loss.detach() for loss in losses.values()])))
        if dist.is_initialized():
            dist.all_reduce(flat)
            flat /= dist.get_world_size()
        numbers = flat[-len(losses) :].tolist()
        norm = float(flat[: -len(losses)].norm())
        self.copy.zero_grad(set_to_none=True)
        if np.isfinite(norm):
            flat = flat[: -len(losses)] * min(1.0, 5.0 / (norm + 1e-6))
            for (master, _), part in zip(used, flat.split([m.numel() for m, _ in used]), strict=True):
                master.grad = part.view_as(master)
            self.muon.step()
            self.adam.step()
            self.sync()
        self.step += 1
        if self.step % 5 == 0:
            self._average()
        return dict(zip(losses, numbers, strict=True)) | {"norm": norm}

    @torch.no_grad()
    def _average(self) -> None:
        """Move the running average of the weights; it remembers about 500 steps, fewer at the start."""
        rate = max(0.01, 1 / (1 + self.step / 5))
        torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.master.parameters()], rate)

    def set_rate(self, factor: float) -> None:
        """Scale both learning rates."""
        self.muon.param_groups[0]["lr"] = factor * self.options.lr
        self.adam.param_groups[0]["lr"] = factor * self.options.lr * 0.25

    def state(self) -> dict[str, Any]:
        """Everything that is needed to go on."""
        return {
            "master": self.master.state_dict(), "average": self.average, "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(), "step": self.step, "heard": self.heard,
        }  # fmt: skip

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.master.load_state_dict(state["master"])
        self.average = state["average"]
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step, self.heard = state["step"], state["heard"]

    def save(self, name: str = "checkpoint.pt") -> None:
        """Write the state beside the old one, then put it in its place."""
        path = self.options.run / name
        torch.save(self.state(), path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)


# -------------------------------------------------------------------------------------------------- watching


class Watch:
    """Word error rates on small sets, for the curves: recordings kept out of training and held-out synthetic speech."""

    def __init__(self, trainer: Trainer, utterances: int = 40) -> None:
        self.trainer = trainer
        self.sets: dict[str, tuple[list[Any], list[str]]] = {}
        rng = np.random.default_rng(1)
        for store in trainer.stores:
            if store.name.startswith("real"):
                self._add(store, Group(store, rng, validation=True, known_ends=False).rows, utterances, rng)
        for path in sorted((trainer.options.data / "evaluation").glob("*.jsonl")):
            store = Store(path.with_suffix(""))
            self._add(store, store.rows, utterances, rng)

    def _add(self, store: Store, rows: list[Any], count: int, rng: np.random.Generator) -> None:
        chosen = [rows[i] for i in rng.permutation(len(rows))[:count]]
        self.sets[store.name] = (
            [store.samples(r).astype(np.float32) / 32768 for r in chosen],
            [r.text for r in chosen],
        )

    @torch.no_grad()
    def measure(self, stage: str) -> dict[str, float]:
        """Return WER by set, of the piece head's best path and in the joint stage of the decoder."""
        trainer, result = self.trainer, {}
        for name, (clips, texts) in self.sets.items():
            result[f"ctc {name}"] = wer(texts, best_paths(trainer.copy, trainer.master, trainer.labels.pieces, clips))
            if stage == "joint":
                model = trainer.copy.model
                model.log_mel = trainer.master.model.log_mel  # float32, whatever the model's type
                result[f"words {name}"] = wer(texts, transcribe(model, trainer.labels.pieces, clips, delay=6))
        return {name: round(value, 4) for name, value in result.items()}


def best_paths(trainee: Trainee, exact: Trainee, pieces: Pieces, clips: list[Any]) -> list[str]:
    """Transcribe clips by the piece head alone."""
    texts = [""] * len(clips)
    for indices in batches([len(clip) for clip in clips]):
        mel = exact.model.log_mel.whole(padded([clips[i] for i in indices], 0, 12).to(_device(trainee)))
        best = trainee.piece_log_probs(trainee.model.encode(mel.bfloat16())).argmax(-1)
        for i, path in zip(indices, best, strict=True):
            texts[i] = pieces.decode(collapse(path, STREAMING_PAD))
    return texts


# ------------------------------------------------------------------------------------------------------ running


def open_stores(data: Path) -> list[Store]:
    """Open every training store of a folder."""
    return [Store(path.with_suffix("")) for path in sorted(data.glob("*.pcm"))]


def batch_source(trainer: Trainer) -> tuple[Rows, Iterator[Batch]]:
    """Make rows and an endless iterator of batches of them."""
    options = trainer.options
    rng = np.random.default_rng([options.seed, trainer.rank, trainer.step])
    joint = options.stage == "joint"
    rows = Rows(
        trainer.stores, WEIGHTS, rng, options.tokens,
        left_pad=joint, known_ends=joint, strength=options.disturb, noisy=options.noisy,
    )  # fmt: skip

    def endless() -> Iterator[Batch]:
        while True:
            made = [rows.row() for _ in range(options.batch)]
            yield make_batch(
                made,
                trainer.labels,
                trainer.master,
                options.delays if joint else None,
                rng,
                options.warp * options.disturb,
                options.mask,
                flat=trainer.step < options.flat_steps,
            )

    return rows, endless()


def rate(options: argparse.Namespace, steps: int, minutes: float) -> float:
    """Return the learning rate's factor: a short rise, level, then falling to nothing in the last minutes."""
    left = options.minutes - minutes
    fall = min(1.0, max(0.02, left / options.decay_minutes)) if options.decay_minutes else 1.0
    return min(1.0, (steps + 1) / options.warmup) * fall


def work(rank: int, options: argparse.Namespace) -> None:
    """One worker's life."""
    if options.workers > 1:
        torch.set_num_threads(1)
        dist.init_process_group(
            "gloo", init_method=f"file://{options.run / 'rendezvous'}", rank=rank, world_size=options.workers
        )
    trainer = Trainer(options, rank)
    rows, source = batch_source(trainer)
    watch = Watch(trainer) if rank == 0 else None
    weights = {"phones": options.phones, "pieces": 1.0 if options.stage == "ctc" else 0.5, "words": 1.0, "frames": 2.0}
    begun, saved, shown, first, seen = time.monotonic(), time.monotonic(), time.monotonic(), trainer.step, []
    per_step = options.batch * options.workers * (options.tokens - rows.left // 1280) * 0.08 / 3600
    while True:
        minutes = (time.monotonic() - begun) / 60
        done = bool(agreed(minutes >= options.minutes))
        if options.stage == "ctc" and not trainer.tuned and trainer.step < options.short_steps:
            rows.longest = 3.5 + 8.5 * trainer.step / options.short_steps
        trainer.set_rate(rate(options, trainer.step - first, minutes))
        if not done:
            seen.append(trainer.update(next(source), weights))
            trainer.heard += per_step
        if rank == 0 and (done or trainer.step % options.log_every == 0):
            now = time.monotonic()
            entry: dict[str, Any] = {
                key: round(float(np.mean([s[key] for s in seen if key in s])), 4) for key in (seen[0] if seen else {})
            }
            entry |= {
                "step": trainer.step,
                "hours": round(trainer.heard, 2),
                "stage": options.stage,
                "minutes": round(minutes, 1),
            }
            entry["speed"] = round(per_step * 3600 * len(seen) / (now - shown))
            if watch and (done or trainer.step % options.watch_every == 0):
                entry["wer"] = watch.measure(options.stage)
            with (options.run / "curves.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(entry) + "\n")
            print(json.dumps(entry), flush=True)
            seen, shown = [], time.monotonic()
        if rank == 0 and (done or time.monotonic() - saved > options.save_minutes * 60):
            trainer.save()
            saved = time.monotonic()
        if done:
            return


def agreed(flag: bool) -> float:
    """Tell whether any worker says so, so that all stop at the same step."""
    value = torch.tensor(float(flag))
    if dist.is_initialized():
        dist.all_reduce(value)
    return float(value)


def parse_delays(text: str) -> list[int]:
    """Parse `6` or `2-30` into delays in tokens of 80 ms; the common ones count more than once."""
    low, _, high = text.partition("-")
    if not high:
        return [int(low)]
    return [*range(int(low), int(high) + 1), *[6] * 10, *range(2, 13)]


def main() -> None:
    """Read the command line, prepare the run and start the workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="stores made by synthesize.py")
    parser.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="checkpoints, curves, tokenizer; resumed if it exists"
    )
    parser.add_argument("--stage", choices=["ctc", "joint"], required=True)
    parser.add_argument(
        "--start", type=Path, metavar="MODEL", help="where to begin: a model folder, or a checkpoint.pt of another run"
    )
    parser.add_argument("--language", default="en", help="of the pronunciations, as eSpeak NG calls it")
    parser.add_argument("--heard", type=float, default=0, help="hours that --start has heard, for the curves")
    parser.add_argument(
        "--head-steps", type=int, default=60, help="first steps from a model folder in which phones do not teach it"
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long to train this time")
    parser.add_argument(
        "--decay-minutes", type=float, default=0, help="the last minutes, in which the learning rate falls"
    )
    parser.add_argument("--delays", type=parse_delays, default=[6], help="tokens of 80 ms: 6, or a range such as 2-30")
    parser.add_argument("--lr", type=float, default=0.003, help="Muon's learning rate; AdamW has a quarter of it")
    parser.add_argument("--warmup", type=int, default=80, help="steps")
    parser.add_argument("--batch", type=int, default=10, help="rows per worker and step")
    parser.add_argument("--tokens", type=int, default=192, help="length of a row in tokens of 80 ms")
    parser.add_argument("--workers", type=int, default=1, help="processes; as many as idle CPU cores, 1 with CUDA")
    parser.add_argument("--phones", type=float, default=0.5, help="weight of the phone loss")
    parser.add_argument("--corrupt", type=float, default=0.2, help="share of the fed-back pieces that are made wrong")
    parser.add_argument("--short-steps", type=int, default=800, help="steps until all lengths of utterances take part")
    parser.add_argument(
        "--flat-steps", type=int, default=300, help="first steps with rough phone times as an extra target"
    )
    parser.add_argument("--disturb", type=float, default=1.0, help="0 to 1: how often utterances are disturbed")
    parser.add_argument("--warp", type=float, default=0.5, help="share of the utterances with another vocal tract")
    parser.add_argument("--noisy", type=float, default=0.5, help="share of the rows that have noise in them")
    parser.add_argument(
        "--mask", type=float, default=0.0, help="share of the recorded utterances with stripes masked, once known well"
    )
    parser.add_argument("--log-every", type=int, default=20, help="steps")
    parser.add_argument("--watch-every", type=int, default=400, help="steps between word error rates")
    parser.add_argument("--save-minutes", type=float, default=4)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prepare(options.run, open_stores(options.data), options.start, options.language)
    (options.run / "rendezvous").unlink(missing_ok=True)
    if options.workers > 1:
        torch.multiprocessing.spawn(work, (options,), nprocs=options.workers)
    else:
        work(0, options)


if __name__ == "__main__":
    main()
