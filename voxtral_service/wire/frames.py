"""JSON text frames that may hold anything, read and written without surprises."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, TypeGuard

JsonObject = dict[str, Any]
DEEPEST = 64
"""Levels of nesting that are read; deeper values could not be written again without running out of stack."""


def read(frame: str | bytes) -> JsonObject | None:
    """The JSON object in a frame, or None where there is none that could be echoed."""
    try:
        value = json.loads(frame, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):  # UnicodeDecodeError and numbers of 5,000 digits are ValueErrors too
        return None
    return value if isinstance(value, dict) and _is_shallow(value) else None


def write(message: JsonObject) -> str:
    """One text frame. Pure ASCII, because JSON may carry lone surrogates that UTF-8 cannot."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def audio(value: object) -> bytes | None:
    """The bytes of a base64 string, or None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def text(value: object) -> str | None:
    """The value if it is a string."""
    return value if isinstance(value, str) else None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a JSON number; `true` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):  # NaN, Infinity and 1e999, none of which can be written as JSON
        raise ValueError(literal)
    return number


def _is_shallow(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return True
    return False


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
