"""The step of a small model as machine code of this machine: one call where there would be hundreds.

Most of a small network's step is not arithmetic but Python and torch deciding what to do next, with Python's lock held
meanwhile. torch's ahead-of-time compiler (AOTInductor) makes one library of the whole step from the same modules. That
takes a C++ compiler and about a minute, once for a machine, a model and a version of torch; the result is kept in the
user's cache. Measured: 3.5 times as fast for one stream, 1.3 times for 64, and the lock is free meanwhile (SPEED.md).

    python -m voxtral_service.engine.compiled_step MODEL_FOLDER --dtype bfloat16 --out FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor, nn

from voxtral_service import config
from voxtral_service.engine import kv_cache, step
from voxtral_service.engine.kv_cache import SHORT, GatheredSteps, RingCache
from voxtral_service.engine.step import (
    SAMPLES_PER_STEP,
    decode_step,
    decoder_rings,
    encode_step,
    encoder_rings,
)
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.config import ENCODER_FRAMES_PER_TOKEN, VoxtralRealtimeConfig
from voxtral_service.voxtral.encoder import StemState
from voxtral_service.voxtral.layers import Rotary
from voxtral_service.voxtral.model import VoxtralRealtime
from voxtral_service.voxtral.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

MOST_ROWS = 1024
MOST_SECONDS = 900
"""After so long something is wrong with the compiler: on a busy machine it takes two minutes."""
YIELDING = ["--yield"]
COMMAND = ["-m", "voxtral_service.engine.compiled_step"]
KEPT = 8
"""Compiled steps in the cache, the last used ones; about 15 MB each for a model of 6 M parameters."""


class CompiledStep:
    """Both halves of a step. Raises RuntimeError where the files are none that this torch can run."""

    def __init__(self, folder: Path) -> None:
        # Called with all tensors in a row; looking at how arguments are nested takes 0.1 ms a call.
        self._encode, self._decode = (
            torch._inductor.aoti_load_package(str(folder / f"{half}.pt2"), run_single_threaded=True).loader.boxed_run
            for half in ("encode", "decode")
        )

    def encode(
        self,
        rings: RingCache,
        stem: StemState,
        slots: Tensor,
        starts: Tensor,
        bias: Tensor,
        samples: Tensor,
        angles: Rotary,
    ) -> Tensor:
        """See `encode_step`; `starts` [n] are the rows' first new positions, `bias` theirs, `angles` are float32."""
        return self._encode([*rings.keys, *rings.values, *stem, slots, starts, bias, samples, *angles])[0]

    def decode(
        self,
        rings: RingCache,
        slots: Tensor,
        starts: Tensor,
        bias: Tensor,
        audio: Tensor,
        tokens: Tensor,
        scales: Tensor,
        penalties: Tensor,
        angles: Rotary,
    ) -> tuple[Tensor, Tensor]:
        """See `decode_step`; `starts` [n] are the rows' positions, `bias` theirs, `angles` are float32."""
        given = [slots, starts, bias, audio, tokens, scales, penalties]
        written, logits = self._decode([*rings.keys, *rings.values, *given, *angles])
        return written, logits


# ------------------------------------------------------------------------------------------------ finding and making


def find(folder: Path, model: VoxtralRealtimeConfig, dtype: torch.dtype) -> CompiledStep | None:
    """The compiled step of a checkpoint for this machine's CPU, if it has been made.

    One that cannot be loaded is thrown away, so that it is made again.
    """
    if not worth_compiling(model):
        return None
    place = place_of(folder, dtype)
    if not place.exists():
        return None
    try:
        place.touch()
        return CompiledStep(place)
    except (OSError, RuntimeError) as error:
        logger.warning("the compiled step in %s cannot be used and is thrown away: %s", place, error)
        shutil.rmtree(place, ignore_errors=True)
        return None


def find_or_make(folder: Path, model: VoxtralRealtimeConfig, dtype: torch.dtype) -> CompiledStep | None:
    """The same, waiting for about a minute if it has not been made and can be."""
    found = find(folder, model, dtype)
    if found is None and worth_compiling(model):
        made: list[CompiledStep] = []
        Compilation(folder, dtype, made.append).wait()
        found = made[0] if made else None
    return found


