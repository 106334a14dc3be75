"""Reading a model's shape from the two public configuration files, and writing the Hugging Face one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config import (
    ENCODER_FRAMES_PER_TOKEN,
    MEL_PER_TOKEN,
    DecoderConfig,
    EncoderConfig,
    VoxtralRealtimeConfig,
)

HUGGING_FACE_CONFIG = "config.json"
MISTRAL_CONFIG = "params.json"
PAD, BOS, EOS = 11, 1, 2
"""Token ids that transformers wants named in a configuration; the same in every Voxtral Realtime tokenizer."""


def read_hugging_face_config(path: Path) -> VoxtralRealtimeConfig:
    """Parse `config.json`.

    Raises CheckpointError if it is no JSON, of another architecture, or lacks a field.
    """
    data = _read_json(path)
    if data.get("model_type") != "voxtral_realtime":
        raise CheckpointError(
            f"{path} describes a {data.get('model_type', 'nameless')!r} model, not 'voxtral_realtime'; "
            "this engine runs Voxtral Realtime checkpoints only"
        )
    try:
        audio, text = data["audio_config"], data["text_config"]
        _expect(path, "audio_length_per_tok", data["audio_length_per_tok"], MEL_PER_TOKEN)
        _expect(path, "downsample_factor", data["downsample_factor"], ENCODER_FRAMES_PER_TOKEN)
        _expect(path, "tie_word_embeddings", data.get("tie_word_embeddings", True), True)
        return VoxtralRealtimeConfig(
            encoder=EncoderConfig(
                hidden_size=audio["hidden_size"],
                intermediate_size=audio["intermediate_size"],
                num_layers=audio["num_hidden_layers"],
                num_heads=audio["num_attention_heads"],
                head_dim=audio["head_dim"],
                num_mel_bins=audio["num_mel_bins"],
                sliding_window=audio["sliding_window"],
                rope_theta=_rope_theta(audio),
                rms_norm_eps=audio["rms_norm_eps"],
            ),
            decoder=DecoderConfig(
                vocab_size=text["vocab_size"],
                hidden_size=text["hidden_size"],
                intermediate_size=text["intermediate_size"],
                num_layers=text["num_hidden_layers"],
                num_heads=text["num_attention_heads"],
                num_kv_heads=text["num_key_value_heads"],
                head_dim=text["head_dim"],
                sliding_window=text["sliding_window"],
                rope_theta=_rope_theta(text),
                rms_norm_eps=text["rms_norm_eps"],
            ),
            default_delay_tokens=data["default_num_delay_tokens"],
        )
    except KeyError as error:
        raise CheckpointError(f"{path} lacks the field {error}") from error


def read_mistral_config(path: Path) -> VoxtralRealtimeConfig:
    """Parse `params.json`.

    Raises CheckpointError if it is no JSON, of another architecture, or lacks a field.
    """
    data = _read_json(path)
    try:
        whisper = data["multimodal"]["whisper_model_args"]
        encoder = whisper["encoder_args"]
        _expect(path, "ada_rms_norm_t_cond", data.get("ada_rms_norm_t_cond"), True)
        _expect(path, "tied_embeddings", data.get("tied_embeddings"), True)
        factor = whisper["downsample_args"]["downsample_factor"]
        _expect(path, "downsample_factor", factor, ENCODER_FRAMES_PER_TOKEN)
        return VoxtralRealtimeConfig(
            encoder=EncoderConfig(
                hidden_size=encoder["dim"],
                intermediate_size=encoder["hidden_dim"],
                num_layers=encoder["n_layers"],
                num_heads=encoder["n_heads"],
                head_dim=encoder["head_dim"],
                num_mel_bins=encoder["audio_encoding_args"]["num_mel_bins"],
                sliding_window=encoder["sliding_window"],
                rope_theta=encoder["rope_theta"],
                rms_norm_eps=encoder["norm_eps"],
            ),
            decoder=DecoderConfig(
                vocab_size=data["vocab_size"],
                hidden_size=data["dim"],
                intermediate_size=data["hidden_dim"],
                num_layers=data["n_layers"],
                num_heads=data["n_heads"],
                num_kv_heads=data["n_kv_heads"],
                head_dim=data["head_dim"],
                sliding_window=data["sliding_window"],
                rope_theta=data["rope_theta"],
                rms_norm_eps=data["norm_eps"],
            ),
        )
    except KeyError as error:
        raise CheckpointError(f"{path} lacks the field {error}") from error


def hugging_face_config(config: VoxtralRealtimeConfig, dtype: str) -> dict[str, Any]:
    """The contents of a `config.json` that stock transformers loads; every field is given, none left to its defaults."""
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return data


def _expect(path: Path, field: str, value: object, expected: object) -> None:
    if value != expected:
        raise CheckpointError(f"{path}: {field} is {value!r}; this architecture has {expected!r}")


def _rope_theta(tower: dict[str, Any]) -> float:
    """Transformers 5 nests it; files written by earlier versions do not."""
    if "rope_parameters" in tower:
        return float(tower["rope_parameters"]["rope_theta"])
    return float(tower["rope_theta"])
