"""How fast recordings are transcribed, and in how much memory, beside what others make of the same checkpoint.

    OMP_NUM_THREADS=1 python -m benchmarks.files
    OMP_NUM_THREADS=1 python -m benchmarks.files --clips FOLDER --minutes 120 --rounds 3 --json files.json

Every figure is of one thread of torch or CTranslate2, and all hear `--batch` pieces at once, or one by one where it
says so. In each round all contenders run one after the other, so that a disturbance of the machine hits all of them;
the table shows the best round of each, by CPU time, which a busy machine changes less than the clock. Ours is what
`voxtral transcribe` does, the whole way from WAVs to finished segments: decoding, voice activity, cutting, joining.
faster-whisper's own pipeline (`BatchedInferencePipeline`, voice activity filter, word times) does all of it too, one
file after the other. transformers (`generate` on whole clips, greedy) is handed samples in memory and spends nothing on
any of these; it hears 16 of the clips, and `--peer-minutes` of the long file in pieces of 30 s: its speed depends on
neither. Memory is of the whole process, in which the peers' models are loaded too: when a tenth has been heard, and at
its peak.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from tests.tiny_whisper import write_whisper
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.decode import read
from voxtral_service.audio.write import write_wav
from voxtral_service.cli.batch import Batch, Engines, Job
from voxtral_service.cli.inputs import Input
from voxtral_service.cli.recording import Recording
from voxtral_service.engine import loading
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.engine.registry import InstalledModel, Registry
from voxtral_service.voxtral import checkpoint

ROOT = Path(__file__).parents[1]
TOKEN = 1280
"""Samples of one token of Voxtral Realtime."""
PADDED = 32 + 6 + 1 + 10
"""Tokens of padding that every clip costs, ours and theirs alike."""
PIECE = 30 * SAMPLE_RATE
Runs = dict[str, Callable[[], tuple[float, float, float]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One contender: seconds of audio, of CPU time and on the clock for them, megabytes resident early and at most."""

    what: str
    audio: float
    cpu: float
    clock: float
    early_mb: float = 0.0
    peak_mb: float = 0.0

    @property
    def speed(self) -> float:
        """Seconds of audio a second of CPU time."""
        return self.audio / self.cpu


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def ours(engine: Engine, files: Sequence[Path], batch: int, workers: int) -> tuple[float, float, float]:
    """Transcribe files; seconds of audio, and megabytes after a tenth of it and at most."""
    options = StreamOptions(language="en", bulk=True)
    jobs = [Job(Recording(Input(file.name, file, file)), options) for file in files]
    total = sum(file.stat().st_size for file in files) / 2 / SAMPLE_RATE
    early = peak = 0.0

    async def watch() -> None:
        nonlocal early, peak
        while True:
            peak = max(peak, resident_mb())
            if not early and sum(job.seconds for job in jobs) > total / 10:
                early = peak
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    work = Batch(Engines(engine), jobs, batch, workers=workers, ended=lambda _: None)
    async with work:
        await work.wait()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert not any(job.error for job in jobs)
    return sum(job.seconds for job in jobs), early, peak


def timed(what: str, run: Callable[[], tuple[float, float, float]]) -> Row:
    """A row of the table."""
    clock, cpu = time.perf_counter(), time.process_time()
    audio, early, peak = run()
    return Row(what, audio, time.process_time() - cpu, time.perf_counter() - clock, early, peak)


class Transformers:
    """Stock transformers over the same checkpoint."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from transformers import AutoProcessor, VoxtralRealtimeForConditionalGeneration
            from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self._model: Any = VoxtralRealtimeForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self._extract = AutoProcessor.from_pretrained(folder).feature_extractor

    def hear(self, clips: Sequence[Samples], batch: int) -> tuple[float, float, float]:
        """Generate over clips of much the same length, so many at once."""
        ordered = sorted(clips, key=len)
        for at in range(0, len(ordered), batch):
            self._generate(ordered[at : at + batch])
        return sum(map(len, clips)) / SAMPLE_RATE, 0.0, resident_mb()

    def _generate(self, clips: Sequence[Samples]) -> None:
        tokens = -(-max(map(len, clips)) // TOKEN) + PADDED
        padded = np.zeros((len(clips), tokens * TOKEN), np.float32)
        for row, clip in zip(padded, clips, strict=True):
            row[32 * TOKEN :][: len(clip)] = clip
        features = self._extract(list(padded), sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        self._model.generate(
            input_ids=torch.tensor([[1] + [32] * 38] * len(clips)),
            input_features=features[..., : tokens * 8],
            num_delay_tokens=6,
            do_sample=False,
            eos_token_id=None,
            max_new_tokens=tokens - 39,
        )


class FasterWhisper:
    """faster-whisper's own pipeline."""

    def __init__(self, folder: Path) -> None:
        import faster_whisper

        model = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)
        self._pipeline = faster_whisper.BatchedInferencePipeline(model)

    def hear(self, files: Iterable[Path], batch: int) -> tuple[float, float, float]:
        """Files one after the other, so many windows at once."""
        seconds = 0.0
        for file in files:
            options: dict[str, Any] = {
                "batch_size": batch,
                "language": "en",
                "vad_filter": True,
                "word_timestamps": True,
            }
            segments, info = self._pipeline.transcribe(str(file), **options)
            list(segments)
            seconds += info.duration
        return seconds, 0.0, resident_mb()


def floor(folder: Path) -> float:
    """Seconds of audio a second that one thread could compute at most: every product of the network, at full speed."""
    model = checkpoint.load(folder, dtype=torch.float32)
    rooms = {name: sum(p.numel() for p in getattr(model, name).parameters()) for name in ("encoder", "decoder")}
    operations = 2 * (4 * rooms["encoder"] + rooms["decoder"] + sum(p.numel() for p in model.adapter.parameters()))
    return 0.08 / float(operations / machine.measure().flops[torch.float32])


