"""From a model folder to a running engine on a device."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.base import Engine
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.packed import packing_pays
from voxtral_service.engine.registry import InstalledModel
from voxtral_service.errors import EngineError, InvalidOption

SMALL = 200_000_000
"""Parameters; below, a step is so short that handing it to several threads costs more than it saves."""
LARGEST_ON_CPU = 1_000_000_000
"""Parameters; beyond, no ordinary CPU keeps up with speech."""
PLACES, MOST_PLACES = 32, 256
"""Slots unless the user says how many; a small model's take memory only when they are used."""
Compiling = Literal["never", "first", "in the background"]
BESIDE_WEIGHTS = 5_000_000_000
"""Bytes on a GPU for the caches of a handful of streams and for CUDA itself."""


def load(
    model: InstalledModel,
    *,
    device: torch.device,
    dtype: str = "auto",
    slots: int,
    reserve: int = 0,
    lag_bound: float | None = None,
    compiling: Compiling = "never",
) -> Engine:
    """Start an engine with room for `slots` streams, `reserve` of them for live ones only; `dtype` as `--dtype`.

    With `lag_bound` (seconds) an engine that is `Measured` stops work on files while live streams come near it. A
    small model's step on a CPU may be used in compiled form, which takes a second more to load; where it has not been
    made, it is made `first`, or in the background and used when it is done.

    Sets how many threads torch uses in this process. Raises CheckpointError when the files do not fit together,
    InvalidOption when the kind of model cannot compute in that type, EngineError when the device has no room.
    """
    return _LOADERS[model.kind](model, Start(device, dtype, slots, reserve, lag_bound, compiling))


@dataclass(frozen=True, slots=True)
class Start:
    """What an engine is started with, whatever its kind; see `load`."""

    device: torch.device
    dtype: str
    slots: int
    reserve: int
    lag_bound: float | None
    compiling: Compiling


def _load_realtime(model: InstalledModel, start: Start) -> Engine:
    from voxtral_service.engine import compiled_step
    from voxtral_service.engine.model_runner import ModelRunner
    from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
    from voxtral_service.voxtral import checkpoint
    from voxtral_service.voxtral.tokenizer import Tokenizer

    dtype = pick_dtype(start.dtype, start.device, packs=True)
    if start.device.type == "cpu":
        use_threads(model)
    try:
        network = checkpoint.load(model.folder, dtype=dtype, device=start.device)
        compilable = (
            start.compiling != "never" and start.device.type == "cpu" and compiled_step.worth_compiling(network.config)
        )
        find = compiled_step.find_or_make if start.compiling == "first" else compiled_step.find
        compiled = find(model.folder, network.config, dtype) if compilable else None
        runner = ModelRunner(network, Tokenizer.from_folder(model.folder), start.slots, compiled)
    except RuntimeError as error:  # what torch raises on a CPU, and the base of its OutOfMemoryError
        raise _no_room(model, start, dtype, error) from error
    compilation = None
    if compilable and not compiled and start.compiling == "in the background":
        compilation = compiled_step.Compilation(model.folder, dtype, runner.use)
    return VoxtralRealtimeEngine(
        runner,
        languages=model.languages,
        reserve=start.reserve,
        lag_bound=start.lag_bound,
        closing=compilation.stop if compilation else None,
    )


def _load_whisper(model: InstalledModel, start: Start) -> Engine:
    from voxtral_service.engine.faster_whisper import FasterWhisperEngine
    from voxtral_service.engine.whisper_model import WhisperModel

    whisper = WhisperModel(
        model.folder,
        device=str(start.device),
        compute_type=compute_type(start.dtype, start.device),
        threads=threads(model),
    )
    return FasterWhisperEngine(whisper, capabilities(model), slots=start.slots, reserve=start.reserve)


def _load_voxtral(model: InstalledModel, start: Start) -> Engine:
    from voxtral_service.engine.offline_model import OfflineModel
    from voxtral_service.engine.voxtral_offline import VoxtralOfflineEngine

    dtype = pick_dtype(start.dtype, start.device)
    if start.device.type == "cpu":
        use_threads(model)
    try:
        network = OfflineModel.load(model.folder, dtype=dtype, device=start.device)
    except RuntimeError as error:
        raise _no_room(model, start, dtype, error) from error
    return VoxtralOfflineEngine(network, places=start.slots, languages=model.languages, reserve=start.reserve)