class Compilation:
    """Makes the compiled step in the background, in a process of the lowest priority, and hands it over.

    What goes wrong is logged and costs speed, nothing else.
    """

    def __init__(self, folder: Path, dtype: torch.dtype, take: Callable[[CompiledStep], None]) -> None:
        self._folder, self._dtype, self._take = folder, dtype, take
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="compile-step", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up what is not done, and wait until nothing of it runs; harmless when it is done."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.kill()
        self._thread.join()

    def wait(self) -> None:
        """Until it has been made or has failed."""
        self._thread.join()

    def _run(self) -> None:
        if not has_compiler():
            logger.info("no C++ compiler is here (g++ or clang++), so steps stay slower than they could be")
            return
        began = time.monotonic()
        try:
            place = place_of(self._folder, self._dtype)
            self._make(place)
            if not self._stopped:
                self._take(CompiledStep(place))
                logger.info(
                    "the step of %s was compiled for this processor in %.0f s; from the next start on more live "
                    "streams are let in",
                    self._folder.name,
                    time.monotonic() - began,
                )
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            if not self._stopped:
                logger.warning("the step of %s could not be compiled and stays slower: %s", self._folder.name, error)

    def _make(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="new-") as new:
            out = Path(new) / "step"
            arguments = [str(self._folder), "--dtype", str(self._dtype).removeprefix("torch."), "--out", str(out)]
            with self._lock:
                if self._stopped:
                    return
                self._process = subprocess.Popen(
                    [sys.executable, *COMMAND, *arguments, *YIELDING],
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                )  # fmt: skip
            with self._process as process:
                try:
                    _, errors = process.communicate(timeout=MOST_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
            if process.returncode:
                raise RuntimeError(errors.strip().rpartition("\n")[2] or f"it ended with status {process.returncode}")
            if not place.exists():  # else another process was as quick
                out.replace(place)
        kept = [path for path in place.parent.iterdir() if not path.name.startswith("new-")]
        for old in sorted(kept, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def worth_compiling(model: VoxtralRealtimeConfig) -> bool:
    """Whether both rings are short enough to be read whole, as the compiled step does."""
    return max(model.encoder.sliding_window + ENCODER_FRAMES_PER_TOKEN, model.decoder.sliding_window) <= SHORT


def place_of(folder: Path, dtype: torch.dtype) -> Path:
    """Where the machine code lies; its name is what the code depends on: weights, torch, processor, type, sources."""
    machine = f"{torch.backends.cpu.get_cpu_capability()} {_processor()}"
    digest = hashlib.sha256(f"{torch.__version__} {machine} {dtype}".encode())
    sources = [Path(__file__), Path(kv_cache.__file__), Path(step.__file__)]
    sources += sorted(Path(checkpoint.__file__).parent.glob("*.py"))
    for path in (*sources, *checkpoint.weight_files(folder), *sorted(folder.glob("*.json"))):
        digest.update(path.read_bytes())
    return platformdirs.user_cache_path(config.APP) / "compiled" / digest.hexdigest()[:32]


def has_compiler() -> bool:
    """Whether a C++ compiler is here, as torch looks for it."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        return shutil.which(get_cpp_compiler()) is not None
    except InvalidCxxCompiler:
        return False


def _processor() -> str:
    """Which instructions there are: code made for one processor of a shared home directory must not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", errors="replace").splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        import platform

        return platform.processor() or platform.machine()


# ----------------------------------------------------------------------------------------------------- compiling


class _Encode(nn.Module):
    """`encode_step` with all it changes among its arguments, as the compiler wants it."""

    def __init__(self, model: VoxtralRealtime, rings: RingCache) -> None:
        super().__init__()
        self.model, self._rings = model, rings

    def forward(
        self,
        keys: list[Tensor],
        values: list[Tensor],
        mel: Tensor,
        hidden: Tensor,
        slots: Tensor,
        starts: Tensor,
        bias: Tensor,
        samples: Tensor,
        cos: Tensor,
        sin: Tensor,
    ) -> Tensor:
        kv = GatheredSteps(self._rings.over(keys, values), slots, starts, bias)
        return encode_step(self.model, StemState(mel, hidden), slots, samples, _rotary(cos, sin, mel), kv)


class _Decode(nn.Module):
    """`decode_step` in the same way."""

    def __init__(self, model: VoxtralRealtime, rings: RingCache, pad: int) -> None:
        super().__init__()
        self.model, self._rings, self._pad = model, rings, pad

    def forward(
        self,
        keys: list[Tensor],
        values: list[Tensor],
        slots: Tensor,
        starts: Tensor,
        bias: Tensor,
        audio: Tensor,
        tokens: Tensor,
        scales: Tensor,
        penalties: Tensor,
        cos: Tensor,
        sin: Tensor,
    ) -> tuple[Tensor, Tensor]:
        kv = GatheredSteps(self._rings.over(keys, values), slots, starts, bias)
        return decode_step(self.model, self._pad, audio, tokens, scales, penalties, _rotary(cos, sin, audio), kv)


def _rotary(cos: Tensor, sin: Tensor, like: Tensor) -> Rotary:
    return Rotary(cos.to(like.dtype), sin.to(like.dtype))


@torch.no_grad()
def compile_step(folder: Path, dtype: torch.dtype, out: Path) -> None:
    """Compile both halves of a checkpoint's step into a new folder, for any number of slots and rows."""
    import torch._inductor.config as inductor

    inductor.freezing = True  # the weights go into the library, laid out as oneDNN reads them
    inductor.memory_planning = True  # one block of memory a call: half of a large step went to page faults before
    model = checkpoint.load(folder, dtype=dtype)
    rows, slots = 8, 9  # examples; 0 and 1 would be taken for constants
    starts, index = torch.full((rows,), 400), torch.arange(rows)
    first = ENCODER_FRAMES_PER_TOKEN * starts
    frames = first[:, None] + torch.arange(ENCODER_FRAMES_PER_TOKEN)
    size = model.config.decoder.hidden_size
    rings = encoder_rings(model, slots)
    stem = model.encoder.stem.initial_state(slots, model.decoder.embedding.weight)
    samples = torch.zeros(rows, SAMPLES_PER_STEP)
    _package(
        _Encode(model, rings), out / "encode.pt2", (rings.keys, rings.values, *stem),
        (index, first, rings.bias(first.numpy()), samples, *model.encoder.angles(frames, torch.float32)),
    )  # fmt: skip
    rings = decoder_rings(model, slots)
    scales = model.decoder.delay_scales(torch.full((rows,), 6))
    audio, angles = torch.zeros(rows, size, dtype=dtype), model.decoder.angles(starts[:, None], torch.float32)
    _package(
        _Decode(model, rings, Tokenizer.from_folder(folder).pad), out / "decode.pt2", (rings.keys, rings.values),
        (index, starts, rings.bias(starts.numpy()), audio, torch.zeros(rows, dtype=torch.int64), scales,
         torch.zeros(rows), *angles),
    )  # fmt: skip


def _package(module: nn.Module, path: Path, by_slot: tuple[Any, ...], by_row: tuple[Tensor, ...]) -> None:
    slots, rows = torch.export.Dim("slots", min=2), torch.export.Dim("rows", min=1, max=MOST_ROWS)
    sizes = [[{0: slots}] * len(given) if isinstance(given, list) else {0: slots} for given in by_slot]
    exported = torch.export.export(
        module.eval(), (*by_slot, *by_row), dynamic_shapes=(*sizes, *[{0: rows}] * len(by_row))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    torch._inductor.aoti_compile_and_package(exported, package_path=str(path))


def main() -> None:
    """Read the command line and compile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--yield", action="store_true", dest="yields", help="to everything else that runs")
    options = parser.parse_args()
    if options.yields:
        os.nice(19)
    torch.set_num_threads(1)
    compile_step(options.folder, getattr(torch, options.dtype), options.out)


if __name__ == "__main__":
    main()
