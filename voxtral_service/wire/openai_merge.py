"""Rules that merge what a client sent into what is in effect, key by key.

A rule gets the value in effect, the value sent and the place, and returns the new value. It raises `Unusable` for a
value that is better left alone (the log gets a line) and `Rejected` for one that the client must be told about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voxtral_service.wire.base import Connection
from voxtral_service.wire.frames import is_number
from voxtral_service.wire.openai_errors import Rejected

MOST_NOTES = 16
"""A message of a million unknown keys is not worth a million lines of log."""


class Unusable(ValueError):
    """The value sent is ignored; the text completes "it should be ..."."""


@dataclass(frozen=True, slots=True)
class At:
    """Where in the message a rule is, and what it may need there."""

    path: str
    connection: Connection
    notes: list[str] = field(default_factory=list)

    def inside(self, key: str) -> At:
        """The place of a key of this object."""
        return At(f"{self.path}.{key}", self.connection, self.notes)

    def note(self, line: str) -> None:
        """Leave a line for the log."""
        if len(self.notes) < MOST_NOTES:
            self.notes.append(f"{self.path}: {line}")


Rule = Callable[[Any, Any, At], Any]


def fields(table: Mapping[str, Rule]) -> Rule:
    """An object: only the keys sent change, unknown keys are ignored."""

    def merge(old: Any, new: Any, at: At) -> dict[str, Any]:
        if not isinstance(new, dict):
            raise Unusable("an object")
        merged = dict(old or {})
        for key, value in new.items():
            if key not in table:
                at.note(f"unknown key {key[:40]!r} is ignored")
                continue
            try:
                merged[key] = table[key](merged.get(key), value, at.inside(key))
            except Unusable as wish:
                at.inside(key).note(f"ignored, it should be {wish}")
        return merged

    return merge


def nullable(rule: Rule) -> Rule:
    """Null clears the value."""
    return lambda old, new, at: None if new is None else rule(old, new, at)


def one_of(*values: Any) -> Rule:
    """One of a few values."""

    def check(_: Any, new: Any, __: At) -> Any:
        if new not in values:
            raise Unusable(f"one of {', '.join(map(str, values))}")
        return new

    return check


def number(least: float, most: float) -> Rule:
    """A number, clamped to its range."""

    def clamp(_: Any, new: Any, __: At) -> float:
        if not is_number(new):
            raise Unusable("a number")
        return float(min(max(new, least), most))

    return clamp


def integer(least: int, most: int) -> Rule:
    """An integer, clamped to its range; strict readers refuse fractions, so none is echoed."""

    def clamp(_: Any, new: Any, __: At) -> int:
        if not is_number(new):
            raise Unusable("an integer")
        return round(min(max(new, least), most))

    return clamp


def of(kind: type) -> Rule:
    """Any value of a type."""

    def check(_: Any, new: Any, __: At) -> Any:
        if not isinstance(new, kind):
            raise Unusable(f"of type {kind.__name__}")
        return new

    return check


def list_of(kind: type) -> Rule:
    """A list in which everything has a type."""

    def check(_: Any, new: Any, __: At) -> Any:
        if not isinstance(new, list) or not all(isinstance(entry, kind) for entry in new):
            raise Unusable(f"a list of {kind.__name__}")
        return new

    return check


def either(*rules: Rule) -> Rule:
    """What the first rule makes that finds the value usable."""

    def check(old: Any, new: Any, at: At) -> Any:
        wishes = []
        for rule in rules:
            try:
                return rule(old, new, at)
            except Unusable as wish:
                wishes.append(str(wish))
        raise Unusable(" or ".join(wishes))

    return check


def model_name(_: Any, new: Any, at: At) -> str:
    """The name of the model that serves the connection, whatever the client called it."""
    if not isinstance(new, str):
        raise Unusable("a model's name")
    served = at.connection.model
    if not at.connection.accepts(new):
        raise Rejected(f"The model '{new}' is not served here.", code="model_not_found", param=at.path)
    if new != served:
        at.note(f"{new[:80]!r} is served by {served!r}")
    return served
