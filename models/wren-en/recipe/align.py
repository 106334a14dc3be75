"""Find out when each word ended, for sound whose makers do not say: recordings and neural voices.

    python align.py --data DATA --run RUN [--only real-speech hibari]
    python align.py --data DATA --model MODEL                           # by the pieces of a finished model

The phone head of a run that has learnt to hear is forced along the known phones of each transcript (Viterbi over CTC
states). CTC marks a phone some time after it began, by about the same time for every voice; that shift is measured on
the synthetic utterances whose word ends are known, and taken off. The least likely alignments are dropped: most of them
are wrong transcripts. Results go beside each store as NAME.ends.jsonl; training takes them from there. A finished model
has no phone head, but one of this recipe still marks pieces, half as finely.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from decode import batches, padded
from network import Trainee, configuration
from store import Store, Utterance
from tekken import STREAMING_PAD, Pieces
from torch import Tensor
from train import Labels, open_stores

from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.log_mel import LogMel

DROPPED = 0.04


def viterbi(log_probs: Tensor, labels: list[list[int]], lengths: list[int], blank: int = 0) -> tuple[Tensor, Tensor]:
    """Find the best CTC paths. `log_probs` [batch, time, classes]; `lengths` are frames of each utterance.

    Returns states [batch, time] (state 2 i + 1 is label i, even states are blanks) and scores per frame [batch].
    """
    batch, time, _ = log_probs.shape
    longest = max(map(len, labels))
    extended = torch.full((batch, 2 * longest + 1), blank)
    for row, own in zip(extended, labels, strict=True):
        row[1 : 2 * len(own) : 2] = torch.tensor(own, dtype=torch.long)
    skip = torch.zeros(extended.shape, dtype=torch.bool)
    skip[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    emission = log_probs.gather(2, extended[:, None].expand(-1, time, -1))
    score = torch.full(extended.shape, -1e9)
    score[:, :2] = emission[:, 0, :2]
    came = torch.zeros(time, *extended.shape, dtype=torch.int8)
    history = [score]
    for t in range(1, time):
        one = torch.nn.functional.pad(score[:, :-1], (1, 0), value=-1e9)
        two = torch.nn.functional.pad(score[:, :-2], (2, 0), value=-1e9).masked_fill(~skip, -1e9)
        score, step = torch.stack((score, one, two)).max(0)
        score = score + emission[:, t]
        came[t] = step.to(torch.int8)
        history.append(score)
    states, scores, steps = torch.zeros(batch, time, dtype=torch.long), torch.zeros(batch), came.numpy()
    for b, (own, length) in enumerate(zip(labels, lengths, strict=True)):
        last, end = history[length - 1][b], 2 * len(own)
        state = end if end == 0 or last[end] > last[end - 1] else end - 1
        scores[b] = last[state] / length
        for t in range(length - 1, -1, -1):
            states[b, t] = state
            state -= int(steps[t, b, state])
    return states, scores


class Aligner:
    """Aligns utterances with the phone head of a run, or with the piece head of a finished model."""

    def __init__(self, run: Path | None, model: Path | None) -> None:
        if run:
            self.labels = Labels(run)
            state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
            self.trainee = Trainee(configuration(run, self.labels.pieces.vocab_size), self.labels.num_phones)
            self.trainee.load_state_dict(state["average"], strict=True)
            self.pieces, self.frame_seconds, self.blank = self.labels.pieces, 0.04, 0
        else:
            assert model is not None
            finished = checkpoint.load(model, dtype=torch.float32)
            self.trainee = Trainee(finished.config, num_phones=0)
            self.trainee.model.load_state_dict(finished.state_dict())
            self.pieces, self.frame_seconds, self.blank = Pieces(model / "tekken.json"), 0.08, STREAMING_PAD
        self.by_phones = run is not None
        self.log_mel = LogMel(self.trainee.model.config.encoder.num_mel_bins)  # stays float32
        self.trainee.bfloat16().eval()
        self.shift = 0.0

    def log_probs(self, samples: Tensor) -> Tensor:
        """Samples [batch, 1280 n] -> float32 [batch, time, classes]."""
        frames = self.trainee.model.encoder(self.log_mel.whole(samples).bfloat16())
        if self.by_phones:
            return self.trainee.phone_head(frames.unflatten(1, (-1, 2)).flatten(2)).float().log_softmax(-1)
        return self.trainee.piece_log_probs(self.trainee.model.adapter(frames))

    def labels_of(self, text: str) -> list[list[int]]:
        """Return the labels of each word."""
        words = text.split()
        return self.labels.phones_of(words) if self.by_phones else [[*self.pieces.encode_word(w)] for w in words]

    @torch.inference_mode()
    def ends(self, store: Store, rows: list[Utterance]) -> list[tuple[list[float], float]]:
        """Return the word ends and the score of each utterance; words without labels end with the word before."""
        result: list[tuple[list[float], float]] = [([], -1e9)] * len(rows)
        for indices in batches([row.count for row in rows], seconds=160):
            clips = [store.samples(rows[i]).astype(np.float32) / 32768 for i in indices]
            log_probs = self.log_probs(padded(clips, 0, 6))  # CTC may mark the last labels after the end
            words = [self.labels_of(rows[i].text) for i in indices]
            margin = round(0.48 / self.frame_seconds)
            lengths = [min(log_probs.shape[1], int(rows[i].seconds / self.frame_seconds) + margin) for i in indices]
            labels = [[label for word in own for label in word] or [1] for own in words]
            states, scores = viterbi(log_probs, labels, lengths, self.blank)
            for i, path, score, own in zip(indices, states.numpy(), scores.tolist(), words, strict=True):
                result[i] = self._word_ends(path, own, rows[i].seconds), score
        return result

    def _word_ends(self, path: npt.NDArray[np.int64], words: list[list[int]], seconds: float) -> list[float]:
        ends, label, before = [], -1, 0.0
        for labels in words:
            label += len(labels)
            frames = np.flatnonzero(path == 2 * label + 1) if labels else []
            if len(frames):
                before = max(before + 0.04, min(seconds, (int(frames[0]) + 1) * self.frame_seconds + self.shift))
            ends.append(round(before, 2))
        return ends

    def calibrate(self, stores: list[Store], count: int = 200) -> None:
        """Measure the shift on utterances whose word ends are known."""
        rng, errors = np.random.default_rng(0), []
        for store in stores:
            known = [row for row in store.rows if row.ends and 1 < row.seconds < 12]
            if not known:
                continue
            rows = [known[i] for i in rng.choice(len(known), count)]
            for row, (ends, _) in zip(rows, self.ends(store, rows), strict=True):
                errors.append(np.subtract(row.ends, ends))
        error = np.concatenate(errors)
        self.shift = float(np.median(error))
        inside = np.mean(np.abs(error - self.shift) <= 0.08)
        print(
            f"shift {self.shift:+.2f} s; {inside:.0%} of known word ends within 80 ms, {len(error)} words", flush=True
        )


def main() -> None:
    """Read the command line and align what needs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    by = parser.add_mutually_exclusive_group(required=True)
    by.add_argument("--run", type=Path, metavar="DIR", help="a run whose phone head has learnt to hear")
    by.add_argument("--model", type=Path, metavar="DIR", help="a finished model of this recipe")
    parser.add_argument("--only", nargs="*", metavar="STORE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    stores = open_stores(options.data)
    aligner = Aligner(options.run, options.model)
    aligner.calibrate(stores)
    for store in stores:
        needing = [(i, row) for i, row in enumerate(store.rows) if row.ends is None and row.text and row.seconds < 12]
        if not needing or (options.only and store.name not in options.only):
            continue
        found = aligner.ends(store, [row for _, row in needing])
        limit = float(np.quantile([score for _, score in found], DROPPED))
        with (options.data / f"{store.name}.ends.jsonl").open("w", encoding="utf-8") as file:
            for (i, _), (ends, score) in zip(needing, found, strict=True):
                if score > limit:
                    file.write(json.dumps({"row": i, "ends": ends}) + "\n")
        print(
            f"{store.name}: {len(needing)} utterances, worst {DROPPED:.0%} (below {limit:.2f} a frame) dropped",
            flush=True,
        )


if __name__ == "__main__":
    main()
