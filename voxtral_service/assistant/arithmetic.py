"""Sums as people write and say them, worked out exactly: a parser of its own, for nothing of it may run code.

sum    = product (("+" | "-") product)*
product = signed (("*" | "/" | "x" | "times" | "of" | ...) signed)*
signed = ("-" | "+") signed | power
power  = postfix ("^" signed)?
postfix = atom ("!" | "%")*
atom   = number | "(" sum ")" | function "(" sum ")" | constant

Numbers may be in words: "seventeen times twenty three", "15 percent of two hundred", "half of nine", "double 21". What
a recogniser has made of them counts as what it must have been.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from voxtral_service.assistant.misheard import meant
from voxtral_service.assistant.number_words import read_number

MAX_LENGTH = 500
MAX_DEPTH = 50
MAX_BITS = 20_000
"""Of a numerator or a denominator; some 6,000 digits."""
MAX_FACTORIAL = 1000

_TOKEN = re.compile(
    r"\s*(?:(\d[\d,_]*(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|\.\d+)|(\*\*|[-+*/^()!%×÷·−√])|([a-z]+))", re.ASCII
)
_WORDS = {
    "plus": "+", "minus": "-", "times": "*", "x": "*", "of": "*", "over": "/", "by": "", "divided": "/",
    "multiplied": "*", "percent": "%", "squared": "²", "cubed": "³", "negative": "-", "factorial": "!", "the": "",
}  # fmt: skip
_TIMES = {"double": 2, "twice": 2, "triple": 3}
_SAID = {
    "square root of": "√", "raised to the power of": "^", "to the power of": "^", "per cent": "percent",
}  # fmt: skip
_HYPHEN = re.compile(r"(?<=ty)-(?=[a-z])")
"""Of "twenty-three"."""
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "**": "^"}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "ln": math.log, "log": math.log10, "exp": math.exp,
}  # fmt: skip
_CONSTANTS = {"pi": math.pi, "e": math.e}
_KNOWN = frozenset(
    {*_WORDS, *_TIMES, *_FUNCTIONS, *_CONSTANTS, "sqrt", "abs", "round", "a", "an", "and", "minutes", "minute"}
)
"""Words of sums, and two that are like some of them."""


class NotASum(ValueError):
    """The text cannot be worked out; the message says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number, and whether it is exactly that."""

    number: Fraction
    exact: bool = True


def evaluate(text: str) -> Value:
    """The value of an expression; `sqrt`, `abs`, `round`, and in radians sin, cos, tan, ln, log (10), exp and the like.

    Raises NotASum.
    """
    if len(text) > MAX_LENGTH:
        raise NotASum(f"an expression may have {MAX_LENGTH} characters")
    text = _HYPHEN.sub(" ", text.lower())
    for said, sign in _SAID.items():
        text = text.replace(said, sign)
    parser = _Parser(_tokens(text))
    try:
        value = parser.sum(0)
    except ZeroDivisionError as error:
        raise NotASum("nothing can be divided by zero") from error
    except (OverflowError, ValueError) as error:
        raise error if isinstance(error, NotASum) else NotASum(f"that has no value ({error})") from error
    if parser.token is not None:
        raise NotASum(f"{parser.token!r} is not expected there")
    return value


def written(value: Value, digits: int = 12) -> str:
    """A value in digits; what is not exact or too long is rounded to so many digits, with a leading "about"."""
    number = value.number
    if number.denominator == 1 and value.exact and abs(number) < 10**30:
        return str(number.numerator)
    with localcontext() as context:
        context.prec = digits
        short = (Decimal(number.numerator) / Decimal(number.denominator)).normalize()
    exact = value.exact and Fraction(short) == number
    text = f"{short:f}" if -digits <= short.adjusted() < 30 else f"{short:e}"
    return text if exact else f"about {text}"


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = text.strip().rstrip("=?. ")
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotASum(f"{text[position:].strip()[:1]!r} is no part of a sum")
        number, sign, word = match.groups()
        tokens.append(number or _SIGNS.get(sign or "", sign) or word)
        position = match.end()
    return [token for token in _in_digits(meant(tokens, _KNOWN)) if token]


def _in_digits(tokens: list[str]) -> Iterator[str]:
    """The tokens with numbers in digits, and signs for words."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        read = read_number(tokens, at) if token.isalpha() or tokens[at + 1 : at + 2] != [] else None
        if read is not None and (token.isalpha() or read[1] > at + 1):
            number, at = read
            yield from ("(", str(number.numerator), "/", str(number.denominator), ")")
            continue
        if token in _TIMES:
            yield from (str(_TIMES[token]), "*")
        elif token != "of" or not (at and tokens[at - 1] in _TIMES):
            yield _WORDS.get(token, token)
        at += 1


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def token(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *wanted: str) -> str | None:
        if self.token not in wanted:
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def sum(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise NotASum("there are too many brackets")
        value = self._product(depth)
        while sign := self._take("+", "-"):
            other = self._product(depth)
            number = value.number + other.number if sign == "+" else value.number - other.number
            value = _bounded(number, value.exact and other.exact)
        return value

    def _product(self, depth: int) -> Value:
        value = self._signed(depth + 1)
        while sign := self._take("*", "/"):
            other = self._signed(depth + 1)
            number = value.number * other.number if sign == "*" else value.number / other.number
            value = _bounded(number, value.exact and other.exact)
        return value

    def _signed(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise NotASum("there are too many signs")
        if sign := self._take("-", "+"):
            value = self._signed(depth + 1)
            return Value(-value.number, value.exact) if sign == "-" else value
        base = self._postfix(depth)
        return _power(base, self._signed(depth + 1)) if self._take("^") else base

    def _postfix(self, depth: int) -> Value:
        value = self._atom(depth)
        while mark := self._take("!", "%", "²", "³"):
            match mark:
                case "!":
                    value = Value(Fraction(_factorial(value)))
                case "%":
                    value = Value(value.number / 100, value.exact)
                case _:
                    value = _power(value, Value(Fraction(2 if mark == "²" else 3)))
        return value

    def _atom(self, depth: int) -> Value:
        token = self.token
        if token is None:
            raise NotASum("the sum is not finished")
        self._at += 1
        if token == "(":
            value = self.sum(depth + 1)
            if not self._take(")"):
                raise NotASum("a bracket is not closed")
            return value
        if token[0].isdigit() or token[0] == ".":
            return _bounded(Fraction(token.replace(",", "").replace("_", "")), exact=True)
        if token in ("sqrt", "√"):
            return _root(self._atom(depth + 1) if depth < MAX_DEPTH else _too_deep())
        if token in ("abs", "round"):
            value = self._atom(depth + 1) if depth < MAX_DEPTH else _too_deep()
            return Value(abs(value.number) if token == "abs" else Fraction(round(value.number)), value.exact)
        if token in _FUNCTIONS:
            value = self._atom(depth + 1) if depth < MAX_DEPTH else _too_deep()
            return Value(Fraction(_FUNCTIONS[token](float(value.number))), exact=False)
        if token in _CONSTANTS:
            return Value(Fraction(_CONSTANTS[token]), exact=False)
        raise NotASum(f"{token!r} is not expected there")


def _too_deep() -> Value:
    raise NotASum("there are too many functions")


def _bounded(number: Fraction, exact: bool) -> Value:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise NotASum("the number is too long")
    return Value(number, exact)


def _factorial(value: Value) -> int:
    if value.number.denominator != 1 or not 0 <= value.number <= MAX_FACTORIAL:
        raise NotASum(f"only whole numbers from 0 to {MAX_FACTORIAL} have a factorial here")
    return math.factorial(int(value.number))


def _power(base: Value, exponent: Value) -> Value:
    if exponent.number.denominator != 1:
        if exponent.number == Fraction(1, 2):
            return _root(base)
        if base.number < 0:
            raise NotASum("a negative number has no such power")
        return Value(Fraction(float(base.number) ** float(exponent.number)), exact=False)
    size = max(base.number.numerator.bit_length(), base.number.denominator.bit_length())
    if abs(exponent.number) * size > MAX_BITS and abs(base.number) not in (0, 1):
        raise NotASum("the number is too long")
    odd = exponent.number % 2
    if abs(base.number) in (0, 1) and exponent.number > 0:
        return Value(base.number if odd else abs(base.number), base.exact and exponent.exact)
    return _bounded(base.number ** int(exponent.number), base.exact and exponent.exact)


def _root(value: Value) -> Value:
    if value.number < 0:
        raise NotASum("a negative number has no square root")
    above, below = math.isqrt(value.number.numerator), math.isqrt(value.number.denominator)
    if above**2 == value.number.numerator and below**2 == value.number.denominator:
        return Value(Fraction(above, below), value.exact)
    with localcontext() as context:
        context.prec = 30
        root = (Decimal(value.number.numerator) / Decimal(value.number.denominator)).sqrt()
    return Value(Fraction(root), exact=False)
