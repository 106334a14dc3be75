"""Reading a model's shape from the two public configuration files, and writing the Hugging Face one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config import (
    ADA_RANK,
    ENCODER_FRAMES_PER_TOKEN,
    MEL_PER_TOKEN,
    DecoderConfig,
    EncoderConfig,
    VoxtralRealtimeConfig,
)

HUGGING_FACE_CONFIG = "config.json"
MISTRAL_CONFIG = "params.json"
PAD, BOS, EOS = 11, 1, 2
"""Token ids that transformers wants named; the same in every Voxtral Realtime tokenizer."""


def read_hugging_face_config(path: Path) -> VoxtralRealtimeConfig:
    """Parse `config.json`.

    Raises CheckpointError if it is no JSON, of another architecture, or lacks a field.
    """
    data = _Section(path, read_json(path))
    model_type = data.get("model_type")
    if model_type != "voxtral_realtime":
        raise CheckpointError(
            f"{path} describes a {model_type or 'nameless'!r} model, not 'voxtral_realtime'; "
            "this engine runs Voxtral Realtime checkpoints only"
        )
    data.expect("audio_length_per_tok", MEL_PER_TOKEN)
    data.expect("downsample_factor", ENCODER_FRAMES_PER_TOKEN)
    data.expect_if_given("tie_word_embeddings", True)
    data.expect_if_given("projector_hidden_act", "gelu")
    audio, text = data.section("audio_config"), data.section("text_config")
    audio.expect_if_given("activation_function", "gelu")
    audio.expect_if_given("hidden_act", "silu")
    text.expect_if_given("hidden_act", "silu")
    return VoxtralRealtimeConfig(
        encoder=EncoderConfig(
            hidden_size=audio.integer("hidden_size"),
            intermediate_size=audio.integer("intermediate_size"),
            num_layers=audio.integer("num_hidden_layers"),
            num_heads=audio.integer("num_attention_heads"),
            head_dim=audio.integer("head_dim"),
            num_mel_bins=audio.integer("num_mel_bins"),
            sliding_window=audio.integer("sliding_window"),
            rope_theta=_rope_theta(audio),
            rms_norm_eps=audio.number("rms_norm_eps"),
        ),
        decoder=DecoderConfig(
            vocab_size=text.integer("vocab_size"),
            hidden_size=text.integer("hidden_size"),
            intermediate_size=text.integer("intermediate_size"),
            num_layers=text.integer("num_hidden_layers"),
            num_heads=text.integer("num_attention_heads"),
            num_kv_heads=text.integer("num_key_value_heads"),
            head_dim=text.integer("head_dim"),
            sliding_window=text.integer("sliding_window"),
            rope_theta=_rope_theta(text),
            rms_norm_eps=text.number("rms_norm_eps"),
        ),
        default_delay_tokens=data.integer("default_num_delay_tokens"),
    )


def read_mistral_config(path: Path) -> VoxtralRealtimeConfig:
    """Parse `params.json`.

    Raises CheckpointError if it is no JSON, of another architecture, or lacks a field.
    """
    data = _Section(path, read_json(path))
    data.expect("ada_rms_norm_t_cond", True)
    data.expect("tied_embeddings", True)
    data.expect_if_given("ada_rms_norm_t_cond_dim", ADA_RANK)
    data.expect_if_given("use_biases", False)
    whisper = data.section("multimodal").section("whisper_model_args")
    whisper.section("downsample_args").expect("downsample_factor", ENCODER_FRAMES_PER_TOKEN)
    encoder = whisper.section("encoder_args")
    for field, expected in (("use_biases", True), ("causal", True), ("pos_embed", "rope")):
        encoder.expect_if_given(field, expected)
    return VoxtralRealtimeConfig(
        encoder=EncoderConfig(
            hidden_size=encoder.integer("dim"),
            intermediate_size=encoder.integer("hidden_dim"),
            num_layers=encoder.integer("n_layers"),
            num_heads=encoder.integer("n_heads"),
            head_dim=encoder.integer("head_dim"),
            num_mel_bins=encoder.section("audio_encoding_args").integer("num_mel_bins"),
            sliding_window=encoder.integer("sliding_window"),
            rope_theta=encoder.number("rope_theta"),
            rms_norm_eps=encoder.number("norm_eps"),
        ),
        decoder=DecoderConfig(
            vocab_size=data.integer("vocab_size"),
            hidden_size=data.integer("dim"),
            intermediate_size=data.integer("hidden_dim"),
            num_layers=data.integer("n_layers"),
            num_heads=data.integer("n_heads"),
            num_kv_heads=data.integer("n_kv_heads"),
            head_dim=data.integer("head_dim"),
            sliding_window=data.integer("sliding_window"),
            rope_theta=data.number("rope_theta"),
            rms_norm_eps=data.number("norm_eps"),
        ),
    )


def hugging_face_config(config: VoxtralRealtimeConfig, dtype: str) -> dict[str, Any]:
    """The contents of a `config.json` that stock transformers loads, with no field left to a default."""
    encoder, decoder = config.encoder, config.decoder
    return {
        "architectures": ["VoxtralRealtimeForConditionalGeneration"],
        "model_type": "voxtral_realtime",
        "dtype": dtype,
        "audio_length_per_tok": MEL_PER_TOKEN,
        "downsample_factor": ENCODER_FRAMES_PER_TOKEN,
        "default_num_delay_tokens": config.default_delay_tokens,
        "projector_hidden_act": "gelu",
        "tie_word_embeddings": True,
        "hidden_size": decoder.hidden_size,
        "audio_config": {
            "model_type": "voxtral_realtime_encoder",
            "vocab_size": decoder.vocab_size,
            "hidden_size": encoder.hidden_size,
            "intermediate_size": encoder.intermediate_size,
            "num_hidden_layers": encoder.num_layers,
            "num_attention_heads": encoder.num_heads,
            "head_dim": encoder.head_dim,
            "num_mel_bins": encoder.num_mel_bins,
            "sliding_window": encoder.sliding_window,
            "rope_parameters": {"rope_type": "default", "rope_theta": encoder.rope_theta},
            "rms_norm_eps": encoder.rms_norm_eps,
            "activation_function": "gelu",
            "hidden_act": "silu",
            "max_position_embeddings": 1500,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
        },
        "text_config": {
            "model_type": "voxtral_realtime_text",
            "vocab_size": decoder.vocab_size,
            "hidden_size": decoder.hidden_size,
            "intermediate_size": decoder.intermediate_size,
            "num_hidden_layers": decoder.num_layers,
            "num_attention_heads": decoder.num_heads,
            "num_key_value_heads": decoder.num_kv_heads,
            "head_dim": decoder.head_dim,
            "sliding_window": decoder.sliding_window,
            "rope_parameters": {"rope_type": "default", "rope_theta": decoder.rope_theta},
            "rms_norm_eps": decoder.rms_norm_eps,
            "hidden_act": "silu",
            "max_position_embeddings": 131_072,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "tie_word_embeddings": True,
            "bos_token_id": BOS,
            "eos_token_id": EOS,
            "pad_token_id": PAD,
        },
    }


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises CheckpointError if there is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return data


class _Section:
    """An object inside a configuration file; complaints name the file and the way to the field."""

    def __init__(self, path: Path, data: dict[str, Any], prefix: str = "") -> None:
        self._path, self._data, self._prefix = path, data, prefix

    def get(self, field: str) -> object:
        """The value of a field, None if there is no such field."""
        return self._data.get(field)

    def section(self, field: str) -> _Section:
        """An object inside this one."""
        value = self._required(field)
        if not isinstance(value, dict):
            raise self._wrong(field, "a JSON object")
        return _Section(self._path, value, f"{self._prefix}{field}.")

    def integer(self, field: str) -> int:
        """A positive whole number."""
        value = self._required(field)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._wrong(field, "a positive whole number")
        return value

    def number(self, field: str) -> float:
        """A positive number."""
        value = self._required(field)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
            raise self._wrong(field, "a positive number")
        return float(value)

    def expect(self, field: str, expected: object) -> None:
        """Refuse any other value."""
        if self.get(field) != expected:
            raise self._wrong(field, f"{expected!r} as in this architecture")

    def expect_if_given(self, field: str, expected: object) -> None:
        """Refuse any other value; the field may be absent."""
        if self.get(field) is not None:
            self.expect(field, expected)

    def _required(self, field: str) -> object:
        if field not in self._data:
            raise CheckpointError(f"{self._path} lacks the field {self._prefix}{field}")
        return self._data[field]

    def _wrong(self, field: str, wanted: str) -> CheckpointError:
        value = self._data.get(field)
        return CheckpointError(f"{self._path}: {self._prefix}{field} is {value!r}, not {wanted}")


def _rope_theta(tower: _Section) -> float:
    """Transformers 5 nests it; files written by earlier versions do not."""
    if tower.get("rope_parameters") is None:
        return tower.number("rope_theta")
    rope = tower.section("rope_parameters")
    rope.expect_if_given("rope_type", "default")
    return rope.number("rope_theta")
