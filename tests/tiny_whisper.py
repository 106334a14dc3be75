"""A Whisper model for CTranslate2 whose weights are made by hand, so that it says something one can reason about.

It says one made-up word for every half second, chosen by the sound in the middle of it, and ends at the first half
second that is digital silence. So its text follows the sound, a longer sound continues the text of a shorter one, and
its word times are right to some hundredths. A prompt before the transcript shifts the positions, and with them what is
heard. Only single-layer halves, no self-attention: cross-attention is by position alone.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_WORD = 25
"""Encoder frames of 20 ms."""
PERIODS = (11.0, 23.0, 51.0, 99.0, 203.0, 397.0, 801.0, 2999.0)
POSITION, WIDTH = 4 * len(PERIODS), 64
ENERGY, MARK = POSITION, WIDTH - 1
LANGUAGES = ("en", "de", "fr", "es", "it")
CONTROLS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
PROMPT = 4
"""Tokens of a prompt without text: start, language, task, no timestamps; an English-only model has two."""

Weights = NDArray[np.float32]


def write_whisper(folder: Path, *, multilingual: bool = True, seed: int = 0) -> Path:
    """A complete model folder as faster-whisper wants it."""
    from ctranslate2.specs import model_spec, whisper_spec

    folder.mkdir(parents=True, exist_ok=True)
    tokens = _write_tokenizer(folder / "tokenizer.json", multilingual=multilingual)
    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    weights = _weights(tokens, multilingual=multilingual, seed=seed)

    def fill(layer: Any, name: str, value: object) -> None:
        if value is None or name in weights:
            setattr(layer, name.rpartition("/")[2], weights.get(name, _nothing(name)))

    model_spec.visit_spec(spec, fill)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index(f"<|{language}|>") for language in LANGUAGES]
    spec.config.alignment_heads = [[0, 0]]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.save(str(folder))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80}))
    return folder


def _write_tokenizer(path: Path, *, multilingual: bool) -> list[str]:
    """A byte-level tokenizer in Whisper's order: bytes, words, special tokens, timestamps. Returns all its tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    syllables = [first + second for first in "bdgklmnprst" for second in "aeiou"]
    words = [f"Ġ{a}{b}" for a, b in itertools.islice(itertools.product(syllables, syllables[::-1]), 0, 3000, 13)]
    words[::9] = [f"{word}." for word in words[::9]]
    text = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *words, *([""] if multilingual else [])]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(text)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [f"<|{name}|>" for name in ("endoftext", "startoftranscript", *LANGUAGES, *CONTROLS)]
    timestamps = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in timestamps])
    tokenizer.save(str(path))
    return text + special + timestamps


def _weights(tokens: list[str], *, multilingual: bool, seed: int) -> dict[str, Weights]:
    """What is not zero, or one for a normalisation."""
    rng = np.random.default_rng(seed)
    content = slice(POSITION, MARK)
    conv1 = np.zeros((WIDTH, 80, 3), np.float32)
    conv1[content] = rng.normal(0, 0.25, (MARK - POSITION, 80, 1))
    conv1[content] -= conv1[content].mean(1, keepdims=True)  # the pitch, not the loudness: silence gives nothing
    conv1[ENERGY] = 0
    conv2 = np.zeros((WIDTH, WIDTH, 3), np.float32)
    conv2[range(POSITION, MARK), range(POSITION, MARK)] = 1 / 3
    conv2[ENERGY, ENERGY + 1 : MARK] = 1 / 6
    prompt = PROMPT if multilingual else 2
    heard = np.maximum(np.arange(448) - prompt + 1, 0) * FRAMES_PER_WORD + FRAMES_PER_WORD // 2
    positions = _position(heard.astype(np.float32))
    positions[0, MARK] = 8
    positions[heard >= 1500, ENERGY] = -20
    pick_position = np.zeros((WIDTH, WIDTH), np.float32)
    pick_position[range(POSITION), range(POSITION)] = 1.4
    pick_content = np.zeros((WIDTH, WIDTH), np.float32)
    pick_content[range(POSITION, MARK), range(POSITION, MARK)] = 4
    projection, bias = _output(tokens, rng)
    return {
        "encoder/conv1/weight": conv1,
        "encoder/conv1/bias": np.zeros(WIDTH, np.float32),
        "encoder/conv2/weight": conv2,
        "encoder/conv2/bias": np.zeros(WIDTH, np.float32),
        "encoder/position_encodings/encodings": _position(np.arange(1500, dtype=np.float32)),
        "decoder/position_encodings/encodings": positions,
        "decoder/embeddings/weight": rng.normal(0, 1e-3, (len(tokens), WIDTH)).astype(np.float32),
        "decoder/layer_0/attention/linear_0/weight": pick_position,
        "decoder/layer_0/attention/linear_1/weight": np.concatenate((pick_position, pick_content)),
        "decoder/layer_0/attention/linear_2/weight": np.eye(WIDTH, dtype=np.float32),
        "decoder/projection/weight": projection,
        "decoder/projection/bias": bias,
    }


def _position(frames: Weights) -> Weights:
    """Codes [positions, WIDTH] whose products are largest where the frames are the same; of even sum, even length."""
    angles = 2 * np.pi * frames[:, None] / np.array(PERIODS)
    code = np.zeros((len(frames), WIDTH), np.float32)
    code[:, :POSITION] = 3 * np.concatenate((np.cos(angles), np.sin(angles), -np.cos(angles), -np.sin(angles)), 1)
    return code


def _output(tokens: list[str], rng: np.random.Generator) -> tuple[Weights, Weights]:
    """From what was heard to tokens: words by their random directions, the end by silence, languages at the start."""
    projection = np.zeros((len(tokens), WIDTH), np.float32)
    bias = np.full(len(tokens), -60, np.float32)
    for i, token in enumerate(tokens):
        if token.startswith("Ġ") and len(token) > 1:
            projection[i, ENERGY + 1 : MARK] = rng.normal(0, 6, MARK - ENERGY - 1)
            bias[i] = 0
        elif token[2:-2] in LANGUAGES:
            projection[i, ENERGY + 1 : MARK] = rng.normal(0, 3, MARK - ENERGY - 1)
            projection[i, MARK] = 60
            bias[i] = -100
    projection[tokens.index("<|endoftext|>"), ENERGY] = -60
    bias[tokens.index("<|endoftext|>")] = 30
    return projection, bias


def _nothing(name: str) -> Weights:
    """Weights that do nothing."""
    if name.endswith("gamma"):
        return np.ones(WIDTH, np.float32)
    if name.endswith("beta"):
        return np.zeros(WIDTH, np.float32)
    parts = {
        "self_attention/linear_0": (3 * WIDTH, WIDTH),
        "ffn/linear_0": (4 * WIDTH, WIDTH),
        "ffn/linear_1": (WIDTH, 4 * WIDTH),
    }
    shape = next((shape for part, shape in parts.items() if part in name), (WIDTH, WIDTH))
    return np.full(shape, 1e-6, np.float32)
