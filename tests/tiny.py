"""Random checkpoints of a few layers, and sound that makes them say varied things."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import DecoderConfig, EncoderConfig, VoxtralRealtimeConfig
from voxtral_service.voxtral.model import VoxtralRealtime

SPECIAL_TOKENS = 64
TEXT_TOKENS = 448
NAMES = {
    0: "<unk>", 1: "<s>", 2: "</s>", 3: "[INST]", 4: "[/INST]", 5: "[AVAILABLE_TOOLS]",
    6: "[/AVAILABLE_TOOLS]", 7: "[TOOL_RESULTS]", 8: "[/TOOL_RESULTS]", 9: "[TOOL_CALLS]", 10: "[IMG]",
    11: "<pad>", 12: "[IMG_BREAK]", 13: "[IMG_END]", 14: "[PREFIX]", 15: "[MIDDLE]", 16: "[SUFFIX]",
    17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]", 19: "[TOOL_CONTENT]",
    24: "[AUDIO]", 25: "[BEGIN_AUDIO]", 32: "[STREAMING_PAD]", 33: "[STREAMING_WORD]",
}  # fmt: skip

SHAPES = {
    "small": VoxtralRealtimeConfig(
        EncoderConfig(32, 64, 2, 4, 8, 128, sliding_window=64),
        DecoderConfig(SPECIAL_TOKENS + TEXT_TOKENS, 32, 64, 2, 4, 2, 8, sliding_window=48),
    ),
    "wide": VoxtralRealtimeConfig(
        EncoderConfig(48, 96, 3, 2, 16, 80, sliding_window=750, rope_theta=1e4),
        DecoderConfig(SPECIAL_TOKENS + TEXT_TOKENS, 64, 80, 1, 8, 2, 16, sliding_window=512),
    ),
    "deep": VoxtralRealtimeConfig(
        EncoderConfig(16, 24, 5, 1, 32, 128, sliding_window=30),
        DecoderConfig(SPECIAL_TOKENS + TEXT_TOKENS, 24, 40, 4, 3, 3, 8, sliding_window=31),
    ),
}
"""Windows that wrap within seconds, grouped and ungrouped heads, odd sizes, 80 and 128 mel bins."""


STREAMING_AUDIO = {
    "chunk_length_s": None,
    "transcription_format": "streaming",
    "transcription_delay_ms": 480.0,
    "streaming_look_ahead_ms": 2.5,
    "streaming_look_back_ms": 52.5,
    "streaming_n_left_pad_tokens": 32,
}
OFFLINE_AUDIO = {"chunk_length_s": 30.0, "transcription_format": "instruct"}


def write_tekken(path: Path, num_mel_bins: int, *, offline: bool = False) -> None:
    """A tokenizer cut from mistral-common's own vocabulary, with the audio section of Voxtral Realtime or of 2507."""
    names = NAMES | ({32: "<SPECIAL_32>", 33: "<SPECIAL_33>", 34: "[TRANSCRIBE]"} if offline else {})
    source = importlib.resources.files("mistral_common") / "data" / "tekken_240911.json"
    full = json.loads(source.read_text("utf-8"))
    special: list[dict[str, Any]] = [
        {"rank": i, "token_str": names.get(i, f"<SPECIAL_{i}>"), "is_control": True} for i in range(SPECIAL_TOKENS)
    ]
    tekken = {
        "config": {
            **full["config"],
            "num_vocab_tokens": TEXT_TOKENS,
            "default_vocab_size": SPECIAL_TOKENS + TEXT_TOKENS,
            "default_num_special_tokens": SPECIAL_TOKENS,
            "version": "v7",
        },
        "vocab": full["vocab"][:TEXT_TOKENS],
        "special_tokens": special,
        "audio": {
            "sampling_rate": 16000,
            "frame_rate": 12.5,
            "audio_encoding_config": {"num_mel_bins": num_mel_bins, "hop_length": 160, "window_size": 400},
            **(OFFLINE_AUDIO if offline else STREAMING_AUDIO),
        },
    }
    path.write_text(json.dumps(tekken), "utf-8")


