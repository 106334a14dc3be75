"""One step of 80 ms, as functions of tensors: what a model runner calls, captures in CUDA graphs, or compiles."""

from __future__ import annotations

from torch import Tensor

from voxtral_service.engine.kv_cache import RingCache
from voxtral_service.voxtral.config import (
    ENCODER_FRAMES_PER_TOKEN,
    LOOK_AHEAD,
    LOOK_BACK,
    SAMPLES_PER_TOKEN,
    DecoderConfig,
    EncoderConfig,
)
from voxtral_service.voxtral.encoder import StemState
from voxtral_service.voxtral.layers import KeyValues, Rotary
from voxtral_service.voxtral.model import VoxtralRealtime

SAMPLES_PER_STEP = LOOK_BACK + SAMPLES_PER_TOKEN + LOOK_AHEAD


def encoder_rings(model: VoxtralRealtime, slots: int) -> RingCache:
    """Keys and values of the audio side."""
    return _rings(model, model.config.encoder, slots, ENCODER_FRAMES_PER_TOKEN)


def decoder_rings(model: VoxtralRealtime, slots: int) -> RingCache:
    """Keys and values of the text side."""
    return _rings(model, model.config.decoder, slots, 1)


def _rings(model: VoxtralRealtime, config: EncoderConfig | DecoderConfig, slots: int, step: int) -> RingCache:
    weight = model.decoder.embedding.weight
    return RingCache(
        slots=slots,
        layers=config.num_layers,
        kv_heads=config.num_kv_heads,
        head_dim=config.head_dim,
        window=config.sliding_window,
        step=step,
        dtype=weight.dtype,
        device=weight.device,
    )


def encode_step(
    model: VoxtralRealtime, stem: StemState, slots: Tensor, samples: Tensor, angles: Rotary, kv: KeyValues
) -> Tensor:
    """The audio side: samples [n, 1520] -> vectors [n, hidden_size].

    `stem` holds all slots' states, of which those of `slots` [n] are moved on; `angles` are of the rows' four encoder
    frames, `kv` is where the keys and values of the same frames go.
    """
    mel = model.log_mel(samples).to(stem.mel.dtype)
    x, state = model.encoder.stem(mel, StemState(stem.mel[slots], stem.hidden[slots]))
    stem.mel[slots], stem.hidden[slots] = state
    return model.adapter(model.encoder.transform(x, angles, kv))[:, 0]  # type: ignore[no-any-return]


def decode_step(
    model: VoxtralRealtime,
    pad: int,
    audio: Tensor,
    tokens: Tensor,
    scales: Tensor,
    penalties: Tensor,
    angles: Rotary,
    kv: KeyValues,
) -> tuple[Tensor, Tensor]:
    """The text side: vectors [n, hidden_size] and the tokens [n] standing there -> the next tokens [n], their logits.

    `scales` are the rows' delays' [n, num_layers, hidden_size]; `penalties` [n] are taken off the logits of `pad`.
    """
    x = (model.decoder.embedding(tokens) + audio)[:, None]
    logits = model.decoder.logits(model.decoder.transform(x, scales, angles, kv)[:, 0])
    logits[:, pad] -= penalties
    return logits.argmax(-1), logits
