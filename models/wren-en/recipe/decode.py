"""Greedy transcription of many clips at once with the project's modules: for curves, tables and alignment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from tekken import BOS, STREAMING_PAD, Pieces
from torch import Tensor

from voxtral_service.voxtral.config import EXTRA_RIGHT_PAD_TOKENS, LEFT_PAD_TOKENS, SAMPLES_PER_TOKEN
from voxtral_service.voxtral.layers import attention
from voxtral_service.voxtral.model import VoxtralRealtime

Clip = npt.NDArray[np.float32]


class GrowingWindow:
    """Keys and values of a greedy decoding: the last `window` positions of each layer; see `layers.KeyValues`."""

    def __init__(self, window: int) -> None:
        self.window = window
        self._stored: dict[int, tuple[Tensor, Tensor]] = {}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend over the stored positions and the new ones: several at the start, one at a time later."""
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        if layer in self._stored:
            before = self._stored[layer]
            k, v = torch.cat((before[0], k), 2), torch.cat((before[1], v), 2)
        self._stored[layer] = k[:, :, -self.window :], v[:, :, -self.window :]
        if q.shape[2] == 1:
            return attention(q, *self._stored[layer]).transpose(1, 2)
        return attention(q, k, v, causal=True).transpose(1, 2)


def batches(lengths: Sequence[int], seconds: float = 240.0) -> Iterator[list[int]]:
    """Yield indices of clips of like length (in samples), about `seconds` of padded sound each."""
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * lengths[i] > seconds * 16000:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def padded(clips: Sequence[Clip], left: int, right: int) -> Tensor:
    """Stack clips with `left` and at least `right` tokens of silence: float32 [batch, 1280 n]."""
    tokens = -(-max(map(len, clips)) // SAMPLES_PER_TOKEN)
    out = torch.zeros(len(clips), (left + tokens + right) * SAMPLES_PER_TOKEN)
    for row, clip in zip(out, clips, strict=True):
        row[left * SAMPLES_PER_TOKEN :][: len(clip)] = torch.from_numpy(np.asarray(clip, np.float32))
    return out


@torch.inference_mode()
def transcribe(model: VoxtralRealtime, pieces: Pieces, clips: Sequence[Clip], delay: int) -> list[str]:
    """Write out clips with the decoder, each as a stream with the given delay in tokens."""
    texts = [""] * len(clips)
    for batch in batches([len(clip) for clip in clips]):
        ids = _decode(
            model, padded([clips[i] for i in batch], LEFT_PAD_TOKENS, delay + 1 + EXTRA_RIGHT_PAD_TOKENS), delay
        )
        for i, row in zip(batch, ids.tolist(), strict=True):
            texts[i] = pieces.decode(row)
    return texts


def _decode(model: VoxtralRealtime, samples: Tensor, delay: int) -> Tensor:
    """Samples [batch, 1280 n] -> the tokens written after the prompt, [batch, n - 32 - delay]."""
    decoder, weight = model.decoder, model.decoder.embedding.weight
    audio = model.encode(model.log_mel.whole(samples.to(weight.device)).to(weight.dtype))
    prompt = torch.full((len(samples), 1 + LEFT_PAD_TOKENS + delay), STREAMING_PAD, device=weight.device)
    prompt[:, 0] = BOS
    scales = decoder.delay_scales(torch.tensor([delay], device=weight.device))
    window = GrowingWindow(decoder.config.sliding_window)
    tokens, start, written = prompt, 0, []
    while start < audio.shape[1]:
        end = start + tokens.shape[1]
        x = decoder.embedding(tokens) + audio[:, start:end]
        angles = decoder.angles(torch.arange(start, end, device=weight.device)[None], x.dtype)
        hidden = decoder.transform(x, scales, angles, window)
        tokens = decoder.logits(hidden[:, -1:]).argmax(-1)
        written.append(tokens)
        start = end
    return torch.cat(written, 1)


def collapse(best: Tensor, blank: int) -> list[int]:
    """Return the labels of a CTC path: repetitions joined, blanks dropped."""
    path = torch.unique_consecutive(best)
    return path[path != blank].tolist()
