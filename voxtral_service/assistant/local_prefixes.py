"""Keys and values of the last few conversations, so that what a model has read of one is not read again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

KEPT = 4
"""Conversations."""
SHORTEST = 8
"""Tokens that must be the same before keys and values are worth keeping."""


class Prefixes:
    """Caches by the tokens that they hold. One that is taken is in nobody else's hands until it is given back."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._kept: list[tuple[list[int], Any]] = []
        self._lock = threading.Lock()

    def take(self, tokens: Sequence[int]) -> Any:
        """A cache that holds the longest known beginning of `tokens`, less the last."""
        from transformers import DynamicCache

        with self._lock:
            lengths = [_common(known, tokens[:-1]) for known, _ in self._kept]
            length = max(lengths, default=0)
            if length < SHORTEST:
                return DynamicCache()
            _, cache = self._kept.pop(lengths.index(length))
        if surplus := cache.get_seq_length() - length:
            cache.crop(-surplus)
        return cache

    def keep(self, tokens: Sequence[int], cache: Any) -> None:
        """Give back a cache that has read `tokens`, or the beginning of them; the oldest one goes."""
        if not _can_be_cropped(cache):
            return
        with self._lock:
            self._kept.append((list(tokens[: cache.get_seq_length()]), cache))
            del self._kept[: -self._most]


def _common(known: Sequence[int], tokens: Sequence[int]) -> int:
    """How many tokens two texts begin with alike."""
    for i, (a, b) in enumerate(zip(known, tokens, strict=False)):
        if a != b:
            return i
    return min(len(known), len(tokens))


def _can_be_cropped(cache: Any) -> bool:
    """Sliding windows and recurrent states forget what a crop would need."""
    from transformers.cache_utils import DynamicLayer

    return all(type(layer) is DynamicLayer for layer in cache.layers)
