"""Words of numbers, units and places: what a tool is told when one of them was misheard."""

from __future__ import annotations

import functools
from collections.abc import Callable

import values
from grammar import Utterance

from voxtral_service.assistant.arithmetic import NotASum, evaluate
from voxtral_service.assistant.durations import parse_duration
from voxtral_service.assistant.places import zone_of
from voxtral_service.assistant.tools_units import _name as unit_name

CLOSED = {
    *values.ONES, *values.TENS, *(
        "hundred thousand million a an and point half third quarter quarters thirds plus minus times divided by multiplied over percent of the "
        "square root squared cubed to power twice double oh second seconds minute minutes hour hours first last all"
    ).split(),
    *(word for place in values.PLACES for word in place.lower().split()),
    *(word for units in values.UNITS.values() for unit in units.split("|") for word in (*unit.split(), *values.singular(unit).split())),
}  # fmt: skip
"""Words of numbers, units and places: another word where one of these belongs was misheard."""
CLOSED_SLOTS = set("expr a b op days amount from to one dur dur2 attr attr2 place page number".split())


def is_told_as_heard(slot: str, said: Utterance, heard: Utterance) -> bool:
    """Whether a tool is told the words of a slot as they were heard, right or wrong.

    It is where the tool takes them for what was said all the same ("four teen minutes"), and where nobody could know
    better (a place that nobody knows).
    """
    if slot not in CLOSED_SLOTS:
        return True
    if slot not in _MEANINGS or not heard.slot(slot):
        return False
    meant, got = (_meaning(slot, utterance.slot(slot).lower()) for utterance in (said, heard))
    return (got is not None and got == meant) or (slot == "place" and said.slot(slot).lower() not in _PLACES)


@functools.lru_cache(maxsize=10_000)
def _meaning(slot: str, text: str) -> object:
    """What a tool takes the words of a slot for; None if for nothing."""
    try:
        return _MEANINGS[slot](text)
    except NotASum:
        return None


_PLACES = {place.lower() for place in values.PLACES}
_MEANINGS: dict[str, Callable[[str], object]] = {
    "place": zone_of,
    **dict.fromkeys(("expr", "a", "b", "amount"), lambda text: evaluate(text).number),
    "op": lambda text: evaluate(f"2 {text}").number,
    **dict.fromkeys(("dur", "dur2", "attr", "attr2"), parse_duration),
    **dict.fromkeys(("from", "to", "one"), unit_name),
}
