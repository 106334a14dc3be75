"""The tokenizer: byte-pair merges learnt from word counts, in the `tekken.json` form that mistral-common reads.

A word is encoded with its leading space, always as the same pieces, so a transcript is a row of words and nothing else.
"""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

BOS, STREAMING_PAD, STREAMING_WORD = 1, 32, 33
NUM_SPECIAL = 64
# The names that mistral-common looks up, at the ids of the public checkpoint.
_SPECIAL = {
    0: "<unk>", 1: "<s>", 2: "</s>", 3: "[INST]", 4: "[/INST]", 5: "[AVAILABLE_TOOLS]", 6: "[/AVAILABLE_TOOLS]",
    7: "[TOOL_RESULTS]", 8: "[/TOOL_RESULTS]", 9: "[TOOL_CALLS]", 10: "[IMG]", 11: "<pad>", 12: "[IMG_BREAK]",
    13: "[IMG_END]", 14: "[PREFIX]", 15: "[MIDDLE]", 16: "[SUFFIX]", 17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]",
    19: "[TOOL_CONTENT]", 24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 32: "[STREAMING_PAD]", 33: "[STREAMING_WORD]",
    34: "[REPEAT_AUDIO_TEXT]", 35: "[NEXT_AUDIO_TEXT]",
}  # fmt: skip
_PATTERN = r" ?[\p{L}']+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"


def learn_merges(counts: Counter[str], how_many: int, known: Pieces | None = None) -> list[bytes]:
    """Return the pieces longer than a byte, in order of learning: always the most frequent neighbours are joined.

    With `known` these come on top of what it has, and only they are returned. They are fewer where words run out.
    """
    spaced = [f" {word}".encode() for word in counts]
    words = [known.split(word) if known else [bytes([b]) for b in word] for word in spaced]
    weight = list(counts.values())
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    where: defaultdict[tuple[bytes, bytes], set[int]] = defaultdict(set)
    for i, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += weight[i]
            where[pair].add(i)
    pieces: list[bytes] = []
    while len(pieces) < how_many and any(pairs.values()):
        best = max(pairs, key=lambda p: (pairs[p], p))
        pieces.append(best[0] + best[1])
        for i in list(where[best]):
            for pair in pairwise(words[i]):
                pairs[pair] -= weight[i]
                where[pair].discard(i)
            words[i] = _joined(words[i], best)
            for pair in pairwise(words[i]):
                pairs[pair] += weight[i]
                where[pair].add(i)
        del pairs[best]
    return pieces


def _joined(word: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    out: list[bytes] = []
    i = 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out


def write_tekken(path: Path, merges: list[bytes], num_mel_bins: int, delay_tokens: int) -> None:
    """Write the tokenizer file, with the streaming audio section of the public realtime checkpoint."""
    pieces = [bytes([b]) for b in range(256)] + merges
    vocab = [
        {"rank": i, "token_bytes": base64.b64encode(piece).decode(), "token_str": _text(piece)}
        for i, piece in enumerate(pieces)
    ]
    special = [
        {"rank": i, "token_str": _SPECIAL.get(i, f"<SPECIAL_{i}>"), "is_control": True} for i in range(NUM_SPECIAL)
    ]
    config = {
        "pattern": _PATTERN, "num_vocab_tokens": len(pieces), "default_vocab_size": len(pieces) + NUM_SPECIAL,
        "default_num_special_tokens": NUM_SPECIAL, "version": "v7",
    }  # fmt: skip
    audio = {
        "sampling_rate": 16000, "frame_rate": 12.5,
        "audio_encoding_config": {"num_mel_bins": num_mel_bins, "hop_length": 160, "window_size": 400},
        "chunk_length_s": None, "transcription_format": "streaming", "transcription_delay_ms": 80 * delay_tokens,
        "streaming_look_ahead_ms": 2.5, "streaming_look_back_ms": 52.5, "streaming_n_left_pad_tokens": 32,
    }  # fmt: skip
    document: dict[str, Any] = {"config": config, "vocab": vocab, "special_tokens": special, "audio": audio}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _text(piece: bytes) -> str | None:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None


class Pieces:
    """Words to piece ids and back, from a `tekken.json`."""

    def __init__(self, path: Path) -> None:
        vocab = json.loads(path.read_text(encoding="utf-8"))["vocab"]
        self.pieces = [base64.b64decode(entry["token_bytes"]) for entry in vocab]
        self._rank = {piece: i for i, piece in reversed([*enumerate(self.pieces)])}  # the first, if two are the same
        self.vocab_size = len(self.pieces) + NUM_SPECIAL
        self.encode_word = cache(self._encode_word)

    def _encode_word(self, word: str) -> tuple[int, ...]:
        return tuple(self.encode(f" {word}".encode()))

    def split(self, data: bytes) -> list[bytes]:
        """Return the pieces of some bytes, as merges in their order of learning make them."""
        parts = [bytes([b]) for b in data]
        while len(parts) > 1:
            ranks = [self._rank.get(a + b, 1 << 30) for a, b in pairwise(parts)]
            best = min(range(len(ranks)), key=ranks.__getitem__)
            if ranks[best] == 1 << 30:
                break
            parts[best : best + 2] = [parts[best] + parts[best + 1]]
        return parts

    def encode(self, data: bytes) -> list[int]:
        """Return the ids of the pieces of some bytes."""
        return [NUM_SPECIAL + self._rank[part] for part in self.split(data)]

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids; special ids write nothing."""
        data = b"".join(self.pieces[i - NUM_SPECIAL] for i in ids if i >= NUM_SPECIAL)
        return data.decode("utf-8", errors="replace").strip()
