"""Keys and values of many streams: one fixed ring per slot and layer.

A ring holds the last `capacity` positions of a slot, position p in column p mod capacity, so a stream's memory and its
step time stop growing once its window is full. Keys are stored rotated by their absolute position; attention only sees
differences, so nothing is ever rotated again.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voxtral_service.voxtral.layers import KeyValues, attention, small_attention, window_mask

SHORT = 256
"""Columns up to which copying the rings of a step's rows side by side is faster than going through them one by one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The first columns of a slot's rings, per layer [kv_heads, positions, head_dim]."""

    keys: list[Tensor]
    values: list[Tensor]


class RingCache:
    """Keys and values of one tower for a number of slots, whose streams advance `step` positions at a time."""

    def __init__(
        self,
        *,
        slots: int,
        layers: int,
        kv_heads: int,
        head_dim: int,
        window: int,
        step: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.window, self.step = window, step
        # Room for the oldest position that the first query of a step sees and for the step itself, and a whole number
        # of steps, so that one step's columns never wrap around.
        self.capacity = -(-(window + step - 1) // step) * step
        shape = (slots, kv_heads, self.capacity, head_dim)
        # Zeros cost no memory until they are written to, and keep masked columns finite.
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(layers)]
        self._rows: tuple[Tensor, Tensor] | None = None
        self._biases: Tensor | None = None

    def over(self, keys: list[Tensor], values: list[Tensor]) -> RingCache:
        """The same kind of rings in other memory."""
        other = copy.copy(self)
        other.keys, other.values, other._rows = keys, values, None
        return other

    def bytes_per_slot(self) -> int:
        """Memory of one slot with its rings full."""
        return sum(t[0].numel() * t.element_size() for t in (*self.keys, *self.values))

    def gather(self, layer: int, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Copies of the slots' keys and values, [rows, kv_heads, capacity, head_dim], valid until the next call.

        They lie in memory that is kept: what a step of 64 rows takes anew, the allocator gives back after each use,
        and half of the step went to the system's page faults (SPEED.md).
        """
        if self._rows is None:
            self._rows = torch.empty_like(self.keys[0]), torch.empty_like(self.values[0])
        for rings, rows in ((self.keys, self._rows[0]), (self.values, self._rows[1])):
            torch.index_select(rings[layer], 0, slots, out=rows[: len(slots)])
        return self._rows[0][: len(slots)], self._rows[1][: len(slots)]

    def bias(self, positions: NDArray[np.int64]) -> Tensor:
        """What is added to the scores of a step that begins at these positions: [rows, 1, step, capacity], on a CPU.

        0 where a query sees a column, minus infinity where not. From the first full ring on they repeat, so they are
        looked up: worked out anew in every layer, they took a seventh of a compiled step (SPEED.md).
        """
        if self._biases is None:
            starts = torch.arange(0, 2 * self.capacity, self.step)
            visible = ring_mask(starts[:, None] + torch.arange(self.step), self, self.capacity)[:, None]
            dtype = self.keys[0].dtype
            self._biases = torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, -torch.inf)
        full = self.capacity + positions % self.capacity
        index = np.where(positions < self.capacity, positions, full) // self.step
        return self._biases.index_select(0, torch.from_numpy(index))

    def snapshot(self, slot: int, positions: int) -> Snapshot:
        """A copy of a slot's first positions."""
        return Snapshot(
            [k[slot, :, :positions].clone() for k in self.keys],
            [v[slot, :, :positions].clone() for v in self.values],
        )

    def restore(self, slot: int, snapshot: Snapshot) -> None:
        """Start a slot from a snapshot; whatever it held before can no longer be seen."""
        for rings, copies in ((self.keys, snapshot.keys), (self.values, snapshot.values)):
            for ring, kept in zip(rings, copies, strict=True):
                ring[slot, :, : kept.shape[1]] = kept


