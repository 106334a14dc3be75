"""The fields of an HTTP form, as text, and what they say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from voxtral_service.errors import InvalidOption

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class BadField(InvalidOption):
    """A field is missing or cannot be read, whatever the server can do."""

    code = "invalid_value"


class Form:
    """Fields in the order they came. A field that is empty counts as left out; `name[]` is the same as `name`.

    Reading raises BadField, which names the field.
    """

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields = tuple((name, value) for name, value in fields if value)

    def __contains__(self, name: str) -> bool:
        """Whether a field is there under exactly this name."""
        return any(name == other for other, _ in self._fields)

    def many(self, name: str) -> tuple[str, ...]:
        """The values of a field that may be there several times."""
        return tuple(value for other, value in self._fields if other in (name, f"{name}[]"))

    def text(self, name: str, default: str = "") -> str:
        """The value of a field that may be there once."""
        values = self.many(name)
        if len(values) > 1:
            raise BadField(f"{name} is given {len(values)} times; give it once", field=name)
        return values[0] if values else default

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of several words."""
        value = self.text(name, default)
        if value not in choices:
            raise BadField(f"{name} is {_shown(value)}; it must be one of {', '.join(choices)}", field=name)
        return value

    def choices(self, name: str, choices: Sequence[str]) -> frozenset[str]:
        """Any of several words."""
        values = frozenset(self.many(name))
        for value in sorted(values.difference(choices)):
            raise BadField(f"{name} has {_shown(value)}; it may hold {' and '.join(choices)}", field=name)
        return values

    def flag(self, name: str) -> bool:
        """A yes or no; no if it is not there."""
        value = _FLAGS.get(self.text(name, "false").lower())
        if value is None:
            raise BadField(f"{name} is {_shown(self.text(name))}; it must be true or false", field=name)
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number in a range."""
        return number(name, self.text(name, str(default)), low, high)

    def language(self, name: str) -> str | None:
        """A language code, or None."""
        value = self.text(name)
        return language(name, value) if value else None

    def nested(self, name: str) -> dict[str, str]:
        """The parts of a field that is an object, sent as `name[part]`."""
        found = {}
        for field, value in self._fields:
            if field.startswith(f"{name}[") and field.endswith("]") and field != f"{name}[]":
                found[field[len(name) + 1 : -1]] = value
        return found


def number(name: str, text: str, low: float, high: float) -> float:
    """A number in a range; raises BadField."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not low <= value <= high:  # also for what is no number
        raise BadField(f"{name} is {_shown(text)}; it must be a number from {low:g} to {high:g}", field=name)
    return value


def language(name: str, text: str) -> str:
    """A language code; raises BadField."""
    if not _LANGUAGE.fullmatch(text):
        raise BadField(f"{name} is {_shown(text)}; it must be a language code such as en", field=name)
    return text


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:40] + "…")