def random_model(config: VoxtralRealtimeConfig, seed: int = 0) -> VoxtralRealtime:
    """A model whose tokens follow the sound rather than repeat themselves.

    For that the audio's vectors outweigh the embedding's.
    """
    torch.manual_seed(seed)
    model = VoxtralRealtime(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=parameter.shape[1] ** -0.5)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)
            else:
                parameter.uniform_(0.7, 1.3)
        for layer in model.encoder.layers:
            layer.attention.qkv.bias[layer.attention.qkv.key_rows] = 0  # type: ignore[union-attr, index, operator]
        # What a frame hears outweighs what attention gathers from a long window, which hardly changes.
        model.encoder.stem.conv2.weight *= 12
        model.decoder.embedding.weight.normal_(std=0.1)
        # What all frames have in common would outweigh what tells them apart: project it out of the adapter.
        hidden: list[torch.Tensor] = []
        hook = model.adapter.linear2.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
        model.encode(model.log_mel.whole(torch.from_numpy(sound(8, seed=99)))[None])
        hook.remove()
        mean = hidden[0].mean((0, 1))
        weight = model.adapter.linear2.weight
        weight -= torch.outer(weight @ mean, mean) / mean.square().sum()
        said = model.adapter.linear2(hidden[0]).norm(dim=-1).mean()
        weight *= 12 * model.decoder.embedding.weight.norm(dim=-1).mean() / said
        # Control tokens must turn up among the text, as they do in real models.
        model.decoder.embedding.weight[[2, 32, 33]] *= 1.8
    return model.requires_grad_(False).eval()


def write_model(folder: Path, config: VoxtralRealtimeConfig, seed: int = 0) -> Path:
    """A complete float32 model folder in the Hugging Face layout."""
    checkpoint.save(random_model(config, seed), folder, dtype=torch.float32)
    write_tekken(folder / "tekken.json", config.encoder.num_mel_bins)
    return folder


def sound(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Tones that change their pitch and loudness every few hundredths of a second, over noise."""
    rng = np.random.default_rng(seed)
    n = round(seconds * 16000)
    pieces = -(-n // 480)
    frequency = np.repeat(rng.uniform(80, 7000, pieces), 480)[:n]
    loudness = np.repeat(10 ** rng.uniform(-3, -0.5, pieces), 480)[:n]
    tone = loudness * np.sin(2 * np.pi * np.cumsum(frequency) / 16000)
    noisy: NDArray[np.float32] = (tone + 0.003 * rng.standard_normal(n)).astype(np.float32)
    return noisy


def write_offline_model(folder: Path, seed: int = 0, *, eos: float = 1.45) -> Path:
    """A complete folder of the Voxtral 2507 kind as transformers writes it, of two layers in each half.

    Its answers follow what it hears; `eos` makes the end of the text likelier.
    """
    from transformers import VoxtralConfig, VoxtralForConditionalGeneration, WhisperFeatureExtractor
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    vocabulary = SPECIAL_TOKENS + TEXT_TOKENS
    config = VoxtralConfig(
        audio_config={
            "model_type": "voxtral_encoder",
            "vocab_size": vocabulary,
            "hidden_size": 16,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_mel_bins": 128,
            "max_source_positions": 1500,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": vocabulary,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            "rms_norm_eps": 1e-5,
            "tie_word_embeddings": False,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 11,
        },
        audio_token_id=24,
    )
    torch.manual_seed(seed)
    model = VoxtralForConditionalGeneration(config).eval()
    extractor = WhisperFeatureExtractor(feature_size=128)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2 and "embed_positions" not in name:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)
            elif parameter.ndim == 1:
                parameter.uniform_(0.7, 1.3)
        # Attention must pick single moments, and what it picks must count: an average over all hardly changes.
        for layer in model.model.language_model.layers:
            layer.self_attn.q_proj.weight *= 4
            layer.self_attn.k_proj.weight *= 4
            layer.self_attn.o_proj.weight *= 8
        for layer in model.model.audio_tower.layers:
            layer.self_attn.q_proj.weight *= 3
        model.model.audio_tower.conv2.weight *= 12
        # As in `random_model`: what all frames have in common is projected out of the adapter.
        hidden: list[torch.Tensor] = []
        adapter = model.model.multi_modal_projector.linear_2
        hook = adapter.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
        model.get_audio_features(extractor(sound(30, 99), sampling_rate=16000, return_tensors="pt").input_features)
        hook.remove()
        mean = hidden[0].mean(0)
        adapter.weight -= torch.outer(adapter.weight @ mean, mean) / mean.square().sum()
        said = adapter(hidden[0]).norm(dim=-1).mean()
        adapter.weight *= model.model.language_model.embed_tokens.weight.norm(dim=-1).mean() / said
        model.lm_head.weight[2] *= eos
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = 2, 11
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    write_tekken(folder / "tekken.json", 128, offline=True)
    return folder
