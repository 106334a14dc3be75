"""A wide grammar of what people say to the bundled assistant, to train on: the rules of `requests.txt`.

`text.assistant_request` is the older, smaller one. The evaluation sets come from that alone and stay as they are, so
that figures of different checkpoints can be compared; training draws from both.

A line of rules is `name: alternative | alternative`; lines of one name add up, and an alternative may use other rules,
word lists and makers of `text.py` in braces. `{}` is nothing. Everything is spelt out as it is spoken: a
whitespace-separated token is one word of the transcript.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from text import MAKERS, ONES, WORD_LISTS, number, ordinal

LETTERS = "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z".split()  # noqa: SIM905  (a list of literals reads worse)
_MAKERS: dict[str, Callable[[random.Random], str]] = {
    **MAKERS,
    "ordinal": lambda rng: ordinal(rng.randint(1, 31)),
    "letter": lambda rng: rng.choice(LETTERS),
    "digit": lambda rng: rng.choice(ONES[1:10]),
    "n": lambda rng: number(rng.choice([rng.randint(1, 12), rng.randint(2, 30), rng.randint(2, 99)])),
    "": lambda rng: "",
}


def _read_rules(path: Path) -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    for line in filter(None, path.read_text(encoding="utf-8").splitlines()):
        name, _, alternatives = line.partition(": ")
        rules.setdefault(name, []).extend(alternatives.split(" | "))
    return rules


RULES = _read_rules(Path(__file__).with_name("requests.txt"))
_SLOT = re.compile(r"\{(\w*)\}")


def spoken_request(rng: random.Random, rule: str = "request") -> str:
    """Return one request, answer or remark in its spoken form, with a capital and a mark at its end."""
    text = "{" + rule + "}"
    while match := _SLOT.search(text):
        space = " " if match[1] in {"closing", "when"} else ""
        text = text[: match.start()] + space + _filled(match[1], rng) + space + text[match.end() :]
    text = re.sub(r"\s+([,.?!])", r"\1", " ".join(text.split())).strip(", ")
    text = re.sub(r"([,.?!])(?=[,.?!])", "", text)
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!" else ".")


def _filled(slot: str, rng: random.Random) -> str:
    if slot in RULES:
        return rng.choice(RULES[slot])
    return _MAKERS[slot](rng) if slot in _MAKERS else rng.choice(WORD_LISTS[slot])
