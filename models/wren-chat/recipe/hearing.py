"""A recogniser's errors, simulated: words that sound alike, lost, added, split and joined words, spelling by ear.

How alike words sound is told by eSpeak NG's phonemes. Of the confusions of each word, one in three, chosen by a hash,
is kept for evaluation.
"""

from __future__ import annotations

import ctypes
import json
import random
import re
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from grammar import Utterance, is_held_out
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

FILLERS = "a the to i it and of in is you that um uh so well on at this for my".split()
_RESPELL = [
    ("ph", "f"), ("ck", "k"), ("c", "k"), ("ee", "ea"), ("ea", "ee"), ("oo", "u"), ("ou", "ow"), ("ai", "ay"), ("y", "i"),
    ("i", "y"), ("er", "ur"), ("or", "ore"), ("s", "c"), ("z", "s"), ("qu", "kw"), ("ll", "l"), ("tt", "t"), ("ss", "s"),
    ("t", "d"), ("d", "t"), ("b", "p"), ("m", "n"), ("n", "m"), ("e", ""), ("o", "a"), ("a", "e"), ("u", "o"), ("th", "f"),
]  # fmt: skip


class Phonemes:
    """eSpeak NG's phonemes of words, one character each."""

    def __init__(self) -> None:
        import espeakng_loader

        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        if self._lib.espeak_Initialize(2, 200, espeakng_loader.get_data_path().encode(), 0x8000) <= 0:
            raise RuntimeError("eSpeak NG does not start")
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._lib.espeak_SetVoiceByName(b"en-us")

    def of(self, word: str) -> str:
        """IPA without stress and length marks."""
        pointer = ctypes.c_char_p(word.encode())
        said: bytes = self._lib.espeak_TextToPhonemes(ctypes.byref(pointer), 1, 2) or b""
        return re.sub(r"[ˈˌː ‍_-]", "", said.decode())


def make_confusions(words: Iterable[str], path: Path, most: int = 14) -> None:
    """Write the words that sound most like each word, with their distances, unless they are there already."""
    if path.exists():
        return
    phonemes = Phonemes()
    words = sorted({word.lower() for word in words if re.fullmatch(r"[a-z]+('[a-z]+)?", word.lower())})
    sounds = [phonemes.of(word) for word in words]
    table: dict[str, list[tuple[str, float]]] = {}
    for first in range(0, len(words), 256):
        block = process.cdist(sounds[first : first + 256], sounds, scorer=Levenshtein.distance, dtype=np.uint8)
        for word, sound, distances in zip(words[first : first + 256], sounds[first : first + 256], block, strict=True):
            near = np.argsort(distances, kind="stable")[: most + 1]
            table[word] = [
                (words[i], round(float(distances[i]) / max(len(sound), 1), 3)) for i in near if words[i] != word
            ][:most]
    path.write_text(json.dumps({"confusions": table, "sounds": dict(zip(words, sounds, strict=True))}), "utf-8")


class Ear:
    """Mishears utterances; `held_out` with all confusions, otherwise without those kept for evaluation."""

    def __init__(self, path: Path, *, held_out: bool) -> None:
        data = json.loads(path.read_text("utf-8"))
        self._near: dict[str, list[tuple[str, float]]] = {
            word: [
                (other, distance)
                for other, distance in others
                if held_out or not (is_held_out(f"{word}>{other}") or is_held_out(f"{other}<{word}") or is_held_out(other + word))
            ]
            for word, others in data["confusions"].items()
        }  # fmt: skip
        self._by_sound: dict[str, str] = {}
        for word, sound in data["sounds"].items():
            self._by_sound.setdefault(sound, word)
        self._sounds: dict[str, str] = data["sounds"]

    def hear(self, said: Utterance, rate: float, rng: random.Random) -> tuple[Utterance, list[str]]:
        """What is heard, and for each heard word the one that was said ("" for a word that was not)."""
        words: list[str] = []
        slots: list[str] = []
        meant: list[str] = []
        at = 0
        while at < len(said.words):
            word, slot = said.words[at], said.slots[at]
            at += 1
            if rng.random() >= rate:
                words, slots, meant = [*words, word], [*slots, slot], [*meant, word]
                continue
            kind = rng.random()
            if kind < 0.17:
                continue
            if kind < 0.27:
                words, slots, meant = (
                    [*words, word, rng.choice(FILLERS)],
                    [*slots, slot, slot if at < len(said.words) and said.slots[at] == slot else ""],
                    [*meant, word, ""],
                )
            elif kind < 0.33 and at < len(said.words) and said.slots[at] == slot:
                words.append(self._joined(word, said.words[at]))
                slots.append(slot)
                meant.append(f"{word} {said.words[at]}")
                at += 1
            elif kind < 0.39 and len(word) > 5:
                pieces = self._split(word)
                words += pieces
                slots += [slot] * len(pieces)
                meant += [f"{word} "] + ["" for _ in pieces[1:]]  # the space: never believed as it is heard
            else:
                words, slots, meant = [*words, self._alike(word, rng)], [*slots, slot], [*meant, word]
        if not words:
            return said, list(said.words)
        return Utterance(words, slots), meant

    def _alike(self, word: str, rng: random.Random) -> str:
        near = self._near.get(word)
        if not near or rng.random() < 0.2:
            return self._by_ear(word, rng)
        weights = [np.exp(-4 * distance) for _, distance in near]
        return rng.choices([other for other, _ in near], weights)[0]

    def _by_ear(self, word: str, rng: random.Random) -> str:
        rules = [(a, b) for a, b in _RESPELL if a in word]
        if not rules or len(word) < 4:
            return word + rng.choice("sed")
        a, b = rng.choice(rules)
        return word.replace(a, b, 1)

    def _joined(self, first: str, second: str) -> str:
        sound = self._sounds.get(first, "") + self._sounds.get(second, "")
        return self._by_sound.get(sound, first + second)

    def _split(self, word: str) -> list[str]:
        """Two words that sound like one, else the word cut in two."""
        sound = self._sounds.get(word, "")
        for cut in range(2, len(sound) - 1):
            first, second = self._by_sound.get(sound[:cut]), self._by_sound.get(sound[cut:])
            if first and second:
                return [first, second]
        return [word[: len(word) // 2], word[len(word) // 2 :]]


def repaired(heard: Utterance, meant: list[str], slot: str, closed: Collection[str]) -> str:
    """The words of a slot of which there are only so many (`closed`), as they must have been said.

    A heard word that is itself one of them is believed; any other stands for the one that was said, or for none.
    """
    words = []
    for word, said, name in zip(heard.words, meant, heard.slots, strict=True):
        if name != slot:
            continue
        if word.lower() in closed and " " not in said:
            words.append(word if said else "")
        else:
            words.append(said)
    return " ".join(" ".join(words).split())
