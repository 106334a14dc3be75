"""Model folders as Mistral publishes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from voxtral_service.voxtral.config import VoxtralRealtimeConfig
from voxtral_service.voxtral.layouts import mistral_layout
from voxtral_service.voxtral.model import VoxtralRealtime


def params(config: VoxtralRealtimeConfig) -> dict[str, Any]:
    """The contents of `params.json`, field for field as beside the public 4B weights."""
    encoder, decoder = config.encoder, config.decoder
    return {
        "dim": decoder.hidden_size,
        "n_layers": decoder.num_layers,
        "head_dim": decoder.head_dim,
        "hidden_dim": decoder.intermediate_size,
        "n_heads": decoder.num_heads,
        "n_kv_heads": decoder.num_kv_heads,
        "use_biases": False,
        "causal": True,
        "rope_theta": decoder.rope_theta,
        "norm_eps": decoder.rms_norm_eps,
        "vocab_size": decoder.vocab_size,
        "tied_embeddings": True,
        "sliding_window": decoder.sliding_window,
        "model_max_length": 131072,
        "multimodal": {
            "whisper_model_args": {
                "encoder_args": {
                    "audio_encoding_args": {
                        "sampling_rate": 16000,
                        "frame_rate": 12.5,
                        "num_mel_bins": encoder.num_mel_bins,
                        "hop_length": 160,
                        "window_size": 400,
                        "chunk_length_s": None,
                        "global_log_mel_max": 1.5,
                        "transcription_format": "streaming",
                    },
                    "dim": encoder.hidden_size,
                    "n_layers": encoder.num_layers,
                    "head_dim": encoder.head_dim,
                    "hidden_dim": encoder.intermediate_size,
                    "n_heads": encoder.num_heads,
                    "vocab_size": decoder.vocab_size,
                    "n_kv_heads": encoder.num_heads,
                    "use_biases": True,
                    "use_cache": False,
                    "rope_theta": encoder.rope_theta,
                    "causal": True,
                    "norm_eps": encoder.rms_norm_eps,
                    "pos_embed": "rope",
                    "max_source_positions": None,
                    "ffn_type": "swiglu",
                    "norm_type": "rms_norm",
                    "sliding_window": encoder.sliding_window,
                },
                "downsample_args": {"downsample_factor": 4},
            }
        },
        "ada_rms_norm_t_cond": True,
        "ada_rms_norm_t_cond_dim": 32,
    }


def write(folder: Path, model: VoxtralRealtime, dtype: torch.dtype = torch.float32) -> Path:
    """`params.json` and `consolidated.safetensors`."""
    parameters = dict(model.named_parameters())
    tensors = {
        stored.name: stored.from_parameter(parameters[stored.parameter]).to(dtype).contiguous()
        for stored in mistral_layout(model.config)
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "consolidated.safetensors")
    (folder / "params.json").write_text(json.dumps(params(model.config)), "utf-8")
    return folder
