"""What the files of weights say in their headers: how many numbers they hold, and whether they are whole."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from voxtral_service.engine.kinds import Layout
from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config_files import HUGGING_FACE_CONFIG

SHARDS_INDEX = "model.safetensors.index.json"
_LATEST_CTRANSLATE2 = 6
"""The version of CTranslate2's format, as of 4.8; what changed before did not change the headers."""


def weight_files(folder: Path, layout: Layout) -> list[Path]:
    """The files that should hold the weights: the same choice as `voxtral.checkpoint` makes, which needs torch."""
    single, index = folder / layout.weights[0], folder / SHARDS_INDEX
    if layout.config != HUGGING_FACE_CONFIG or SHARDS_INDEX not in layout.weights or single.is_file():
        return [single]
    if not index.is_file():
        return [single]
    try:
        return [folder / shard for shard in sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{index} is no index of shards ({error}); fetch the model again") from error


def parameters(file: Path) -> int:
    """How many numbers a file of weights holds; raises CheckpointError when it is damaged or cut short."""
    count = _in_ctranslate2 if file.suffix == ".bin" else _in_safetensors
    try:
        with file.open("rb") as stream:
            return count(stream, file.stat().st_size)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, struct.error) as error:
        raise CheckpointError(
            f"{file} is damaged or no {_FORMATS[file.suffix]} file ({error}); fetch it again"
        ) from error


_FORMATS = {".bin": "CTranslate2", ".safetensors": "safetensors"}


def _in_safetensors(stream: BinaryIO, size: int) -> int:
    """A length in 8 bytes, then JSON."""
    length = int.from_bytes(stream.read(8), "little")
    if length > size:
        raise ValueError("its header is longer than the file")
    header: dict[str, Any] = json.loads(stream.read(length))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _in_ctranslate2(stream: BinaryIO, size: int) -> int:
    """`ModelSpec._serialize` of CTranslate2: version, name, revision, then each tensor with its own header."""
    (version,) = _read(stream, "<I")
    name = _string(stream)
    if version > _LATEST_CTRANSLATE2 or name != "WhisperSpec":
        raise ValueError(f"it holds a {name[:40]!r} of format {version}, not a WhisperSpec")
    _, variables = _read(stream, "<II")
    total = 0
    for _ in range(variables):
        variable = _string(stream)
        (rank,) = _read(stream, "<B")
        shape = _read(stream, f"<{rank}I")
        _, length = _read(stream, "<BI")
        if stream.seek(length, 1) > size:
            raise ValueError(f"it ends inside {variable[:80]!r}")
        # Scalars are settings, and scales belong to the weights that they quantize.
        total += math.prod(shape) if rank and not variable.endswith("_scale") else 0
    return total


def _read(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))


def _string(stream: BinaryIO) -> str:
    (length,) = _read(stream, "<H")
    return stream.read(length)[:-1].decode("utf-8")
