"""Numbers as people say them: "seventeen", "two hundred and five", "three point one four", "a dozen"."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_SMALL = {word: number for number, word in enumerate(_NAMES.split())} | {"oh": 0}
_TENS_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: number * 10 for number, word in enumerate(_TENS_NAMES.split(), start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    part: Fraction(1, number)
    for part, number in (("half", 2), ("third", 3), ("quarter", 4), ("fifth", 5), ("eighth", 8), ("tenth", 10))
}
_PLURALS = {"halves": Fraction(1, 2)} | {f"{part}s": value for part, value in _PARTS.items()}
_ORDINAL_NAMES = "first second third fourth fifth sixth seventh eighth ninth tenth"
_ORDINALS = {word: number for number, word in enumerate(_ORDINAL_NAMES.split(), start=1)}

NUMBER_WORDS = frozenset({*_SMALL, *_TENS, *_SCALES, *_PARTS, *_PLURALS, *_ORDINALS, "hundred", "dozen", "point"})
"""All words that belong to numbers and to nothing else."""


def read_number(words: Sequence[str], start: int = 0) -> tuple[Fraction, int] | None:
    """The number that the lower-case words from `start` on say, and where it ends; None if they begin with none.

    As much is read as makes one number: "twenty three", "one fifty" (150), "nineteen eighty four" (1984), "half",
    "two thirds", "three and a half". A number in digits may begin it: "2.5 million".
    """
    return _Reading(words, start).number()


def ordinal(word: str) -> int | None:
    """The number of "first" to "tenth"."""
    return _ORDINALS.get(word)


class _Reading:
    def __init__(self, words: Sequence[str], start: int) -> None:
        self._words, self._at = words, start

    def _word(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._words[at] if at < len(self._words) else ""

    def number(self) -> tuple[Fraction, int] | None:
        value = self._whole()
        if value is None and self._word() != "point":
            self._at += self._word() in ("a", "an") and self._word(1) in _PARTS
            part = _PARTS.get(self._word())
            return (part, self._at + 1) if part else None
        if self._word() == "point":
            digits = self._digits()
            if digits is None:
                return None if value is None else (value, self._at)
            value = (value or 0) + digits
            if self._word() in _SCALES:
                value *= _SCALES[self._word()]
                self._at += 1
            return value, self._at
        value = value or Fraction(0)
        if self._word() in _PLURALS:  # two thirds
            value *= _PLURALS[self._word()]
            self._at += 1
        elif self._word() == "and" and self._word(1) == "a" and self._word(2) in _PARTS:
            value += _PARTS[self._word(2)]
            self._at += 3
        elif self._word() == "and" and self._word(1) in _SMALL and self._word(2) in _PLURALS:
            value += _SMALL[self._word(1)] * _PLURALS[self._word(2)]
            self._at += 3
        return value, self._at

    def _whole(self) -> Fraction | None:
        total, group = Fraction(0), self._group()
        if group is None:
            return None
        scale = _SCALES.get(self._word())
        while scale is not None and group is not None:
            total += group * scale
            self._at += 1
            joined = self._word() == "and" and (self._word(1) in _SMALL or self._word(1) in _TENS)
            self._at += joined
            group = self._group()
            if group is None:
                self._at -= joined
            following = _SCALES.get(self._word()) if group is not None else None
            scale = following if following is not None and following < scale else None
        return total + (group or 0)

    def _group(self) -> Fraction | None:
        """Below a thousand in words, or digits."""
        word = self._word()
        if word[:1].isdigit():
            self._at += 1
            return Fraction(word.replace(",", ""))
        if word == "a" and self._word(1) in ("hundred", "dozen", *_SCALES):
            self._at += 1
            value: int | None = 1
        else:
            value = self._below_hundred()
        if value is None:
            if word not in ("hundred", "dozen"):
                return None
            value = 1
        if self._word() == "dozen":
            self._at += 1
            return Fraction(12 * value)
        if self._word() == "hundred":
            self._at += 1
            value *= 100
            joined = self._word() == "and" and (self._word(1) in _SMALL or self._word(1) in _TENS)
            self._at += joined
            rest = self._below_hundred()
            if rest is None:
                self._at -= joined
            return Fraction(value + (rest or 0))
        if 0 < value < 100 and (self._word() in _TENS or _SMALL.get(self._word(), 0) >= 10):
            return Fraction(value * 100 + (self._below_hundred() or 0))
        return Fraction(value)

    def _below_hundred(self) -> int | None:
        word = self._word()
        if word in _SMALL:
            self._at += 1
            return _SMALL[word]
        if word not in _TENS:
            return None
        self._at += 1
        one = _SMALL.get(self._word(), 0)
        if 0 < one < 10:
            self._at += 1
            return _TENS[word] + one
        return _TENS[word]

    def _digits(self) -> Fraction | None:
        """What follows "point": digit by digit, or a number below a hundred."""
        self._at += 1
        written = ""
        while 0 <= _SMALL.get(self._word(), -1) < 10:
            written += str(_SMALL[self._word()])
            self._at += 1
        if not written:
            value = self._below_hundred()
            if value is None:
                self._at -= 1
                return None
            written = str(value)
        return Fraction(int(written), 10 ** len(written))
