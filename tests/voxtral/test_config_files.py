from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import mistral_files, tiny
from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config import VoxtralRealtimeConfig
from voxtral_service.voxtral.config_files import (
    hugging_face_config,
    read_hugging_face_config,
    read_mistral_config,
)

PUBLIC_PARAMS = """{
  "dim": 3072, "n_layers": 26, "head_dim": 128, "hidden_dim": 9216, "n_heads": 32, "n_kv_heads": 8,
  "use_biases": false, "causal": true, "rope_theta": 1000000.0, "norm_eps": 1e-05, "vocab_size": 131072,
  "tied_embeddings": true, "sliding_window": 8192, "model_max_length": 131072,
  "multimodal": {"whisper_model_args": {
    "encoder_args": {
      "audio_encoding_args": {
        "sampling_rate": 16000, "frame_rate": 12.5, "num_mel_bins": 128, "hop_length": 160, "window_size": 400,
        "chunk_length_s": null, "global_log_mel_max": 1.5, "transcription_format": "streaming"
      },
      "dim": 1280, "n_layers": 32, "head_dim": 64, "hidden_dim": 5120, "n_heads": 32, "n_kv_heads": 32,
      "use_biases": true, "rope_theta": 1000000.0, "causal": true, "norm_eps": 1e-05, "pos_embed": "rope",
      "ffn_type": "swiglu", "norm_type": "rms_norm", "sliding_window": 750
    },
    "downsample_args": {"downsample_factor": 4}
  }},
  "ada_rms_norm_t_cond": true, "ada_rms_norm_t_cond_dim": 32
}"""
ENCODER = ("multimodal", "whisper_model_args", "encoder_args")


def without(data: dict[str, Any], *way: str) -> None:
    *sections, field = way
    for section in sections:
        data = data[section]
    del data[field]


def with_value(data: dict[str, Any], value: object, *way: str) -> None:
    *sections, field = way
    for section in sections:
        data = data[section]
    data[field] = value


