"""The kinds of model that run here, told apart by the configuration in their folder. Reads no weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config_files import HUGGING_FACE_CONFIG, MISTRAL_CONFIG, read_json


class Kind(StrEnum):
    """An architecture, and with it an engine."""

    VOXTRAL_REALTIME = "voxtral-realtime"
    VOXTRAL = "voxtral"
    """Voxtral 2507: Mini 3B and Small 24B."""
    WHISPER = "whisper"
    """Whisper, converted for CTranslate2 as faster-whisper wants it."""
    CHAT = "chat"
    """A language model with a chat template, for transformers: it answers in the assistant and hears nothing."""

    @property
    def hears(self) -> bool:
        """Whether it has an engine."""
        return self is not Kind.CHAT


@dataclass(frozen=True, slots=True)
class Layout:
    """How the files of a model are called in one public form.

    Of `weights` one pattern must be met; what `needed` names must be there; `also` is fetched where there is any.
    """

    kind: Kind
    config: str
    weights: tuple[str, ...]
    needed: tuple[str, ...]
    also: tuple[str, ...] = ()


_SHARDED = ("model.safetensors", "model.safetensors.index.json", "model-*.safetensors")
CHAT_TEMPLATES = ("chat_template.jinja", "tokenizer_config.json")
"""Where a language model's chat template may be."""
LAYOUTS = (
    Layout(Kind.VOXTRAL_REALTIME, HUGGING_FACE_CONFIG, _SHARDED, ("tekken.json",)),
    Layout(Kind.VOXTRAL_REALTIME, MISTRAL_CONFIG, ("consolidated.safetensors",), ("tekken.json",)),
    Layout(Kind.VOXTRAL, HUGGING_FACE_CONFIG, _SHARDED, ("tekken.json",), ("*_config.json",)),
    Layout(
        Kind.WHISPER,
        HUGGING_FACE_CONFIG,
        ("model.bin",),
        ("tokenizer.json",),  # without it faster-whisper would ask the hub
        ("vocabulary.*", "preprocessor_config.json"),
    ),
    Layout(
        Kind.CHAT,
        HUGGING_FACE_CONFIG,
        _SHARDED,
        ("tokenizer.json",),
        (*CHAT_TEMPLATES, "generation_config.json", "special_tokens_map.json"),
    ),
)
_MODEL_TYPES = {"voxtral_realtime": Kind.VOXTRAL_REALTIME, "voxtral": Kind.VOXTRAL}
_CTRANSLATE2_WHISPER = {"alignment_heads", "lang_ids", "suppress_ids"}
"""What CTranslate2 writes into the `config.json` of a Whisper model, and into no other."""


def layout_of(folder: Path) -> Layout:
    """The form of the model in a folder; raises CheckpointError if there is none, or of another architecture."""
    if (folder / HUGGING_FACE_CONFIG).is_file():
        kind, config = _kind(folder / HUGGING_FACE_CONFIG), HUGGING_FACE_CONFIG
    elif (folder / MISTRAL_CONFIG).is_file():
        kind, config = _mistral_kind(folder / MISTRAL_CONFIG), MISTRAL_CONFIG
    else:
        raise CheckpointError(f"{folder} holds no model: it has neither {HUGGING_FACE_CONFIG} nor {MISTRAL_CONFIG}")
    return next(layout for layout in LAYOUTS if (layout.kind, layout.config) == (kind, config))


def configs(root: Path, depth: str) -> Iterator[Path]:
    """The configuration files some way down a folder."""
    for name in (HUGGING_FACE_CONFIG, MISTRAL_CONFIG):
        yield from root.glob(f"{depth}/{name}")


def _kind(path: Path) -> Kind:
    data = read_json(path)
    model_type = data.get("model_type")
    if isinstance(model_type, str) and model_type in _MODEL_TYPES:
        return _MODEL_TYPES[model_type]
    if model_type is None and data.keys() >= _CTRANSLATE2_WHISPER:
        return Kind.WHISPER
    architectures = data.get("architectures")
    if isinstance(architectures, list) and any(str(name).endswith("ForCausalLM") for name in architectures):
        if _has_chat_template(path.parent):
            return Kind.CHAT
        raise CheckpointError(f"the language model in {path.parent} has no chat template: it completes texts only")
    hint = "; convert it with ct2-transformers-converter" if model_type == "whisper" else ""
    raise CheckpointError(
        f"{path} describes a {model_type or 'nameless'!r} model, which does not run here: Voxtral Realtime, Voxtral, "
        f"Whisper for CTranslate2 and language models that chat do{hint}"
    )


def _has_chat_template(folder: Path) -> bool:
    template, tokenizer = (folder / name for name in CHAT_TEMPLATES)
    if template.is_file():
        return True
    return tokenizer.is_file() and bool(read_json(tokenizer).get("chat_template"))


def _mistral_kind(path: Path) -> Kind:
    data = read_json(path)
    if "ada_rms_norm_t_cond" not in data and "multimodal" in data:
        raise CheckpointError(
            f"{path} describes a Voxtral model in Mistral's layout; only its Hugging Face layout "
            f"({HUGGING_FACE_CONFIG} and model*.safetensors) runs here: fetch that one"
        )
    return Kind.VOXTRAL_REALTIME
