"""Kokoro-82M: natural voices in eight languages, by `kokoro-onnx` (MIT; it reads texts with eSpeak NG, GPL-3.0).

A folder has a model, kokoro*.onnx, and its voices, voices*.bin, as that package's project publishes them.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np

from voxtral_service.assistant.speech import Voice
from voxtral_service.audio import Samples
from voxtral_service.errors import EngineError

SLOWEST, FASTEST = 0.5, 2.0
"""Speeds that the package takes; others sound like the nearest."""
LANGUAGES = {
    "a": ("en-US", "en-us"),
    "b": ("en-GB", "en-gb"),
    "e": ("es", "es"),
    "f": ("fr-FR", "fr-fr"),
    "h": ("hi", "hi"),
    "i": ("it", "it"),
    "j": ("ja", "ja"),
    "p": ("pt-BR", "pt-br"),
    "z": ("zh", "cmn"),
}
"""By the first letter of a voice's name (the model's card): its BCP 47 tag, and what eSpeak NG calls it."""


def installed() -> bool:
    """Whether the wheel is here."""
    return importlib.util.find_spec("kokoro_onnx") is not None


def files(folder: Path) -> tuple[Path | None, Path | None]:
    """The model and the voices of a folder, None where there is none."""
    model, styles = (next(iter(sorted(folder.glob(pattern))), None) for pattern in ("kokoro*.onnx", "voices*.bin"))
    return model, styles


def load(model: Path, styles: Path) -> Any:
    """A `kokoro_onnx.Kokoro` on one thread of the CPU."""
    import onnxruntime
    from kokoro_onnx import Kokoro as Loaded

    logging.getLogger("phonemizer").propagate = False  # it counts words, "mismatch" for most sentences of several
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return Loaded.from_session(session, str(styles))


class Kokoro:
    """A `SentenceModel` of the model in a folder, American voices first."""

    name = "kokoro"

    def __init__(self, folder: Path) -> None:
        self._model, self._styles = files(folder)
        self._voices: tuple[Voice, ...] = ()
        self._loaded: Any = None
        if self._model is not None and self._styles is not None:
            try:
                with np.load(self._styles) as styles:
                    names = sorted(name for name in styles.files if name[:1] in LANGUAGES)
            except (OSError, ValueError) as error:
                raise EngineError(f"{self._styles} is no file of Kokoro's voices") from error
            self._voices = tuple(map(_voice, names))

    def voices(self) -> tuple[Voice, ...]:
        """See `SentenceModel`; none where the folder has none."""
        return self._voices

    def make(self, text: str, voice: str, speed: float) -> tuple[Samples, int]:
        """See `SentenceModel`."""
        if not any(map(str.isalnum, text)):
            return np.zeros(0, np.float32), 24_000
        if self._loaded is None:
            assert self._model is not None  # without both there are no voices to ask for
            assert self._styles is not None
            self._loaded = load(self._model, self._styles)
        samples, rate = self._loaded.create(
            text, voice, speed=min(max(speed, SLOWEST), FASTEST), lang=LANGUAGES[voice[0]][1]
        )
        return samples, int(rate)


def _voice(name: str) -> Voice:
    gender: Literal["female", "male", ""] = "female" if name[1:2] == "f" else "male" if name[1:2] == "m" else ""
    return Voice(name, LANGUAGES[name[0]][0], "Kokoro", gender, natural=True)
