"""The two public layouts of a Voxtral Realtime checkpoint, as tables of stored tensors.

Both hold the same weights under other names. Two things differ in the numbers: the Mistral files rotate
interleaved pairs (2 i, 2 i + 1) of a head, the Hugging Face files (and this project) halves
(i, i + head_dim / 2), so the rows of every q and k weight and bias are permuted; and this project joins
projections that read the same input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from voxtral_service.voxtral.config import ADA_RANK, DecoderConfig, EncoderConfig, VoxtralRealtimeConfig
from voxtral_service.voxtral.encoder import KERNEL

Form = Literal["plain", "convolution", "interleaved"]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a checkpoint file and the rows of the parameter it fills."""

    name: str
    shape: tuple[int, ...]
    parameter: str
    first_row: int = 0
    form: Form = "plain"
    head_dim: int = 0

    def to_parameter(self, stored: Tensor) -> Tensor:
        """The stored numbers in the order of the parameter's rows."""
        match self.form:
            case "convolution":  # [out, in, kernel] -> [out, kernel x in]
                return stored.transpose(1, 2).flatten(1)
            case "interleaved":
                pairs = stored.reshape(-1, self.head_dim // 2, 2, *stored.shape[1:])
                return pairs.transpose(1, 2).flatten(0, 2)
            case "plain":
                return stored

    def from_parameter(self, parameter: Tensor) -> Tensor:
        """The inverse of `to_parameter`, taken from the whole parameter."""
        rows = parameter[self.first_row : self.first_row + self.shape[0]]
        match self.form:
            case "convolution":
                return rows.reshape(len(rows), KERNEL, -1).transpose(1, 2)
            case "interleaved":
                halves = rows.reshape(-1, 2, self.head_dim // 2, *rows.shape[1:])
                return halves.transpose(1, 2).flatten(0, 2)
            case "plain":
                return rows


def hugging_face_layout(config: VoxtralRealtimeConfig) -> list[StoredTensor]:
    """Names and shapes in `model.safetensors` as transformers writes it."""
    names = _Names(
        embedding="language_model.model.embed_tokens",
        decoder_norm="language_model.model.norm",
        decoder_layer="language_model.model.layers.{}.",
        encoder_layer="audio_tower.layers.{}.",
        conv=("audio_tower.embedder.conv1", "audio_tower.embedder.conv2"),
        encoder_norm="audio_tower.norm",
        adapter=("multi_modal_projector.linear_1", "multi_modal_projector.linear_2"),
        qkvo=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
        gate_up_down=("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
        encoder_norms=("self_attn_layer_norm", "final_layer_norm"),
        decoder_norms=("input_layernorm", "post_attention_layernorm"),
        ada=("ada_rms_norm.linear1", "ada_rms_norm.linear2"),
        rotary_form="plain",
    )
    return list(_table(config, names))


def mistral_layout(config: VoxtralRealtimeConfig) -> list[StoredTensor]:
    """Names and shapes in `consolidated.safetensors`."""
    root = "mm_streams_embeddings.embedding_module."
    names = _Names(
        embedding=root + "tok_embeddings",
        decoder_norm="norm",
        decoder_layer="layers.{}.",
        encoder_layer=root + "whisper_encoder.transformer.layers.{}.",
        conv=(root + "whisper_encoder.conv_layers.0.conv", root + "whisper_encoder.conv_layers.1.conv"),
        encoder_norm=root + "whisper_encoder.transformer.norm",
        adapter=(root + "audio_language_projection.0", root + "audio_language_projection.2"),
        qkvo=("attention.wq", "attention.wk", "attention.wv", "attention.wo"),
        gate_up_down=("feed_forward.w1", "feed_forward.w3", "feed_forward.w2"),
        encoder_norms=("attention_norm", "ffn_norm"),
        decoder_norms=("attention_norm", "ffn_norm"),
        ada=("ada_rms_norm_t_cond.0", "ada_rms_norm_t_cond.2"),
        rotary_form="interleaved",
    )
    return list(_table(config, names))


@dataclass(frozen=True, slots=True)
class _Names:
    embedding: str
    decoder_norm: str
    decoder_layer: str
    encoder_layer: str
    conv: tuple[str, str]
    encoder_norm: str
    adapter: tuple[str, str]
    qkvo: tuple[str, str, str, str]
    gate_up_down: tuple[str, str, str]
    encoder_norms: tuple[str, str]
    decoder_norms: tuple[str, str]
    ada: tuple[str, str]
    rotary_form: Form


def _table(config: VoxtralRealtimeConfig, names: _Names) -> Iterator[StoredTensor]:
    encoder, decoder = config.encoder, config.decoder
    e, d = encoder.hidden_size, decoder.hidden_size
    for i, width in enumerate((encoder.num_mel_bins, e)):
        ours = f"encoder.stem.conv{i + 1}"
        shape = (e, width, KERNEL)
        yield StoredTensor(f"{names.conv[i]}.weight", shape, f"{ours}.weight", form="convolution")
        yield StoredTensor(f"{names.conv[i]}.bias", (e,), f"{ours}.bias")
    for i in range(encoder.num_layers):
        stored, ours = names.encoder_layer.format(i), f"encoder.layers.{i}."
        yield from _block(encoder, names, stored, ours, names.encoder_norms, bias=True)
    yield StoredTensor(f"{names.encoder_norm}.weight", (e,), "encoder.norm.weight")
    yield StoredTensor(f"{names.adapter[0]}.weight", (d, 4 * e), "adapter.linear1.weight")
    yield StoredTensor(f"{names.adapter[1]}.weight", (d, d), "adapter.linear2.weight")
    yield StoredTensor(f"{names.embedding}.weight", (decoder.vocab_size, d), "decoder.embedding.weight")
    for i in range(decoder.num_layers):
        stored, ours = names.decoder_layer.format(i), f"decoder.layers.{i}."
        yield from _block(decoder, names, stored, ours, names.decoder_norms, bias=False)
        down, up = names.ada
        yield StoredTensor(f"{stored}{down}.weight", (ADA_RANK, d), f"{ours}delay_scale.down.weight")
        yield StoredTensor(f"{stored}{up}.weight", (d, ADA_RANK), f"{ours}delay_scale.up.weight")
    yield StoredTensor(f"{names.decoder_norm}.weight", (d,), "decoder.norm.weight")


def _block(
    tower: EncoderConfig | DecoderConfig,
    names: _Names,
    stored: str,
    ours: str,
    norms: tuple[str, str],
    *,
    bias: bool,
) -> Iterator[StoredTensor]:
    """Attention and feed-forward of one layer."""
    d, ffn, head_dim = tower.hidden_size, tower.intermediate_size, tower.head_dim
    q_rows, kv_rows = tower.num_heads * head_dim, tower.num_kv_heads * head_dim
    q, k, v, out = names.qkvo
    gate, up, down = names.gate_up_down
    qkv = f"{ours}attention.qkv"
    turned = names.rotary_form
    yield StoredTensor(f"{stored}{q}.weight", (q_rows, d), f"{qkv}.weight", 0, turned, head_dim)
    yield StoredTensor(f"{stored}{k}.weight", (kv_rows, d), f"{qkv}.weight", q_rows, turned, head_dim)
    yield StoredTensor(f"{stored}{v}.weight", (kv_rows, d), f"{qkv}.weight", q_rows + kv_rows)
    yield StoredTensor(f"{stored}{out}.weight", (d, q_rows), f"{ours}attention.out.weight")
    yield StoredTensor(f"{stored}{gate}.weight", (ffn, d), f"{ours}ffn.gate_up.weight")
    yield StoredTensor(f"{stored}{up}.weight", (ffn, d), f"{ours}ffn.gate_up.weight", ffn)
    yield StoredTensor(f"{stored}{down}.weight", (d, ffn), f"{ours}ffn.down.weight")
    yield StoredTensor(f"{stored}{norms[0]}.weight", (d,), f"{ours}attention_norm.weight")
    yield StoredTensor(f"{stored}{norms[1]}.weight", (d,), f"{ours}ffn_norm.weight")
    if bias:
        yield StoredTensor(f"{stored}{q}.bias", (q_rows,), f"{qkv}.bias", 0, turned, head_dim)
        yield StoredTensor(f"{stored}{v}.bias", (kv_rows,), f"{qkv}.bias", q_rows + kv_rows)
        yield StoredTensor(f"{stored}{out}.bias", (d,), f"{ours}attention.out.bias")
        yield StoredTensor(f"{stored}{down}.bias", (d,), f"{ours}ffn.down.bias")
