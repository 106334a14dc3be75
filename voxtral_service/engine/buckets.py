"""Numbers of rows that compiled steps are computed with."""

from __future__ import annotations

BUCKETS = (
    1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64,
    80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512,
)  # fmt: skip
"""Rows that steps are filled up to. oneDNN prepares every product anew for a number of rows that it has not met, 1 ms
each, and remembers a thousand of them: with any number of rows it would prepare for ever (SPEED.md).
"""


def bucket(rows: int) -> int:
    """How many rows a step of so many is computed with."""
    return next((size for size in BUCKETS if size >= rows), rows)