_LOADERS: dict[Kind, Callable[[InstalledModel, Start], Engine]] = {
    Kind.VOXTRAL_REALTIME: _load_realtime,
    Kind.VOXTRAL: _load_voxtral,
    Kind.WHISPER: _load_whisper,
}


def pick_device(name: str) -> torch.device:
    """`auto` is the first CUDA device, else the CPU. Raises InvalidOption for a device that is not there."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        why = "torch sees no CUDA device" if torch.version.cuda else "this torch is built without CUDA"
        raise InvalidOption(f"device {name} is not there: {why}; use --device cpu", field="device")
    device = torch.device("cuda" if name == "auto" else name)
    if (device.index or 0) >= torch.cuda.device_count():
        raise InvalidOption(
            f"device {name} is not there: the last one is cuda:{torch.cuda.device_count() - 1}", field="device"
        )
    return device


def pick_dtype(name: str, device: torch.device, *, packs: bool = False) -> torch.dtype:
    """What a Voxtral model computes in; raises InvalidOption for types that only Whisper runs in.

    `auto` is bfloat16 on CUDA, as the public weights are stored, and float32 on CPUs: few have fast bfloat16. On those
    that have (AMX, AVX512-BF16) it is bfloat16 for a network that `packs` its weights: many streams cost half as much
    then, and word error rates are the same (SPEED.md).
    """
    if name == "auto":
        fast = device.type == "cuda" or (packs and packing_pays(torch.bfloat16, device))
        return torch.bfloat16 if fast else torch.float32
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name not in dtypes:
        raise InvalidOption(f"Voxtral models run in {' or '.join(dtypes)}, not in {name}", field="dtype")
    return dtypes[name]


def compute_type(name: str, device: torch.device) -> str:
    """What a Whisper model computes in, in CTranslate2's words: `auto` is float16 on CUDA and int8 on CPUs."""
    if name == "auto":
        return "float16" if device.type == "cuda" else "int8"
    return "int8_float16" if name == "int8" and device.type == "cuda" else name


def fits(model: InstalledModel, device: torch.device) -> bool:
    """Whether a device has the memory for a model, or on a CPU the speed."""
    if device.type != "cuda":
        return model.parameters <= LARGEST_ON_CPU
    free, _ = torch.cuda.mem_get_info(device)
    return model.parameters * torch.bfloat16.itemsize + BESIDE_WEIGHTS <= free


def places(model: InstalledModel, device: torch.device) -> int:
    """How many live streams to make room for before it is known how many can be served."""
    small = model.kind is Kind.VOXTRAL_REALTIME and device.type == "cpu" and model.parameters < SMALL
    return MOST_PLACES if small else PLACES


def need(model: InstalledModel, *, device: torch.device, dtype: str = "auto") -> int:
    """About how many bytes of the device's memory a loaded model takes."""
    whisper = model.kind is Kind.WHISPER
    size = _BYTES[compute_type(dtype, device)] if whisper else pick_dtype(dtype, device).itemsize
    # A quarter more for what is computed between the layers and for the streams' caches.
    return model.parameters * size * 5 // 4


_BYTES = {"int8": 1, "int8_float16": 1, "float16": 2, "bfloat16": 2, "float32": 4}


def use_threads(model: InstalledModel) -> None:
    """One thread for a small model, else one a core unless OMP_NUM_THREADS says otherwise."""
    if model.parameters < SMALL or "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads(model))


def threads(model: InstalledModel) -> int:
    """How many threads a model's steps are worth on a CPU; OMP_NUM_THREADS overrules it for all but small ones."""
    if model.parameters < SMALL:
        return 1
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else physical_cores()


def physical_cores(topology: Path = Path("/sys/devices/system/cpu")) -> int:
    """Cores this process may run on, hyperthreads not counted where the system tells (Linux)."""
    try:
        allowed = os.sched_getaffinity(0)
        return len({(topology / f"cpu{cpu}/topology/thread_siblings_list").read_text("ascii") for cpu in allowed})
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _no_room(model: InstalledModel, start: Start, dtype: torch.dtype, error: RuntimeError) -> EngineError:
    needed = f"{model.parameters * dtype.itemsize / 1e9:.1f} GB in {str(dtype).removeprefix('torch.')}"
    return EngineError(
        f"{model.name} could not be put on {start.device} ({_first_line(error)}); its weights alone take "
        f"{needed}: free memory, lower --max-streams or take a smaller model"
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