def join(clips: Sequence[Samples], minutes: float) -> Samples:
    """One recording of so many minutes: the clips over and over with half a second between them, over faint noise.

    The noise is for the tiny Whisper, which ends at the first perfect silence.
    """
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    once = np.concatenate([part for clip in clips for part in (clip, pause)])
    once += 0.002 * np.random.default_rng(0).standard_normal(len(once)).astype(np.float32)
    length = round(minutes * 60 * SAMPLE_RATE)
    return np.tile(once, -(-length // len(once)))[:length]


def contenders(folder: Path, model: InstalledModel, clips: Sequence[Samples], options: argparse.Namespace) -> Runs:
    """What is to be timed, by name; sounds and models are made and loaded here."""
    files = [folder / f"{number:04}.wav" for number in range(options.count)]
    for file, clip in zip(files, cycle(clips), strict=False):
        write_wav(file, clip)
    long, short = folder / "long.wav", folder / "short.wav"
    write_wav(long, join(clips, options.minutes))
    write_wav(short, join(clips, options.peer_minutes))
    whole = read(short)
    pieces = [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]
    singles = [clip for _, clip in zip(files, cycle(clips), strict=False)][:: max(1, options.count // 16)]
    write_whisper(folder / "models" / "whisper")
    batch = options.batch
    start = partial(loading.load, device=torch.device("cpu"), dtype="float32", slots=batch)
    engine, whisper = start(model), start(Registry(folder / "models").find("whisper"))
    theirs, pipeline = Transformers(model.folder), FasterWhisper(folder / "models" / "whisper")
    minutes = f"{options.minutes:g} min"
    return {
        "folder, 1 worker": lambda: asyncio.run(ours(engine, files, batch, 1)),
        "folder, 2 workers": lambda: asyncio.run(ours(engine, files, batch, 2)),
        "folder, transformers, one by one": partial(theirs.hear, singles, 1),
        f"folder, transformers, {batch} at once": partial(theirs.hear, singles, batch),
        f"{minutes}, 1 worker": lambda: asyncio.run(ours(engine, [long], batch, 1)),
        f"{minutes} twice, 2 workers": lambda: asyncio.run(ours(engine, [long, long], batch, 2)),
        "30 s pieces, transformers, one by one": partial(theirs.hear, pieces, 1),
        f"30 s pieces, transformers, {batch} at once": partial(theirs.hear, pieces, batch),
        "Whisper, folder, 1 worker": lambda: asyncio.run(ours(whisper, files, batch, 1)),
        "Whisper, folder, 2 workers": lambda: asyncio.run(ours(whisper, files, batch, 2)),
        "Whisper, folder, faster-whisper's pipeline": lambda: pipeline.hear(files, batch),
        f"Whisper, {minutes}, 1 worker": lambda: asyncio.run(ours(whisper, [long], batch, 1)),
        f"Whisper, {minutes}, faster-whisper's pipeline": lambda: pipeline.hear([long], batch),
    }


def measure(model: InstalledModel, clips: Sequence[Path], options: argparse.Namespace) -> list[Row]:
    """The best round of each contender."""
    best: dict[str, Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = contenders(Path(folder), model, [read(clip) for clip in clips], options)
        for _ in range(options.rounds):
            for what, run in runs.items():
                if any(part in what for part in options.only):
                    row = timed(what, run)
                    Console(stderr=True).print(f"{what}: {row.speed:.1f} ({row.clock:.0f} s)")
                    best[what] = min(best.get(what, row), row, key=lambda row: row.cpu / row.audio)
    return list(best.values())


def show(rows: Sequence[Row], limit: float) -> None:
    """Print the table; ratios are to the peers that were handed the same kind of sound, one or as many at once."""
    table = Table(title=f"files, one thread, float32; floor: {limit:.0f} s/s", caption=machine.name())
    ratios = ("x one by one", "x as many")
    for column in ("what", "s/s of CPU", "s/s on the clock", *ratios, "MB at a tenth", "MB at most"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for row in rows:
        peers = [other for other in rows if _is_peer(other.what) and _kind(other.what) == _kind(row.what)]
        times = {True: "", False: ""}
        for peer in () if _is_peer(row.what) else peers:
            times[peer.what.endswith("one by one")] = f"{row.speed / peer.speed:.2f}"
        memory = (f"{row.early_mb:.0f}", f"{row.peak_mb:.0f}") if row.early_mb else ("", "")
        table.add_row(row.what, f"{row.speed:.1f}", f"{row.audio / row.clock:.1f}", *times.values(), *memory)
    Console(width=120).print(table)


def _is_peer(what: str) -> bool:
    return "transformers" in what or "pipeline" in what


def _kind(what: str) -> str:
    """What can be compared: the same model over the same length of sound."""
    return f"{'Whisper' * ('Whisper' in what)} {'folder' * ('folder' in what)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="wren-en", help="a Voxtral Realtime model (default: wren-en)")
    parser.add_argument("--clips", type=Path, default=ROOT / "models" / "wren-en", help="folder of WAV clips")
    parser.add_argument("--batch", type=int, default=8, help="pieces heard at once (default 8)")
    parser.add_argument("--count", type=int, default=64, help="files in the folder (default 64)")
    parser.add_argument("--minutes", type=float, default=120.0, help="length of the long file (default 120)")
    parser.add_argument("--peer-minutes", type=float, default=4.0, help="how much the peers hear (default 4)")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[""], help="only contenders with one of these in their names")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = Registry(Path("none")).find(options.model)
    rows = measure(model, sorted(options.clips.glob("*.wav")), options)
    show(rows, floor(model.folder))
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit(), "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
