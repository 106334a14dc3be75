"""Loading and saving model folders in the public layouts.

A folder holds either `config.json` with `model.safetensors` (or shards and their index), as on the Hugging
Face hub, or `params.json` with `consolidated.safetensors`, as Mistral publishes. Both may lie side by side:
then the first is read if its weights are there too.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config import VoxtralRealtimeConfig
from voxtral_service.voxtral.config_files import (
    BOS,
    HUGGING_FACE_CONFIG,
    MISTRAL_CONFIG,
    PAD,
    hugging_face_config,
    read_hugging_face_config,
    read_json,
    read_mistral_config,
)
from voxtral_service.voxtral.layouts import StoredTensor, hugging_face_layout, mistral_layout
from voxtral_service.voxtral.log_mel import GLOBAL_LOG_MEL_MAX
from voxtral_service.voxtral.model import VoxtralRealtime

HUGGING_FACE_WEIGHTS = "model.safetensors"
HUGGING_FACE_INDEX = "model.safetensors.index.json"
MISTRAL_WEIGHTS = "consolidated.safetensors"
TIED_HEADS = frozenset({"lm_head.weight", "language_model.lm_head.weight", "output.weight"})
"""Copies of the embedding that some tools write out although the head is tied to it."""
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class _Files:
    """What a folder turned out to hold."""

    config: VoxtralRealtimeConfig
    layout: list[StoredTensor]
    weights: list[Path]


def read_config(folder: Path) -> VoxtralRealtimeConfig:
    """The shape of the model in a folder, without touching its weights.

    Raises CheckpointError if the folder holds no Voxtral Realtime model.
    """
    return _examine(folder).config


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of the model in a folder; raises like `read_config`."""
    return _examine(folder).weights


def load(folder: Path, *, dtype: torch.dtype, device: torch.device | str = "cpu") -> VoxtralRealtime:
    """Load a model for inference.

    Files are memory-mapped and copied tensor by tensor, so that no second copy of the model is ever in
    memory. Raises CheckpointError that names the tensors that are missing, not part of the architecture, or
    of the wrong shape.
    """
    files = _examine(folder)
    with torch.device("meta"):
        model = VoxtralRealtime(files.config)
    model = model.to(dtype).to_empty(device=device)
    with torch.device(device):
        model.log_mel = type(model.log_mel)(files.config.encoder.num_mel_bins)
    _fill(model, files)
    return model.requires_grad_(False).eval()


def save(model: VoxtralRealtime, folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write a model in the Hugging Face layout: configuration files and weights, but no tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = dict(model.named_parameters())
    tensors = {
        stored.name: stored.from_parameter(parameters[stored.parameter].detach()).to("cpu", dtype).contiguous()
        for stored in hugging_face_layout(model.config)
    }
    save_file(tensors, folder / HUGGING_FACE_WEIGHTS, metadata={"format": "pt"})
    config = hugging_face_config(model.config, str(dtype).removeprefix("torch."))
    for name, content in (
        (HUGGING_FACE_CONFIG, config),
        # An end-of-text token inside live audio ends nothing, so no id stops transformers' generate.
        ("generation_config.json", {"bos_token_id": BOS, "eos_token_id": None, "pad_token_id": PAD}),
        ("preprocessor_config.json", _feature_extractor(model.config)),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _feature_extractor(config: VoxtralRealtimeConfig) -> dict[str, object]:
    return {
        "feature_extractor_type": "VoxtralRealtimeFeatureExtractor",
        "processor_class": "VoxtralRealtimeProcessor",
        "feature_size": config.encoder.num_mel_bins,
        "global_log_mel_max": GLOBAL_LOG_MEL_MAX,
        "hop_length": 160,
        "n_fft": 400,
        "win_length": 400,
        "sampling_rate": 16000,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,
    }


def _examine(folder: Path) -> _Files:
    hugging_face, mistral = (folder / name for name in (HUGGING_FACE_CONFIG, MISTRAL_CONFIG))
    weights = folder / MISTRAL_WEIGHTS
    if hugging_face.is_file() and not (_only_mistral_weights(folder) and mistral.is_file()):
        config = read_hugging_face_config(hugging_face)
        return _Files(config, hugging_face_layout(config), _hugging_face_weights(folder))
    if mistral.is_file():
        config = read_mistral_config(mistral)
        if not weights.is_file():
            raise CheckpointError(f"{folder} has {MISTRAL_CONFIG} but no {MISTRAL_WEIGHTS}")
        return _Files(config, mistral_layout(config), [weights])
    raise CheckpointError(f"{folder} is no model folder: it has neither {HUGGING_FACE_CONFIG} nor {MISTRAL_CONFIG}")


def _only_mistral_weights(folder: Path) -> bool:
    others = (HUGGING_FACE_WEIGHTS, HUGGING_FACE_INDEX)
    return (folder / MISTRAL_WEIGHTS).is_file() and not any((folder / name).is_file() for name in others)


def _hugging_face_weights(folder: Path) -> list[Path]:
    single, index = folder / HUGGING_FACE_WEIGHTS, folder / HUGGING_FACE_INDEX
    if single.is_file():
        return [single]
    if not index.is_file():
        raise CheckpointError(f"{folder} has {HUGGING_FACE_CONFIG} but neither {single.name} nor {index.name}")
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        raise CheckpointError(f"{index} is no index of shards: it has no weight_map from tensors to files")
    shards = sorted(set(weight_map.values()))
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise CheckpointError(f"{folder} lacks {_few(missing)}, named in {index.name}; fetch the model again")
    return [folder / shard for shard in shards]


def _fill(model: VoxtralRealtime, files: _Files) -> None:
    parameters = dict(model.named_parameters())
    with torch.no_grad(), contextlib.ExitStack() as stack:
        stored = {name: file for path in files.weights for file, names in _opened(path, stack) for name in names}
        _check(files, {name: tuple(file.get_slice(name).get_shape()) for name, file in stored.items()})  # type: ignore[no-untyped-call]
        for name, parameter in parameters.items():
            if name.endswith("qkv.bias"):  # the keys' part is in no file
                parameter.zero_()
        for tensor in files.layout:
            rows = parameters[tensor.parameter][tensor.first_row : tensor.first_row + tensor.shape[0]]
            numbers = stored[tensor.name].get_tensor(tensor.name)  # type: ignore[no-untyped-call]
            rows.copy_(tensor.to_parameter(numbers))


def _opened(path: Path, stack: contextlib.ExitStack) -> Iterator[tuple[safe_open, list[str]]]:
    try:
        file = stack.enter_context(safe_open(path, framework="pt"))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no safetensors file ({error}); fetch it again") from error
    yield file, list(file.keys())


def _check(files: _Files, found: dict[str, tuple[int, ...]]) -> None:
    expected = {tensor.name: tensor.shape for tensor in files.layout}
    misshapen = [
        f"{name} is {list(found[name])}, not {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    complaints = [
        f"{kind}: {_few(names)}"
        for kind, names in (
            ("missing", [name for name in expected if name not in found]),
            ("not part of this architecture", sorted(found.keys() - expected.keys() - TIED_HEADS)),
            ("of the wrong shape", misshapen),
        )
        if names
    ]
    if complaints:
        raise CheckpointError(
            f"the tensors in {files.weights[0].parent} do not fit its configuration; " + "; ".join(complaints)
        )


def _few(names: Iterable[str]) -> str:
    # A damaged file may name its tensors anything; one line it stays.
    names = [name if name.isprintable() else repr(name) for name in names]
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(names[:_NAMED_AT_MOST]) + more