class RowSteps:
    """One step of several slots, each row attending over exactly the columns its slot has written.

    A loop over rows: on a CPU one attention call a row costs little beside reading the row's keys, and nothing is read
    for rows that are short, or not there.
    """

    def __init__(self, cache: RingCache, slots: NDArray[np.int64], positions: NDArray[np.int64]) -> None:
        """`positions` [rows] are each slot's first new position."""
        self._cache = cache
        self._slots = [int(slot) for slot in slots]
        self._lengths = [min(int(p) + cache.step, cache.capacity) for p in positions]
        self._index = torch.from_numpy(slots)[:, None]
        start = torch.from_numpy(positions)[:, None]
        new = start + torch.arange(cache.step)
        self._columns = new % cache.capacity
        self._masks: list[Tensor | None] = [None] * len(slots)
        if cache.step > 1:
            visible = ring_mask(new, cache, max(self._lengths))
            bias = torch.zeros(visible.shape, dtype=cache.keys[0].dtype).masked_fill_(~visible, -torch.inf)
            self._masks = [bias[i : i + 1, None, :, :n] for i, n in enumerate(self._lengths)]

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `KeyValues`."""
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys[self._index, :, self._columns] = k
        values[self._index, :, self._columns] = v
        rows, time, heads, head_dim = q.shape
        # With one query every head of a group sees the same keys, so the group can stand in for time.
        q = q.view(rows, k.shape[2], heads // k.shape[2], head_dim) if time == 1 else q.transpose(1, 2)
        out = torch.cat(
            [
                attention(q[i : i + 1], keys[slot : slot + 1, :, :n], values[slot : slot + 1, :, :n], mask)
                for i, (slot, n, mask) in enumerate(zip(self._slots, self._lengths, self._masks, strict=True))
            ]
        )
        return out.view(rows, time, heads, head_dim) if time == 1 else out.transpose(1, 2)


class ShortSteps:
    """The same step for rings so short that a call a row costs more than copying the rows' rings side by side."""

    def __init__(self, cache: RingCache, slots: NDArray[np.int64], positions: NDArray[np.int64]) -> None:
        """`positions` [rows] are each slot's first new position."""
        self._cache = cache
        self._slots = torch.from_numpy(slots)
        new = torch.from_numpy(positions)[:, None] + torch.arange(cache.step)
        self._columns = new % cache.capacity
        self._bias = cache.bias(positions)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `KeyValues`."""
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys[self._slots[:, None], :, self._columns] = k
        values[self._slots[:, None], :, self._columns] = v
        held_keys, held_values = self._cache.gather(layer, self._slots)
        return small_attention(q.transpose(1, 2), held_keys, held_values, self._bias).transpose(1, 2)


def steps(cache: RingCache, slots: NDArray[np.int64], positions: NDArray[np.int64]) -> KeyValues:
    """One step of several slots on a CPU, in the way that is faster for rings of this length."""
    short = cache.capacity <= SHORT
    return (ShortSteps if short else RowSteps)(cache, slots, positions)


class GatheredSteps:
    """The same step with shapes that never change: whole rings, masked. What can be captured or compiled."""

    def __init__(self, cache: RingCache, slots: Tensor, positions: Tensor, bias: Tensor | None = None) -> None:
        """`slots` and `positions` [rows] are int64 on the cache's device; `bias`, on a CPU, is the cache's."""
        self._cache = cache
        self._slots = slots
        new = positions[:, None] + torch.arange(cache.step, device=positions.device)
        self._columns = new % cache.capacity
        self._attend = attention if bias is None else small_attention
        self._mask = ring_mask(new, cache, cache.capacity)[:, None] if bias is None else bias

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `KeyValues`."""
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys[self._slots[:, None], :, self._columns] = k
        values[self._slots[:, None], :, self._columns] = v
        held_keys, held_values = keys.index_select(0, self._slots), values.index_select(0, self._slots)
        return self._attend(q.transpose(1, 2), held_keys, held_values, self._mask).transpose(1, 2)


class RowChunk:
    """Many positions of one slot in one pass, for audio that is already there: files, backlogs, the end of a stream."""

    def __init__(self, cache: RingCache, slot: int, position: int, time: int) -> None:
        """`position` is the first of `time` new positions, a multiple of the cache's step."""
        self._cache, self._slot = cache, slot
        device = cache.keys[0].device
        past = min(position, cache.window - 1)
        known = torch.arange(position - past, position + time, device=device)
        self._past_columns = known[:past] % cache.capacity
        self._mask = window_mask(known[past:], known, cache.window)
        kept = min(time, cache.capacity)
        self._kept_columns = known[-kept:] % cache.capacity
        self._kept = kept

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `KeyValues`; the batch is one slot."""
        keys, values = self._cache.keys[layer][self._slot], self._cache.values[layer][self._slot]
        k, v = k[0].transpose(0, 1), v[0].transpose(0, 1)
        all_keys = torch.cat((keys[:, self._past_columns], k), 1)
        all_values = torch.cat((values[:, self._past_columns], v), 1)
        keys[:, self._kept_columns] = k[:, -self._kept :]
        values[:, self._kept_columns] = v[:, -self._kept :]
        return attention(q.transpose(1, 2), all_keys[None], all_values[None], self._mask).transpose(1, 2)


def ring_mask(queries: Tensor, cache: RingCache, columns: int) -> Tensor:
    """True where a query position [rows, step] sees one of a ring's first columns: [rows, step, columns].

    Column c holds the latest position that is congruent to c and not after the step's last.
    """
    last = queries[:, -1:]
    held = last - (last - torch.arange(columns, device=queries.device)) % cache.capacity
    return window_mask(queries, held, cache.window) & (held >= 0)[:, None]