def complaint(read: Callable[[Path], object], path: Path, text: str | bytes) -> str:
    """The message of the error that reading such a file raises, without the file's name."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(CheckpointError) as raised:
        read(path)
    message = str(raised.value)
    assert "\n" not in message
    assert message.count(str(path)) == 1
    return message.replace(str(path), "FILE")


def test_the_public_4b_params_json(tmp_path: Path) -> None:
    path = tmp_path / "params.json"
    path.write_text(PUBLIC_PARAMS)
    assert read_mistral_config(path) == VoxtralRealtimeConfig()


def test_the_public_4b_config_json(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(hugging_face_config(VoxtralRealtimeConfig(), "bfloat16")))
    assert read_hugging_face_config(path) == VoxtralRealtimeConfig()


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_shapes_survive_both_files_and_transformers(reference: ModuleType, tmp_path: Path, shape: str) -> None:
    config = tiny.SHAPES[shape]
    (tmp_path / "params.json").write_text(json.dumps(mistral_files.params(config)))
    assert read_mistral_config(tmp_path / "params.json") == config
    (tmp_path / "config.json").write_text(json.dumps(hugging_face_config(config, "float32")))
    assert read_hugging_face_config(tmp_path / "config.json") == config
    reference.AutoConfig.from_pretrained(tmp_path).save_pretrained(tmp_path)
    assert read_hugging_face_config(tmp_path / "config.json") == config


def test_rope_theta_of_earlier_transformers(tmp_path: Path) -> None:
    data = hugging_face_config(tiny.SHAPES["wide"], "float32")
    for tower in ("audio_config", "text_config"):
        data[tower]["rope_theta"] = data[tower].pop("rope_parameters")["rope_theta"]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(data))
    assert read_hugging_face_config(path) == tiny.SHAPES["wide"]


@pytest.mark.parametrize(
    "way",
    [
        ("audio_config",),
        ("text_config",),
        ("default_num_delay_tokens",),
        ("audio_config", "num_mel_bins"),
        ("audio_config", "rope_parameters", "rope_theta"),
        ("text_config", "head_dim"),
    ],
)
def test_a_missing_field_of_config_json_is_named(tmp_path: Path, way: tuple[str, ...]) -> None:
    data = hugging_face_config(tiny.SHAPES["small"], "float32")
    without(data, *way)
    message = complaint(read_hugging_face_config, tmp_path / "config.json", json.dumps(data))
    assert message == f"FILE lacks the field {'.'.join(way)}"


@pytest.mark.parametrize(
    "way",
    [
        ("dim",),
        ("multimodal",),
        (*ENCODER, "audio_encoding_args"),
        (*ENCODER, "audio_encoding_args", "num_mel_bins"),
        (*ENCODER, "sliding_window"),
    ],
)
def test_a_missing_field_of_params_json_is_named(tmp_path: Path, way: tuple[str, ...]) -> None:
    data = json.loads(PUBLIC_PARAMS)
    without(data, *way)
    message = complaint(read_mistral_config, tmp_path / "params.json", json.dumps(data))
    assert message == f"FILE lacks the field {'.'.join(way)}"


@pytest.mark.parametrize(
    ("way", "value", "wanted"),
    [
        (("audio_length_per_tok",), 16, "8 as in this architecture"),
        (("downsample_factor",), None, "4 as in this architecture"),
        (("tie_word_embeddings",), False, "True as in this architecture"),
        (("audio_config", "activation_function"), "relu", "'gelu' as in this architecture"),
        (("text_config", "rope_parameters", "rope_type"), "yarn", "'default' as in this architecture"),
        (("text_config",), [1], "a JSON object"),
        (("text_config", "sliding_window"), None, "a positive whole number"),
        (("text_config", "hidden_size"), "32", "a positive whole number"),
        (("audio_config", "num_hidden_layers"), 0, "a positive whole number"),
        (("audio_config", "head_dim"), True, "a positive whole number"),
        (("audio_config", "rms_norm_eps"), -1e-5, "a positive number"),
        (("text_config", "rope_parameters", "rope_theta"), "1e6", "a positive number"),
    ],
)
def test_a_wrong_value_in_config_json_is_named(
    tmp_path: Path, way: tuple[str, ...], value: object, wanted: str
) -> None:
    data = hugging_face_config(tiny.SHAPES["small"], "float32")
    with_value(data, value, *way)
    message = complaint(read_hugging_face_config, tmp_path / "config.json", json.dumps(data))
    assert message == f"FILE: {'.'.join(way)} is {value!r}, not {wanted}"


@pytest.mark.parametrize(
    ("way", "value", "wanted"),
    [
        (("ada_rms_norm_t_cond",), False, "True as in this architecture"),
        (("ada_rms_norm_t_cond_dim",), 64, "32 as in this architecture"),
        (("tied_embeddings",), False, "True as in this architecture"),
        ((*ENCODER, "causal"), False, "True as in this architecture"),
        ((*ENCODER, "n_heads"), 2.5, "a positive whole number"),
        (("multimodal",), 3, "a JSON object"),
    ],
)
def test_a_wrong_value_in_params_json_is_named(
    tmp_path: Path, way: tuple[str, ...], value: object, wanted: str
) -> None:
    data = json.loads(PUBLIC_PARAMS)
    with_value(data, value, *way)
    message = complaint(read_mistral_config, tmp_path / "params.json", json.dumps(data))
    assert message == f"FILE: {'.'.join(way)} is {value!r}, not {wanted}"


@pytest.mark.parametrize("model_type", ["voxtral", "whisper", None])
def test_other_architectures_are_refused(tmp_path: Path, model_type: str | None) -> None:
    message = complaint(read_hugging_face_config, tmp_path / "config.json", json.dumps({"model_type": model_type}))
    assert message == (
        f"FILE describes a {model_type or 'nameless'!r} model, not 'voxtral_realtime'; "
        "this engine runs Voxtral Realtime checkpoints only"
    )


def test_params_json_of_a_text_model_is_refused(tmp_path: Path) -> None:
    message = complaint(read_mistral_config, tmp_path / "params.json", json.dumps({"dim": 4096}))
    assert message == "FILE: ada_rms_norm_t_cond is None, not True as in this architecture"


@pytest.mark.parametrize("read", [read_hugging_face_config, read_mistral_config])
@pytest.mark.parametrize("text", ["", "{", '{"model_type": ', "[" * 100_000, b"\xff\xfe{}", b"\x00" * 40], ids=range(6))
def test_a_damaged_file_is_named(tmp_path: Path, read: Callable[[Path], object], text: str | bytes) -> None:
    assert complaint(read, tmp_path / "any.json", text).startswith("cannot read FILE: ")


@pytest.mark.parametrize("read", [read_hugging_face_config, read_mistral_config])
def test_json_that_is_no_object(tmp_path: Path, read: Callable[[Path], object]) -> None:
    assert complaint(read, tmp_path / "any.json", "[1, 2]") == "FILE holds no JSON object"
