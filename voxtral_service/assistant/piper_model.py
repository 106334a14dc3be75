"""Piper: natural voices in many languages (`piper-tts`, GPL-3.0, so never a hard dependency).

A voice is a file NAME.onnx with NAME.onnx.json beside it, as the Piper project publishes them.
"""

from __future__ import annotations

import importlib.util
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from voxtral_service.assistant.speech import Voice
from voxtral_service.audio import Samples
from voxtral_service.errors import EngineError

MOST_LOADED = 2
"""Voices in memory, some 100 MB each; the one that was used longest ago makes room."""


def installed() -> bool:
    """Whether the wheel is here."""
    return importlib.util.find_spec("piper") is not None


class Piper:
    """A `SentenceModel` of all voices in a folder."""

    name = "piper"

    def __init__(self, folder: Path) -> None:
        self._files = {path.stem: path for path in sorted(folder.glob("*.onnx")) if _about(path).is_file()}
        self._voices = tuple(_voice(name, path) for name, path in self._files.items())
        self._loaded: OrderedDict[str, Any] = OrderedDict()

    def voices(self) -> tuple[Voice, ...]:
        """See `SentenceModel`; none where the folder has none."""
        return self._voices

    def make(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        """See `SentenceModel`."""
        from piper import SynthesisConfig

        loaded = self._load(voice)
        pace = SynthesisConfig(length_scale=loaded.config.length_scale / speed)
        parts = [chunk.audio_float_array for chunk in loaded.synthesize(text, pace)]
        return np.concatenate([np.zeros(0, np.float32), *parts]), int(loaded.config.sample_rate)

    def _load(self, name: str) -> Any:
        if name in self._loaded:
            self._loaded.move_to_end(name)
            return self._loaded[name]
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = self._files[name]
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        about = json.loads(_about(path).read_text("utf-8"))
        self._loaded[name] = PiperVoice(session, PiperConfig.from_dict(about), download_dir=path.parent)
        if len(self._loaded) > MOST_LOADED:
            self._loaded.popitem(last=False)
        return self._loaded[name]


def _about(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _voice(name: str, path: Path) -> Voice:
    try:
        about = json.loads(_about(path).read_text("utf-8"))
        code = about.get("language", {}).get("code") or about["espeak"]["voice"]
    except (ValueError, KeyError, AttributeError) as error:
        raise EngineError(f"{_about(path)} is no description of a Piper voice") from error
    return Voice(name, str(code).replace("_", "-"), f"Piper, {name}", natural=True)
