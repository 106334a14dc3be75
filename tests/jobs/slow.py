"""An engine that takes its time, and recordings whose loudness it spells."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tests.fakes import SpellingEngine
from voxtral_service.audio.decode import AudioReader, read
from voxtral_service.audio.write import write_wav
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.files import transcribe_file
from voxtral_service.errors import VoxtralError
from voxtral_service.events import TranscriptSegment

SAMPLE = Path(__file__).parents[2] / "models" / "wren-en" / "sample.wav"
SECONDS = 8.95


class Brake(asyncio.Event):
    """Holds every stream back before it ends: raises one of the engine's faults, waits for its gate, then a while."""

    def __init__(self, engine: SlowEngine) -> None:
        super().__init__()
        self._engine = engine

    async def wait(self) -> Literal[True]:
        if self._engine.faults:
            fault, *rest = self._engine.faults
            self._engine.faults = tuple(rest)
            raise fault
        if self._engine.gate is not None:
            await self._engine.gate.wait()
        await asyncio.sleep(self._engine.pause)
        return True


@dataclass
class SlowEngine(SpellingEngine):
    """Takes `pause` seconds for each segment; `gate`, where there is one, holds every segment back until it is set.

    Each of `faults` is raised once, by the first streams.
    """

    pause: float = 0.0
    gate: asyncio.Event | None = None
    faults: tuple[VoxtralError, ...] = ()

    def __post_init__(self) -> None:
        self.capabilities = Capabilities(live=True, longest_segment=3.0)
        self.hold = Brake(self)


def write_talk(path: Path, *, gain: float = 1.0, copies: int = 1) -> None:
    """Some nine seconds of speech, as often as is wanted; each loudness makes another text."""
    sound = read(SAMPLE) * gain
    write_wav(path, np.tile(sound, copies).astype(np.float32))


async def heard(path: Path) -> list[TranscriptSegment]:
    """What comes of a recording in English that nothing interrupts."""
    with AudioReader(path) as reader:
        events = transcribe_file(SlowEngine(), reader, StreamOptions(bulk=True, language="en"), lanes=2)
        return [event async for event in events if isinstance(event, TranscriptSegment)]
