"""Give a run a larger vocabulary and more decoder layers, and go on from what it has learnt.

    python grow.py --run RUN --data DATA --out GROWN --vocabulary 4096 --decoder-layers 4
    python train.py --data DATA --run GROWN --start GROWN/start.pt --stage joint --flat-steps 0 --head-steps 0

The phone head comes along, hence the last two flags.

New pieces are merges on top of the old ones, whose ids stay. The vector of a new piece begins as the mean of its first
part, which is what was written where it is due now, and its last, after which a word is over. New layers begin as
nothing: what they add is zero at first.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import torch
from network import Trainee, configuration
from tekken import Pieces, learn_merges, write_tekken
from torch import Tensor
from train import Labels, open_stores

from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import VoxtralRealtimeConfig

EMBEDDING = "model.decoder.embedding.weight"


def more_pieces(path: Path, counts: Counter[str], size: int, out: Path, config: VoxtralRealtimeConfig) -> Pieces:
    """Write the tokenizer of `path` with merges on top until it has `size` ids."""
    old = Pieces(path)
    merges = [*old.pieces[256:], *learn_merges(counts, size - old.vocab_size, old)]
    write_tekken(out, merges, config.encoder.num_mel_bins, config.default_delay_tokens)
    return Pieces(out)


def grown_embedding(weight: Tensor, old: Pieces, new: Pieces) -> Tensor:
    """Vectors of the old pieces [old, hidden] -> those of the new ones [new, hidden]."""
    if len(new.pieces) == len(old.pieces):
        return weight
    ends = [(parts[0], parts[-1]) for parts in map(old.encode, new.pieces[len(old.pieces) :])]
    first, last = torch.tensor(ends).T
    return torch.cat((weight, 0.5 * (weight[first] + weight[last])))


def grow(run: Path, data: Path, out: Path, vocabulary: int, layers: int) -> None:
    """Write GROWN: tokenizer, pronunciations, a model folder's config, and start.pt with the weights.

    Raises ValueError for a vocabulary or a number of layers below what the run has.
    """
    labels = Labels(run)
    before = configuration(run, labels.pieces.vocab_size)
    if vocabulary < labels.pieces.vocab_size or layers < before.decoder.num_layers:
        raise ValueError(
            f"the run has {labels.pieces.vocab_size} pieces and {before.decoder.num_layers} layers; it can only grow"
        )
    state: dict[str, Tensor] = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)["average"]
    out.mkdir(parents=True, exist_ok=True)
    counts = Counter(word for store in open_stores(data) for row in store.rows for word in row.text.split())
    pieces = more_pieces(run / "tekken.json", counts, vocabulary, out / "tekken.json", before)
    decoder = dataclasses.replace(before.decoder, vocab_size=pieces.vocab_size, num_layers=layers)
    trainee = Trainee(dataclasses.replace(before, decoder=decoder), labels.num_phones)
    with torch.no_grad():
        for layer in list(trainee.model.decoder.layers)[before.decoder.num_layers :]:
            layer.attention.out.weight.zero_()
            layer.ffn.down.weight.zero_()
    old = dict(state)
    old[EMBEDDING] = grown_embedding(old[EMBEDDING], labels.pieces, pieces)
    trainee.load_state_dict(trainee.state_dict() | old)
    checkpoint.save(trainee.model, out)
    shutil.copy(run / "phones.json", out)
    torch.save({"master": trainee.state_dict()}, out / "start.pt")
    parameters = sum(p.numel() for p in trainee.model.parameters())
    words = counts.total()
    each = {
        len(p.pieces): sum(n * len(p.encode_word(w)) for w, n in counts.items()) / words
        for p in (labels.pieces, pieces)
    }
    print(
        f"{parameters / 1e6:.1f} M parameters; pieces a word: " + ", ".join(f"{n:.2f} of {k}" for k, n in each.items())
    )


def main() -> None:
    """Read the command line and grow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="a run of train.py")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="stores, whose words are counted")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the new run begins")
    parser.add_argument("--vocabulary", type=int, default=4096, help="ids in all, special ones too")
    parser.add_argument("--decoder-layers", type=int, default=4)
    options = parser.parse_args()
    grow(options.run, options.data, options.out, options.vocabulary, options.decoder_layers)


if __name__ == "__main__":
    main()
