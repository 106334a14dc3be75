"""Texts that a Voxtral 2507 model writes side by side: any of them may join, end or be dropped between two tokens.

transformers' own `generate` cannot do that: its rows start together and hold their places until the last one ends. The
network and its caches are transformers'; only the loop around them is here, and writes the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from voxtral_service.engine.offline_model import OfflineModel, cache_of, layers_of
from voxtral_service.errors import VoxtralError
from voxtral_service.voxtral.instruct import Prompt


class Sampler:
    """How a text's tokens are chosen: greedily at temperature 0, else by nucleus sampling with its own seed."""

    def __init__(self, temperature: float = 0.0, top_p: float = 1.0, seed: int | None = None) -> None:
        self.temperature, self.top_p = temperature, top_p
        self._generator = torch.Generator()
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed % 2**63)

    def choose(self, logits: Tensor) -> int:
        """A token by its logits [vocabulary]; for temperatures above 0."""
        probabilities, order = F.softmax(logits.cpu() / self.temperature, dim=-1).sort(descending=True)
        # The smallest set of tokens whose probabilities sum to top_p, the one that reaches it included.
        probabilities[probabilities.cumsum(-1) - probabilities >= self.top_p] = 0
        return int(order[torch.multinomial(probabilities, 1, generator=self._generator)])


class Writing(Protocol):
    """One text that is being written. All but `cancelled` belongs to the engine's thread."""

    sampler: Sampler
    cancelled: bool
    """Set from any thread; the text is dropped before its next token."""

    @property
    def prompt(self) -> Prompt:
        """What the model is to read first."""
        ...

    def take(self, token: int, logprob: float) -> bool:
        """Take the next token, and say whether the text goes on."""
        ...

    def fail(self, error: VoxtralError) -> None:
        """The text will not be finished."""
        ...


class Batch:
    """Rows of keys and values, aligned at their ends: a shorter row has unused columns on its left."""

    def __init__(self, model: OfflineModel) -> None:
        self._model = model
        self.rows: list[Writing] = []
        self._cache = cache_of([])
        self._used = torch.zeros(0, 0, dtype=torch.long, device=model.device)
        self._tokens: list[int] = []

    def join(self, row: Writing) -> None:
        """Read a text's prompt and write its first token."""
        cache, logits = self._model.prefill(row.prompt)
        (token,) = _written([row], logits)
        if token is None:
            return
        width = max(len(row.prompt.tokens), self._used.shape[1])
        mine = layers_of(self._cache) or [(keys[:0], values[:0]) for keys, values in layers_of(cache)]
        grown = cache_of(
            [
                (_stacked(keys, new_keys, width), _stacked(values, new_values, width))
                for (keys, values), (new_keys, new_values) in zip(mine, layers_of(cache), strict=True)
            ]
        )
        row_used = torch.ones(1, len(row.prompt.tokens), dtype=torch.long, device=self._model.device)
        used = torch.cat([F.pad(used, (width - used.shape[1], 0)) for used in (self._used, row_used)])
        # All at once: a device that has run out of memory above leaves the batch as it was.
        self._cache, self._used = grown, used
        self.rows.append(row)
        self._tokens.append(token)

    def step(self) -> None:
        """Write one token more of every text."""
        self._keep([not row.cancelled for row in self.rows])
        if not self.rows:
            return
        positions = self._used.sum(1)
        self._used = F.pad(self._used, (0, 1), value=1)
        tokens = torch.tensor(self._tokens, device=self._model.device)
        logits = self._model.decode(self._cache, self._used, positions, tokens)
        written = _written(self.rows, logits)
        self._tokens = [token or 0 for token in written]
        self._keep([token is not None for token in written])

    def clear(self) -> None:
        """Drop all texts."""
        self._keep([False] * len(self.rows))

    def _keep(self, wanted: list[bool]) -> None:
        if all(wanted):
            return
        kept = [i for i, keep in enumerate(wanted) if keep]
        self.rows = [self.rows[i] for i in kept]
        self._tokens = [self._tokens[i] for i in kept]
        if not kept:
            self._cache, self._used = cache_of([]), self._used[:0, :0]
            return
        index = torch.tensor(kept, device=self._model.device)
        self._used = self._used[index]
        first = int(self._used.argmax(1).min())  # the columns before it are used by none of those that stay
        self._used = self._used[:, first:]
        self._cache = cache_of([(k[index, :, first:], v[index, :, first:]) for k, v in layers_of(self._cache)])


def _written(rows: Sequence[Writing], logits: Tensor) -> list[int | None]:
    """The token that each text goes on with by its logits [batch, vocabulary], None for those that have ended."""
    tokens = logits.argmax(-1).tolist()
    for i, row in enumerate(rows):
        if row.sampler.temperature:
            tokens[i] = row.sampler.choose(logits[i])
    chosen = logits[range(len(tokens)), tokens]
    logprobs = (chosen - logits.logsumexp(-1)).tolist()
    return [
        token if row.take(token, logprob) else None for row, token, logprob in zip(rows, tokens, logprobs, strict=True)
    ]


def _stacked(rows: Tensor, row: Tensor, width: int) -> Tensor:
    """Caches [batch, heads, positions, head_dim] of both, filled up on the left to `width` positions."""
    return torch.cat([F.pad(part, (0, 0, width - part.shape[2], 0)) for part in (rows, row)])
