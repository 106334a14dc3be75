"""Where the weights of wren-chat begin: able to copy, random in everything else.

A small decoder learns the form of conversations within minutes and to copy what was said only after hours; until then it
sets timers of "fifty minutes" whatever it is asked for. So the two steps of copying (Olsson et al., "In-context Learning
and Induction Heads", arXiv 2209.11895) are written into the first weights, as mimetic initialization does with simpler
patterns (Trockman and Kolter, arXiv 2305.09828): in the first layer two heads look at the token before and pass on what
it is; in the second, two heads look for the place whose token before was this one, and pass on what stands there.
All of it goes on learning like any other weight.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from transformers import MistralForCausalLM

CONSTANT = slice(0, 8)
"""Dimensions of the residual stream that are the same for every token: what heads that look by place alone ask with."""
TOKEN = slice(8, 128)
"""Which token stands here; all that the first embedding has."""
BEFORE = slice(128, 248)
"""Which token stands before, from the first layer on."""
SCALE = 0.08
BY_PLACE = 10
"""Of the rotary frequencies, as many of the highest tell the neighbours of a place apart."""
BY_TOKEN = 14
"""From this rotary frequency on (0.018 radians a token and slower) two places hundreds of tokens apart still match."""


@torch.no_grad()
def start_copying(model: MistralForCausalLM) -> None:
    """Overwrite the embedding and four attention heads of a freshly made model (hidden size 256, heads of 64)."""
    embedding = model.get_input_embeddings().weight
    embedding.zero_()
    embedding[:, CONSTANT] = 2 * SCALE
    embedding[:, TOKEN].normal_(0, SCALE)
    halves = (TOKEN.stop - TOKEN.start) // 2
    for head in (0, 1):
        part = slice(TOKEN.start + head * halves, TOKEN.start + (head + 1) * halves)
        first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
        place = _place(first.config.rope_parameters["rope_theta"], first.head_dim)
        for projection, offset in ((first.q_proj, 0), (first.k_proj, 1)):
            rows = _rows(projection.weight, head)
            rows.zero_()
            rows[:, CONSTANT] = 0.4 * place(offset)[:, None]
        before = slice(BEFORE.start + head * halves, BEFORE.start + (head + 1) * halves)
        _pass_on(first, head, part, before, 0.06)
        _match(second, head)
        _pass_on(second, head, part, part, 0.5)


def _rows(weight: Tensor, head: int, size: int = 64) -> Tensor:
    return weight[head * size : (head + 1) * size]


def _place(theta: float, size: int) -> Callable[[int], Tensor]:
    """Make vectors that match best where a query is so many places after its key, by rotary positions."""
    frequencies = theta ** (-torch.arange(BY_PLACE) * 2 / size)

    def turned(offset: int) -> Tensor:
        vector = torch.zeros(size)
        vector[:BY_PLACE] = torch.cos(offset * frequencies)
        vector[size // 2 : size // 2 + BY_PLACE] = torch.sin(offset * frequencies)
        return vector

    return turned


def _pass_on(attention: torch.nn.Module, head: int, source: slice, target: slice, gain: float) -> None:
    """Let a head write dimensions `source` of what it looks at to `target`."""
    width = source.stop - source.start
    values, out = _rows(attention.v_proj.weight, head), attention.o_proj.weight[:, head * 64 : (head + 1) * 64]
    values.zero_()
    out.zero_()
    values[:width, source] = torch.eye(width)
    out[target, :width] = gain * torch.eye(width)


def _match(attention: torch.nn.Module, head: int) -> None:
    """Let a head look where the token before is the token here."""
    lanes = torch.arange(BY_TOKEN, 32)
    lanes = torch.cat((lanes, lanes + 32))
    random = torch.empty(len(lanes), TOKEN.stop - TOKEN.start)
    torch.nn.init.orthogonal_(random)
    for projection, source in ((attention.q_proj, TOKEN), (attention.k_proj, BEFORE)):
        rows = _rows(projection.weight, head)
        rows.zero_()
        rows[lanes, source] = 2.0 * random
