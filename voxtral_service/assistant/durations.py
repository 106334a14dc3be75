"""Lengths of time as people say them, in seconds: "5 minutes", "an hour and a half", "one minute thirty", "ninety"."""

from __future__ import annotations

import re
from fractions import Fraction

from voxtral_service.assistant.misheard import meant
from voxtral_service.assistant.number_words import read_number

_UNITS = {
    name: size
    for size, names in (
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hr hrs hour hours"),
        (86400, "d day days"),
    )
    for name in names.split()
}
_NEXT = {3600: 60, 60: 1}
"""The unit that goes without saying after another one."""
_FILLERS = ("and", "for", "in", "about", "of")
_KNOWN = frozenset({*_UNITS, *_FILLERS, "a", "an"})
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[a-z]+")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")


def parse_duration(text: str) -> float | None:
    """Seconds, or None for what is no length of time. A number alone is seconds; "1:30" is a minute and a half."""
    text = text.lower().strip()
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 3600.0 + minutes * 60 + seconds
    words = [] if text.startswith("-") else meant(_TOKEN.findall(text), _KNOWN)
    total, at, unit, any_unit = Fraction(0), 0, 1, False
    while at < len(words):
        word = words[at]
        if word == "and" and words[at + 1 : at + 3] in (["a", "half"], ["a", "quarter"]) and any_unit:
            if at + 3 < len(words) and words[at + 3] in _UNITS:
                unit = _UNITS[words[at + 3]]
            total += Fraction(unit, 2 if words[at + 2] == "half" else 4)
            at += 4 if at + 3 < len(words) and words[at + 3] in _UNITS else 3
            continue
        said_four = word == "for" and at + 1 < len(words) and words[at + 1] in _UNITS  # "for minutes"
        if word in _FILLERS and not said_four:
            at += 1
            continue
        read = (Fraction(4), at + 1) if said_four else read_number(words, at)
        if read is None and word in ("a", "an", "one") and at + 1 < len(words) and words[at + 1] in _UNITS:
            read = Fraction(1), at + 1
        if read is None:
            return None
        number, at = read
        while at < len(words) and words[at] in ("a", "an", "of"):  # "half an hour", "a quarter of an hour"
            at += 1
        if at < len(words) and words[at] in _UNITS:
            unit, any_unit = _UNITS[words[at]], True
            at += 1
        elif any_unit and at == len(words) and unit in _NEXT:  # "one hour thirty"
            unit = _NEXT[unit]
        elif any_unit or at < len(words):
            return None
        else:
            unit = 1
        total += number * unit
    return float(total) if words else None
