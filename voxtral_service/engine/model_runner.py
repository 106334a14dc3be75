"""Runs the network for slots: what a stream has heard and said so far is here, on the device; who it is, is not.

A slot is one place in every state tensor. A position is one 80 ms token; the encoder has four frames to each. A
stream's first positions lie over silence and depend on nothing but its delay, so they are computed once per delay and
copied into the slot that joins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voxtral_service.engine.buckets import BUCKETS, bucket
from voxtral_service.engine.graphs import BucketedGraphs
from voxtral_service.engine.kv_cache import GatheredSteps, RowChunk, Snapshot, steps
from voxtral_service.engine.packed import pack_linears, packing_pays
from voxtral_service.engine.step import SAMPLES_PER_STEP, decode_step, decoder_rings, encode_step, encoder_rings
from voxtral_service.voxtral.config import (
    ENCODER_FRAMES_PER_TOKEN,
    LEFT_PAD_TOKENS,
    LOOK_AHEAD,
    LOOK_BACK,
    MAX_DELAY_TOKENS,
    SAMPLES_PER_TOKEN,
)
from voxtral_service.voxtral.encoder import StemState
from voxtral_service.voxtral.layers import KeyValues, Rotary, rotary_tables
from voxtral_service.voxtral.model import VoxtralRealtime

if TYPE_CHECKING:
    from voxtral_service.engine.compiled_step import CompiledStep
    from voxtral_service.engine.vocabulary import Boost
    from voxtral_service.voxtral.tokenizer import Tokenizer

SILENT_POSITIONS = LEFT_PAD_TOKENS - 1
"""Positions that hear nothing but the silence on the left; the next one already sees 40 samples of the stream."""


@dataclass(frozen=True, slots=True)
class _EncoderStart:
    """The audio side after the silent positions; the same for every stream."""

    rings: Snapshot
    stem: StemState
    audio: Tensor


class ModelRunner:
    """One model on one device with a fixed number of slots. Used from one thread at a time."""

    def __init__(
        self, model: VoxtralRealtime, tokenizer: Tokenizer, slots: int, compiled: CompiledStep | None = None
    ) -> None:
        """`compiled` is the same model's step as machine code, on a CPU."""
        weight = model.decoder.embedding.weight
        self.model, self.tokenizer, self.slots = model, tokenizer, slots
        self.device, self.dtype = weight.device, weight.dtype
        # One more slot than streams may use: where snapshots are made, and where idle rows of a captured graph write.
        self._scratch = slots
        if packing_pays(self.dtype, self.device):
            pack_linears(model)
        self._compiled = compiled
        self._encoder_rings, self._decoder_rings = encoder_rings(model, slots + 1), decoder_rings(model, slots + 1)
        self._stem = model.encoder.stem.initial_state(slots + 1, weight)
        self._encoded = np.zeros(slots + 1, np.int64)
        self._decoded = np.zeros(slots + 1, np.int64)
        self._delays = np.zeros(slots + 1, np.int64)
        with torch.inference_mode():
            self._scales = model.decoder.delay_scales(torch.arange(MAX_DELAY_TOKENS + 1, device=self.device))
            self._encoder_start = self._hear_silence()
        self._encode_graphs: BucketedGraphs | None = None
        self._decode_graphs: BucketedGraphs | None = None
        if self.device.type == "cuda":
            self._encode_graphs, self._decode_graphs = self._graphs()
        if compiled:
            self._meet_every_bucket()
        self._decoder_start = lru_cache(maxsize=MAX_DELAY_TOKENS)(self._wait_in_silence)

    def use(self, compiled: CompiledStep) -> None:
        """Take compiled steps from now on; from any thread, in the middle of anything."""
        self._compiled = compiled

    def bytes_per_slot(self) -> int:
        """Device memory of one slot whose windows are full."""
        return self._encoder_rings.bytes_per_slot() + self._decoder_rings.bytes_per_slot()

    @torch.inference_mode()
    def join(self, slot: int, delay: int) -> None:
        """Give a slot to a new stream of this delay in tokens: as if it had just heard the silent positions."""
        start = self._encoder_start
        self._encoder_rings.restore(slot, start.rings)
        self._stem.mel[slot], self._stem.hidden[slot] = start.stem.mel[0], start.stem.hidden[0]
        self._decoder_rings.restore(slot, self._decoder_start(delay))
        self._encoded[slot] = self._decoded[slot] = SILENT_POSITIONS
        self._delays[slot] = delay

    def pass_time(self, slots: NDArray[np.int64], positions: int) -> None:
        """Let slots stand so much further on, over what their rings hold; for measurements of full windows."""
        self._encoded[slots] += positions
        self._decoded[slots] += positions

    @torch.inference_mode()
    def encode(self, slots: NDArray[np.int64], samples: NDArray[np.float32]) -> Tensor:
        """One step of the audio side for several slots: samples [n, 1520] -> vectors [n, hidden_size].

        Each row is a token's 1,280 samples with 200 before and 40 after them.
        """
        starts = self._encoded[slots] * ENCODER_FRAMES_PER_TOKEN
        self._encoded[slots] += 1
        index, positions, sound = (torch.from_numpy(array) for array in (slots, starts, samples))
        if self._encode_graphs:
            return self._encode_graphs(index, positions, sound)[0].clone()
        if self._compiled:
            return self._compiled_encode(self._compiled, slots, starts, samples)
        return self._encode_rows(index, positions, sound, steps(self._encoder_rings, slots, starts))

    def _encode_rows(self, slots: Tensor, starts: Tensor, samples: Tensor, kv: KeyValues | None = None) -> Tensor:
        kv = kv or GatheredSteps(self._encoder_rings, slots, starts)
        return encode_step(self.model, self._stem, slots, samples, self._encoder_angles(starts), kv)

    def _compiled_encode(
        self, compiled: CompiledStep, slots: NDArray[np.int64], starts: NDArray[np.int64], samples: NDArray[np.float32]
    ) -> Tensor:
        config, idle = self.model.config.encoder, bucket(len(slots)) - len(slots)
        index, starts, samples = _filled(slots, idle, self._scratch), _filled(starts, idle), _filled(samples, idle)
        frames = starts[:, None] + np.arange(ENCODER_FRAMES_PER_TOKEN)
        angles = _angles(frames, config.head_dim, config.rope_theta)
        row, position, sound = (torch.from_numpy(array) for array in (index, starts, samples))
        bias = self._encoder_rings.bias(starts)
        vectors = compiled.encode(self._encoder_rings, self._stem, row, position, bias, sound, angles)
        return vectors[: len(slots)]

    def _compiled_decode(
        self,
        compiled: CompiledStep,
        slots: NDArray[np.int64],
        starts: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        penalties: NDArray[np.float32],
    ) -> tuple[Tensor, Tensor]:
        config, idle = self.model.config.decoder, bucket(len(slots)) - len(slots)
        if idle:
            audio = torch.nn.functional.pad(audio, (0, 0, 0, idle))
        given = (
            _filled(slots, idle, self._scratch),
            starts := _filled(starts, idle),
            _filled(tokens, idle),
            _filled(self._delays[slots], idle),
            _filled(penalties, idle),
        )
        index, positions, pieces, delays, off = (torch.from_numpy(array) for array in given)
        angles = _angles(starts[:, None], config.head_dim, config.rope_theta)
        scales, bias = self._scales[delays], self._decoder_rings.bias(starts)
        written, logits = compiled.decode(
            self._decoder_rings, index, positions, bias, audio, pieces, scales, off, angles
        )
        return written[: len(slots)], logits

    def _meet_every_bucket(self) -> None:
        """Let oneDNN prepare for every number of rows before anybody waits for it."""
        for rows in (size for size in BUCKETS if size <= self.slots):
            slots = np.full(rows, self._scratch)
            vectors = self.encode(slots, np.zeros((rows, SAMPLES_PER_STEP), np.float32))
            self.decode(slots, vectors, np.zeros(rows, np.int64))

    def _encoder_angles(self, starts: Tensor) -> Rotary:
        frames = starts[:, None] + torch.arange(ENCODER_FRAMES_PER_TOKEN, device=starts.device)
        return self.model.encoder.angles(frames, self.dtype)

    @torch.inference_mode()
    def encode_chunk(self, slot: int, samples: NDArray[np.float32]) -> Tensor:
        """Several steps of one slot in one pass: samples [1280 k + 240] -> vectors [k, hidden_size]."""
        mel = self.model.log_mel(torch.from_numpy(samples).to(self.device)).to(self.dtype)[None]
        state = StemState(self._stem.mel[slot, None], self._stem.hidden[slot, None])
        x, state = self.model.encoder.stem(mel, state)
        self._stem.mel[slot], self._stem.hidden[slot] = state.mel[0], state.hidden[0]
        start, time = int(self._encoded[slot]) * ENCODER_FRAMES_PER_TOKEN, x.shape[1]
        angles = self.model.encoder.angles(torch.arange(start, start + time, device=self.device)[None], self.dtype)
        x = self.model.encoder.transform(x, angles, RowChunk(self._encoder_rings, slot, start, time))
        self._encoded[slot] += time // ENCODER_FRAMES_PER_TOKEN
        return self.model.adapter(x)[0]  # type: ignore[no-any-return]

    @torch.inference_mode()
    def decode(
        self,
        slots: NDArray[np.int64],
        audio: Tensor,
        tokens: NDArray[np.int64],
        pad_penalties: NDArray[np.float32] | None = None,
        boosts: Sequence[tuple[int, Boost]] = (),
    ) -> NDArray[np.int64]:
        """One step of the text side: vectors [n, hidden_size] and the tokens [n] standing there -> the next tokens [n].

        `pad_penalties` [n], none if not given, are subtracted from the logits of the padding token; `boosts` are added
        to those of some rows.
        """
        starts = self._decoded[slots]
        self._decoded[slots] += 1
        if pad_penalties is None:
            pad_penalties = np.zeros(len(slots), np.float32)
        index, positions, given, delays, penalties = (
            torch.from_numpy(array) for array in (slots, starts, tokens, self._delays[slots], pad_penalties)
        )
        if self._decode_graphs:
            written, logits = self._decode_graphs(index, positions, audio, given, delays, penalties)
        elif self._compiled:
            written, logits = self._compiled_decode(self._compiled, slots, starts, audio, tokens, pad_penalties)
        else:
            kv = steps(self._decoder_rings, slots, starts)
            written, logits = self._decode_rows(index, positions, audio, given, delays, penalties, kv)
        if boosts:
            rows, likelier = _boosted(logits, boosts)
            written[rows] = likelier
        return written.cpu().numpy()

    def _decode_rows(
        self,
        slots: Tensor,
        starts: Tensor,
        audio: Tensor,
        tokens: Tensor,
        delays: Tensor,
        penalties: Tensor,
        kv: KeyValues | None = None,
    ) -> tuple[Tensor, Tensor]:
        kv = kv or GatheredSteps(self._decoder_rings, slots, starts)
        angles = self.model.decoder.angles(starts[:, None], self.dtype)
        scales = self._scales[delays]
        return decode_step(self.model, self.tokenizer.pad, audio, tokens, scales, penalties, angles, kv)

    def _graphs(self) -> tuple[BucketedGraphs, BucketedGraphs]:
        """Both halves of a step, captured; idle rows work on the scratch slot."""
        scratch, zero = torch.tensor([self._scratch], device=self.device), torch.tensor([0], device=self.device)
        samples = torch.zeros(1, SAMPLES_PER_STEP, device=self.device)
        audio = self._encoder_start.audio[:1]
        return (
            BucketedGraphs(lambda *rows: (self._encode_rows(*rows),), [scratch, zero, samples]),
            BucketedGraphs(self._decode_rows, [scratch, zero, audio, zero, zero, zero.float()]),
        )

    def _hear_silence(self) -> _EncoderStart:
        samples = np.zeros(LOOK_BACK + SILENT_POSITIONS * SAMPLES_PER_TOKEN + LOOK_AHEAD, np.float32)
        audio = self.encode_chunk(self._scratch, samples)
        frames = SILENT_POSITIONS * ENCODER_FRAMES_PER_TOKEN
        stem = StemState(self._stem.mel[self._scratch, None].clone(), self._stem.hidden[self._scratch, None].clone())
        return _EncoderStart(self._encoder_rings.snapshot(self._scratch, frames), stem, audio)

    def _wait_in_silence(self, delay: int) -> Snapshot:
        prompt = torch.tensor(self.tokenizer.prompt(delay)[:SILENT_POSITIONS], device=self.device)
        x = (self.model.decoder.embedding(prompt) + self._encoder_start.audio)[None]
        angles = self.model.decoder.angles(torch.arange(SILENT_POSITIONS, device=self.device)[None], self.dtype)
        kv = RowChunk(self._decoder_rings, self._scratch, 0, SILENT_POSITIONS)
        self.model.decoder.transform(x, self._scales[delay, None], angles, kv)
        return self._decoder_rings.snapshot(self._scratch, SILENT_POSITIONS)


def _boosted(logits: Tensor, boosts: Sequence[tuple[int, Boost]]) -> tuple[Tensor, Tensor]:
    """The rows that have boosts, and the tokens that come first in them now."""
    row = torch.tensor([at for at, _ in boosts], device=logits.device)
    scores = logits[row].float()
    owner = np.repeat(np.arange(len(boosts)), [len(boost.tokens) for _, boost in boosts])
    tokens = np.concatenate([boost.tokens for _, boost in boosts])
    values = np.concatenate([boost.values for _, boost in boosts])
    at = tuple(torch.from_numpy(array).to(logits.device) for array in (owner, tokens))
    scores.index_put_(at, torch.from_numpy(values).to(logits.device), accumulate=True)
    return row, scores.argmax(-1)


def _angles(positions: NDArray[np.int64], head_dim: int, theta: float) -> Rotary:
    cos, sin = rotary_tables(positions, head_dim, theta)
    return Rotary(torch.from_numpy(cos), torch.from_numpy(sin))


def _filled(rows: NDArray[Any], idle: int, value: int = 0) -> NDArray[Any]:
    """The rows with so many more of one value."""
    return np.concatenate((rows, np.full((idle, *rows.shape[1:]), value, rows.dtype))) if idle else rows
