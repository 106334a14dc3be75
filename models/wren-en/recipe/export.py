"""Write the averaged weights of a run as a model folder that this project and stock transformers load.

    python export.py --run RUN --out MODEL

Files are written to a folder beside MODEL and then moved in one by one, so MODEL never holds half a file. SHA256SUMS
covers all of them and `sample.wav`, if there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from pathlib import Path

import torch
from network import Trainee, configuration
from train import Labels

from voxtral_service.voxtral import checkpoint


def export(run: Path, out: Path, weights: str = "average") -> None:
    """Export the `average` or the latest (`master`) weights of a run."""
    labels = Labels(run)
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    trainee = Trainee(configuration(run, labels.pieces.vocab_size), labels.num_phones)
    trainee.load_state_dict(state[weights])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        folder = Path(temporary)
        checkpoint.save(trainee.model, folder)
        shutil.copy(run / "tekken.json", folder)
        for path in folder.iterdir():
            path.chmod(0o644)  # safetensors writes for its owner alone
            path.replace(out / path.name)
    write_sums(out)


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over the files that make the model, in the form `sha256sum -c` reads."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix in {".json", ".safetensors", ".wav"})
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--weights", choices=["average", "master"], default="average")
    options = parser.parse_args()
    export(options.run, options.out, options.weights)


if __name__ == "__main__":
    main()
