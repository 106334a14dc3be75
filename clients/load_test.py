"""How a live transcription server holds up: many paced streams of real clips at once.

    python -m clients.load_test --streams 20
    python -m clients.load_test --streams 50 --seconds 120 --dialect mistral recordings/
    python -m clients.load_test --url ws://127.0.0.1:9000 --json load.json talk.wav

Each clip is played alone first; that transcript is the one that all streams must give. Then the streams start one after
another, each a speaker who says a clip, pauses, says the next, and never waits for the server.

First word: from the end of the first word to the first text, if a file CLIP.json beside a clip tells where that is
(`voxtral transcribe --format json` writes such files); else from the first sample. Final: from the end of the clip to
its final text. Growth: how much later the finals of the last third of the run are than those of the first, in the
median. Exit status: 0 if all streams gave the right text without errors, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console
from rich.table import Table

from clients.live_dialects import DIALECTS, SAMPLE_RATE, Dialect
from clients.live_streams import Clip, Pace, StreamLog, Utterance, run_stream, run_streams
from voxtral_service.audio.decode import AudioReader
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.errors import InvalidAudio

SAMPLE = Path(__file__).parents[1] / "models" / "wren-en" / "sample.wav"
MOST_STREAMS, LONGEST = 1000, 3600.0
"""What a mistyped number must not exceed."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SHARES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run; seconds."""

    streams: int
    utterances: int
    first_word: dict[str, float]
    final: dict[str, float]
    growth: float | None
    errors: tuple[str, ...]
    refused: int
    different: tuple[str, ...]
    """Transcripts that are not the one-stream transcript."""

    @property
    def clean(self) -> bool:
        """Whether every stream was served, without errors and with the right text."""
        return not (self.errors or self.refused or self.different)


def load(clips: Sequence[Path]) -> list[Clip]:
    """The recordings, folders of them searched. Raises InvalidAudio."""
    files = [file for path in clips for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [_load(file) for file in files if file.suffix != ".json" and not file.is_dir()]


def _load(path: Path) -> Clip:
    with AudioReader(path, sample_rate=SAMPLE_RATE) as reader:
        samples = np.concatenate(list(reader))
    words = path.with_suffix(".json")
    known = json.loads(words.read_text("utf-8"))["words"] if words.exists() else []
    return Clip(path.name, encode_s16le(samples), known[0]["end"] if known else None)


async def measure(
    url: str, dialect: Dialect, clips: Sequence[Clip], count: int, pace: Pace, *, key: str | None = None
) -> Report:
    """Each clip alone, then all streams."""
    expected = await references(url, dialect, clips, key=key)
    ramp = min(pace.seconds / 2, clips[0].seconds + pace.pause)
    return report(await run_streams(url, dialect, clips, count, pace, key=key, ramp=ramp), expected)


async def references(url: str, dialect: Dialect, clips: Sequence[Clip], *, key: str | None = None) -> dict[str, str]:
    """The transcript of each clip when the server has nothing else to do. Raises ConnectionError without one."""
    texts = {}
    for clip in clips:
        log = await run_stream(url, dialect, [clip], Pace(0.0), key=key)
        if log.refused or log.errors:
            raise ConnectionError(f"{url}: {log.errors[0] if log.errors else 'all places are taken'}")
        texts[clip.name] = log.utterances[0].text
    return texts


def report(logs: Sequence[StreamLog], expected: dict[str, str]) -> Report:
    """The figures of so many streams."""
    said = [utterance for log in logs for utterance in log.utterances]
    finished = [utterance for utterance in said if utterance.final_text is not None]
    return Report(
        streams=len(logs),
        utterances=len(said),
        first_word=percentiles([lag for utterance in said if (lag := utterance.first_lag) is not None]),
        final=percentiles([lag for utterance in finished if (lag := utterance.final_lag) is not None]),
        growth=_growth(finished),
        errors=tuple(error for log in logs for error in log.errors),
        refused=sum(log.refused for log in logs),
        different=tuple(u.text for u in finished if u.text != expected[u.clip.name]),
    )


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99: of a few values the last two are the largest; nothing of nothing."""
    if not values:
        return {}
    return {f"p{share}": float(np.percentile(values, share, method="higher")) for share in SHARES}


def _growth(finished: Sequence[Utterance]) -> float | None:
    if len(finished) < 6:
        return None
    lags = [lag for u in sorted(finished, key=lambda u: u.ended) if (lag := u.final_lag) is not None]
    third = len(lags) // 3
    return median(lags[-third:]) - median(lags[:third])


def show(result: Report, title: str) -> None:
    """Print the table, and what went wrong below it."""
    console = Console()
    table = Table(title=title)
    for column in ("", *(f"p{share} ms" for share in SHARES)):
        table.add_column(column, justify="right" if column else "left")
    for name, values in (("first word", result.first_word), ("final", result.final)):
        table.add_row(name, *(f"{1e3 * value:.0f}" for value in values.values()) if values else ("no text",))
    console.print(table)
    growth = "too few finals to tell" if result.growth is None else f"{1e3 * result.growth:+.0f} ms"
    same = "all as with one stream" if not result.different else f"{len(result.different)} DIFFER from one stream"
    console.print(f"utterances: {result.utterances}; transcripts: {same}; growth: {growth}")
    console.print(f"errors: {len(result.errors)}; refused: {result.refused}")
    for error in sorted(set(result.errors))[:5]:
        console.print(f"  {error}", markup=False)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path, default=[SAMPLE], help="recordings and folders of them")
    parser.add_argument("--url", default="ws://127.0.0.1:8000", help="the server (default %(default)s)")
    parser.add_argument("--dialect", choices=DIALECTS, default="openai")
    parser.add_argument("--streams", "-n", type=int, default=5, help="(default %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each stream goes on (default 30)")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two clips (default %(default)s)")
    parser.add_argument("--key", default=os.environ.get("VOXTRAL_API_KEY"), help="default: VOXTRAL_API_KEY")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--allow-remote", action="store_true", help="the server is another machine, and may be loaded")
    chosen = parser.parse_args(arguments)
    if not 1 <= chosen.streams <= MOST_STREAMS:
        parser.error(f"--streams must be 1 to {MOST_STREAMS}")
    if not (0 <= chosen.seconds <= LONGEST and 0 <= chosen.pause <= LONGEST):
        parser.error(f"--seconds and --pause must be 0 to {LONGEST:g}")
    host = urlsplit(chosen.url).hostname
    if host not in LOOPBACK and not chosen.allow_remote:
        parser.error(f"{host} is another machine; --allow-remote if it is yours to load")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    chosen = options(arguments)
    pace = Pace(chosen.seconds, chosen.pause)
    try:
        clips = load(chosen.clips)
        result = asyncio.run(
            measure(chosen.url, DIALECTS[chosen.dialect](), clips, chosen.streams, pace, key=chosen.key)
        )
    except (InvalidAudio, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    show(result, f"{chosen.streams} live streams, {chosen.dialect}, {chosen.seconds:g} s")
    if chosen.json:
        told = {name: getattr(chosen, name) for name in ("url", "dialect", "seconds", "pause")}
        told["clips"] = [clip.name for clip in clips]
        chosen.json.write_text(json.dumps({**told, **asdict(result)}) + "\n")
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
