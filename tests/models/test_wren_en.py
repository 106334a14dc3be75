"""The bundled checkpoint: whole, loadable by this project and by stock transformers, and it transcribes."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import EXTRA_RIGHT_PAD_TOKENS, LEFT_PAD_TOKENS, SAMPLES_PER_TOKEN
from voxtral_service.voxtral.model import VoxtralRealtime
from voxtral_service.voxtral.tokenizer import Tokenizer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "wren-en"
MAX_BYTES = 16_000_000
DELAY = 6


@pytest.fixture(scope="module")
def model() -> VoxtralRealtime:
    return checkpoint.load(FOLDER, dtype=torch.float32)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(FOLDER)


@pytest.fixture(scope="module")
def sample() -> NDArray[np.float32]:
    samples, rate = soundfile.read(FOLDER / "sample.wav", dtype="float32")
    assert rate == 16_000
    return np.asarray(samples)


def padded(samples: NDArray[np.float32], delay: int) -> NDArray[np.float32]:
    """A whole file as the model wants it: silence before, silence to write the last words in after."""
    before = LEFT_PAD_TOKENS * SAMPLES_PER_TOKEN
    after = -len(samples) % SAMPLES_PER_TOKEN + (delay + 1 + EXTRA_RIGHT_PAD_TOKENS) * SAMPLES_PER_TOKEN
    return np.pad(samples, (before, after))


@torch.inference_mode()
def written(
    model: VoxtralRealtime, tokenizer: Tokenizer, samples: NDArray[np.float32], delay: int = DELAY
) -> list[int]:
    """The ids that greedy decoding writes; the plainest way, one full pass of the decoder per token."""
    audio = model.encode(model.log_mel.whole(torch.from_numpy(padded(samples, delay))[None]))
    ids = tokenizer.prompt(delay)
    decoder, prompt = model.decoder, len(ids)
    delays = torch.tensor([delay])
    while len(ids) <= audio.shape[1]:
        x = decoder.embedding(torch.tensor([ids])) + audio[:, : len(ids)]
        hidden: Tensor = decoder(x, delays)
        ids.append(int(decoder.logits(hidden[:, -1]).argmax()))
    return ids[prompt:]


def words(tokenizer: Tokenizer, ids: list[int]) -> str:
    return b"".join(tokenizer.token_bytes(i) for i in ids).decode().strip()


def test_sums_cover_every_file_and_hold() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    data = {path.name for path in FOLDER.iterdir() if path.suffix in {".json", ".safetensors", ".wav"}}
    assert set(sums) == data
    for name, digest in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_is_small_enough_for_a_repository() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size <= MAX_BYTES


def test_card_describes_the_model() -> None:
    card = (FOLDER / "README.md").read_text("utf-8")
    for heading in ("What it is for", "What it is not for", "Word error rates", "Data and licences"):
        assert heading in card


def test_recipe_needs_only_declared_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = " ".join([*project["dependencies"], *project["optional-dependencies"]["train"]])
    for package in ("jiwer", "matplotlib", "espeakng-loader", "soxr", "av"):
        assert re.search(rf"\b{package}\b", declared), package


def test_tokenizer_fits_the_network(model: VoxtralRealtime, tokenizer: Tokenizer) -> None:
    assert len(tokenizer) == model.config.decoder.vocab_size
    sentence = " the quick brown fox doesn't jump"
    assert words(tokenizer, tokenizer.encode(sentence)) == sentence.strip()


def test_silence_writes_no_word(model: VoxtralRealtime, tokenizer: Tokenizer) -> None:
    assert words(tokenizer, written(model, tokenizer, np.zeros(16_000 * 4, np.float32))) == ""


def test_hears_the_beginning_of_its_sample(
    model: VoxtralRealtime, tokenizer: Tokenizer, sample: NDArray[np.float32]
) -> None:
    heard = words(tokenizer, written(model, tokenizer, sample[: 16_000 * 4]))
    assert heard.startswith("good morning what time is it")


@pytest.fixture(scope="module")
def stock() -> tuple[Any, Any]:
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.set_verbosity_error()
    return (
        transformers.AutoModelForSpeechSeq2Seq.from_pretrained(FOLDER, dtype=torch.float32).eval(),
        transformers.AutoProcessor.from_pretrained(FOLDER),
    )


@pytest.mark.filterwarnings("ignore")  # its generate() warns about lengths
def test_stock_transformers_writes_the_same(
    stock: tuple[Any, Any], model: VoxtralRealtime, tokenizer: Tokenizer, sample: NDArray[np.float32]
) -> None:
    reference, processor = stock
    inputs = processor(sample, return_tensors="pt")
    ids = reference.generate(**inputs).tolist()[0]
    prompt = len(tokenizer.prompt(DELAY))
    ours = written(model, tokenizer, sample)
    assert words(tokenizer, ids[prompt:]) == words(tokenizer, ours)
    assert words(tokenizer, ours)
