"""Train wren-chat: a stock Mistral decoder, on conversations written by `generate.py`.

    python train.py --data DATA --run RUN --minutes 50

RUN keeps all that training needs to go on: run the same command again after an interruption, and it resumes from the
last checkpoint with the minutes that are left. RUN/model is the checkpoint in the form of the bundled one, written with
each save. CPU and CUDA run the same code; on a CPU one thread, with bfloat16 where the machine has it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chat_format import BEGIN, END, PAD, SPECIAL, WINDOW, learn_tokens, render, write_tokenizer
from start import start_copying
from torch import Tensor
from torch.nn import functional as F
from transformers import MistralConfig, MistralForCausalLM

sys.path.append(str(Path(__file__).resolve().parents[2] / "wren-en" / "recipe"))
from muon import Muon

IGNORE = -100
SHORT = 140
"""Tokens of a conversation that the first minutes are trained on."""


def configuration(vocabulary: int) -> MistralConfig:
    """The shape of the network; 3.5 M parameters with 2,048 tokens."""
    return MistralConfig(
        vocab_size=vocabulary, hidden_size=256, intermediate_size=640, num_hidden_layers=4, num_attention_heads=4, head_dim=64,
        num_key_value_heads=4, max_position_embeddings=WINDOW, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        sliding_window=None, tie_word_embeddings=True, rms_norm_eps=1e-5, bos_token_id=BEGIN, eos_token_id=END, pad_token_id=PAD,
        dtype="bfloat16",
    )  # fmt: skip


class Conversations:
    """All conversations as tokens, in batches of about equal lengths."""

    def __init__(self, run: Path, data: Path, vocabulary: int) -> None:
        dialogues = [json.loads(line) for line in (data / "train.jsonl").open(encoding="utf-8")]
        pieces = [render(d["tools"], [m for turn in d["turns"] for m in turn["messages"]]) for d in dialogues]
        folder = run / "model"
        if not (folder / "tokenizer.json").exists():
            write_tokenizer(learn_tokens((t for some in pieces[:20000] for t, _ in some), vocabulary), folder)
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        texts = [text for some in pieces for text, _ in some]
        encoded = iter(self.tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        self.rows: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        self.easy: list[bool] = []
        for some, dialogue in zip(pieces, dialogues, strict=True):
            clean = all(_plain(turn["said"]) == _plain(turn["heard"]) for turn in dialogue["turns"])
            ids, targets = [], []
            for _, learnt in some:
                tokens = next(encoded).ids
                ids += tokens
                targets += tokens if learnt else [IGNORE] * len(tokens)
            if len(ids) <= WINDOW:
                self.rows.append((np.array(ids, np.int32), np.array(targets, np.int32)))
                self.easy.append(len(ids) <= SHORT and clean)

    def batches(self, tokens: int, rng: random.Random, *, easy: bool) -> Iterator[tuple[Tensor, Tensor]]:
        """Endlessly, all conversations or the easy ones in another order each time: ids and targets [rows, length]."""
        while True:
            order = [i for i, is_easy in enumerate(self.easy) if is_easy or not easy]
            rng.shuffle(order)
            for first in range(0, len(order), 4096):
                some = sorted(order[first : first + 4096], key=lambda i: len(self.rows[i][0]))
                groups: list[list[int]] = [[]]
                for i in some:
                    if groups[-1] and (len(groups[-1]) + 1) * len(self.rows[i][0]) > tokens:
                        groups.append([])
                    groups[-1].append(i)
                rng.shuffle(groups)
                for group in groups:
                    yield self._batch(group)

    def _batch(self, group: list[int]) -> tuple[Tensor, Tensor]:
        length = max(len(self.rows[i][0]) for i in group)
        ids = torch.full((len(group), length), PAD)
        targets = torch.full((len(group), length), IGNORE)
        for row, i in enumerate(group):
            ids[row, : len(self.rows[i][0])] = torch.from_numpy(self.rows[i][0])
            targets[row, : len(self.rows[i][1])] = torch.from_numpy(self.rows[i][1])
        return ids, targets


def _plain(text: str) -> str:
    return text.lower().rstrip("?.!")


def repetitions(tokens: int, vocabulary: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Texts of any tokens at all, each said twice: nothing can be guessed, so the second time teaches to look back."""
    length = rng.randint(3, 20)
    once = torch.randint(len(SPECIAL), vocabulary, (tokens // (2 * length), length))
    again = once.clone()
    again[:, 0] = IGNORE
    return torch.cat((once, once), 1), torch.cat((torch.full_like(once, IGNORE), again), 1)


class Trainer:
    """Master weights in float32, a bfloat16 copy that computes, and their optimizers."""

    def __init__(self, options: argparse.Namespace, vocabulary: int) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        config = configuration(vocabulary)
        self.master = MistralForCausalLM._from_config(config, dtype=torch.float32).to(self.device)
        start_copying(self.master)
        self.copy = MistralForCausalLM._from_config(config, dtype=torch.bfloat16).to(self.device)
        self.copy.train()
        matrices = {
            p: [p.shape[0]] for name, p in self.master.named_parameters() if p.ndim == 2 and "embed" not in name
        }
        rest = [p for p in self.master.parameters() if p not in matrices]
        self.muon = Muon(matrices, lr=options.lr)
        self.adam = torch.optim.AdamW(rest, lr=options.lr * 0.5, betas=(0.9, 0.98), weight_decay=0.0)
        self.average = [p.detach().clone() for p in self.master.parameters()]
        self.step, self.minutes, self.tokens = 0, 0.0, 0
        checkpoint = options.run / "checkpoint.pt"
        if checkpoint.exists():
            self._load(torch.load(checkpoint, map_location=self.device, weights_only=True))
        self._sync()

    def update(self, ids: Tensor, targets: Tensor) -> float:
        """One step; the loss per learnt token."""
        ids, targets = ids.to(self.device), targets.to(self.device)
        # Right padding changes nothing to its left, so no mask is needed.
        hidden = self.copy.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        learnt = targets[:, 1:] != IGNORE
        logits = self.copy.lm_head(hidden[learnt]).float()
        loss = F.cross_entropy(logits, targets[:, 1:][learnt].long())
        loss.backward()
        pairs = list(zip(self.master.parameters(), self.copy.parameters(), strict=True))
        for master, copy in pairs:
            master.grad = copy.grad.float() if copy.grad is not None else None
        self.copy.zero_grad(set_to_none=True)
        norm = torch.nn.utils.clip_grad_norm_(self.master.parameters(), 2.0)
        if math.isfinite(float(norm)):
            self.muon.step()
            self.adam.step()
            self._sync()
        self.step += 1
        self.tokens += ids.numel()
        if self.step % 4 == 0:
            rate = max(0.08, 1 / (1 + self.step / 4))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.master.parameters()], rate)
        return float(loss.detach())

    @torch.no_grad()
    def _sync(self) -> None:
        torch._foreach_copy_(list(self.copy.parameters()), list(self.master.parameters()))

    def set_rate(self, factor: float) -> None:
        """Scale both learning rates."""
        self.muon.param_groups[0]["lr"] = factor * self.options.lr
        self.adam.param_groups[0]["lr"] = factor * self.options.lr * 0.5

    def _load(self, state: dict[str, Any]) -> None:
        self.master.load_state_dict(state["master"])
        self.average = state["average"]
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step, self.minutes, self.tokens = state["step"], state["minutes"], state["tokens"]

    def save(self) -> None:
        """Everything that is needed to go on, and the averaged weights as a model folder."""
        path = self.options.run / "checkpoint.pt"
        state = {
            "master": self.master.state_dict(), "average": self.average, "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(), "step": self.step, "minutes": self.minutes, "tokens": self.tokens,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        model = MistralForCausalLM._from_config(self.master.config, dtype=torch.bfloat16)
        with torch.no_grad():
            for parameter, average in zip(model.parameters(), self.average, strict=True):
                parameter.copy_(average)
        model.generation_config.update(
            do_sample=False, max_new_tokens=200, eos_token_id=END, pad_token_id=PAD, bos_token_id=BEGIN
        )
        model.save_pretrained(self.options.run / "model")


def _mean(losses: list[float]) -> float | None:
    return round(float(np.mean(losses)), 4) if losses else None


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument(
        "--minutes", type=float, default=50, help="of training in all; the rate falls over the last half"
    )
    parser.add_argument("--lr", type=float, default=0.004, help="Muon's; AdamW has half of it")
    parser.add_argument("--batch", type=int, default=3072, help="tokens a step")
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument(
        "--easy-minutes", type=float, default=3, help="the first ones, with short conversations without errors"
    )
    parser.add_argument("--save-minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


def train(options: argparse.Namespace) -> None:
    """Go on from where the run is until its minutes are over."""
    options.run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    data = Conversations(options.run, options.data, options.vocabulary)
    trainer = Trainer(options, data.tokenizer.get_vocab_size())
    learnt = sum(int((targets != IGNORE).sum()) for _, targets in data.rows)
    everything = sum(len(ids) for ids, _ in data.rows)
    parameters = sum(p.numel() for p in trainer.master.parameters())
    print(
        f"{len(data.rows)} conversations, {everything / 1e6:.2f} M tokens, {learnt / 1e6:.2f} M learnt; {parameters / 1e6:.2f} M parameters"
    )
    log = (options.run / "curve.jsonl").open("a", encoding="utf-8")
    # Time of the process, not of the wall: it may be paused, and shares its core.
    before, seen = time.process_time(), trainer.tokens
    losses: list[float] = []
    copies: list[float] = []
    saved = trainer.minutes
    rng = random.Random(options.seed + trainer.step)
    easy = data.batches(options.batch * 2 // 3, rng, easy=True)
    every = data.batches(options.batch, rng, easy=False)
    while True:
        early = trainer.minutes < options.easy_minutes
        copying = rng.random() < 0.06  # keeps the copying that the weights began with
        if copying:
            ids, targets = repetitions(2048, data.tokenizer.get_vocab_size(), rng)
        else:
            ids, targets = next(easy if early else every)
        done = trainer.minutes / options.minutes
        trainer.set_rate(min(1.0, (trainer.step + 1) / 50) * min(1.0, max(0.0, 2 * (1 - done)) + 0.01))
        (copies if copying else losses).append(trainer.update(ids, targets))
        now = time.process_time()
        trainer.minutes += (now - before) / 60
        before = now
        if trainer.step % 25 == 0:
            entry = {
                "step": trainer.step,
                "minutes": round(trainer.minutes, 2),
                "tokens": trainer.tokens,
                "loss": _mean(losses),
                "copying": _mean(copies),
            }
            log.write(json.dumps(entry) + "\n")
            log.flush()
            print(json.dumps(entry), flush=True)
            losses, copies = [], []
        over = trainer.minutes >= options.minutes
        if over or trainer.minutes - saved > options.save_minutes:
            trainer.save()
            saved, before = trainer.minutes, time.process_time()
        if over:
            break
    print(f"{trainer.tokens - seen} tokens")


if __name__ == "__main__":
    main()
