"""Wyoming's own client is spoken to, by real eSpeak NG, on the port that also understands speech."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.server.conftest import Running, running
from tests.wire.wyoming_client import (
    AsyncTcpClient,
    AudioChunk,
    AudioStart,
    AudioStop,
    Describe,
    Error,
    Info,
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
    Transcribe,
)
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.wire.wyoming_speech import LONGEST

TEXT = "It is nine in the evening. The answer is 391."


async def heard(server: Running, events: Sequence[Any], *, until: str = "audio-stop") -> tuple[list[str], np.ndarray]:
    """The types of what comes back, in order and once each in a row, and the sound."""
    kinds: list[str] = []
    sound = b""
    async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client, asyncio.timeout(60):
        for event in events:
            await client.write_event(event.event())
        while (event := await client.read_event()) is not None:
            if not kinds or kinds[-1] != event.type:
                kinds.append(event.type)
            if AudioStart.is_type(event.type):
                assert AudioStart.from_event(event) == AudioStart(rate=24_000, width=2, channels=1)
            elif AudioChunk.is_type(event.type):
                sound += AudioChunk.from_event(event).audio
            elif event.type in (until, "error"):
                if Error.is_type(event.type):
                    kinds.append(Error.from_event(event).text)
                break
    return kinds, np.frombuffer(sound, "<i2")


async def test_it_says_what_voices_there_are() -> None:
    async with running(speech=Espeak()) as server:
        async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
        assert event is not None
        info = Info.from_event(event)
    assert info.asr
    (program,) = info.tts
    assert program.installed
    assert program.supports_synthesize_streaming
    assert program.voices[0].name == "en-us"
    assert {voice.languages[0] for voice in program.voices} >= {"en-US", "de", "fr-FR"}


async def test_a_text_is_spoken() -> None:
    async with running(speech=Espeak()) as server:
        kinds, sound = await heard(server, [Synthesize(TEXT)])
        _, german = await heard(server, [Synthesize(TEXT, voice=SynthesizeVoice(name="de"))])
        _, french = await heard(server, [Synthesize(TEXT, voice=SynthesizeVoice(language="fr-FR"))])
        empty, silence = await heard(server, [Synthesize(" ")])
    assert kinds == ["audio-start", "audio-chunk", "audio-stop"]
    assert 2 < len(sound) / 24_000 < 8
    assert np.abs(sound).max() > 2_000
    assert len({len(sound), len(german), len(french)}) == 3
    assert (empty, len(silence)) == (["audio-start", "audio-stop"], 0)


async def test_a_text_is_spoken_while_it_is_written_and_not_twice() -> None:
    async with running(speech=Espeak()) as server:
        _, whole = await heard(server, [Synthesize(TEXT)])
        chunks = [SynthesizeChunk(TEXT[first : first + 7]) for first in range(0, len(TEXT), 7)]
        asked = [SynthesizeStart(), *chunks, Synthesize(TEXT), SynthesizeStop()]
        kinds, sound = await heard(server, asked, until="synthesize-stopped")
        assert kinds == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]
        assert len(sound) == pytest.approx(len(whole), rel=0.1)
        # The first sentence is heard before the text has an end.
        async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client, asyncio.timeout(60):
            for event in (SynthesizeStart(), SynthesizeChunk(TEXT)):
                await client.write_event(event.event())
            first = await client.read_event()
            assert first is not None
            assert AudioStart.is_type(first.type)
            await client.write_event(SynthesizeStop().event())
            while first is not None and not SynthesizeStopped.is_type(first.type):
                first = await client.read_event()
            assert first is not None


async def test_one_connection_speaks_and_understands() -> None:
    async with (
        running(speech=Espeak()) as server,
        AsyncTcpClient("127.0.0.1", server.wyoming_port) as client,
        asyncio.timeout(60),
    ):
        for event in (
            Synthesize("Yes."),
            Transcribe(language="en"),
            AudioStart(rate=16_000, width=2, channels=1),
            AudioChunk(rate=16_000, width=2, channels=1, audio=b"\0\0" * 16_000),
            AudioStop(),
        ):
            await client.write_event(event.event())
        waited = {"audio-stop", "transcript"}
        while waited:
            read = await client.read_event()
            assert read is not None
            waited.discard(read.type)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([Synthesize("Hello.", voice=SynthesizeVoice(name="nobody"))], "there is no voice 'nobody'"),
        ([Synthesize("Hello.", voice=SynthesizeVoice(language="tlh"))], "no voice for the language"),
        ([Synthesize("<speak/>", text_format="ssml")], "text_format"),
        ([Synthesize("x" * (LONGEST + 1))], "16384 characters"),
        ([SynthesizeStart(), SynthesizeStart()], "already"),
        ([SynthesizeChunk("Hello.")], "synthesize-start"),
    ],
)
async def test_what_is_not_spoken(events: list[Any], said: str) -> None:
    async with running(speech=Espeak()) as server:
        kinds, sound = await heard(server, events)
        assert said in kinds[-1]
        assert not len(sound)
        assert server.state.seats.busy == 0


async def test_where_nothing_speaks() -> None:
    async with running() as server:
        kinds, _ = await heard(server, [Synthesize(TEXT)])
    assert "no speech is installed" in kinds[-1]


async def test_a_client_that_goes_away_ends_its_speech() -> None:
    async with running(speech=Espeak()) as server:
        async with AsyncTcpClient("127.0.0.1", server.wyoming_port) as client:
            await client.write_event(Synthesize(TEXT * 300).event())
            assert await client.read_event() is not None
        async with asyncio.timeout(30):
            while server.state.seats.busy:
                await asyncio.sleep(0.01)
        kinds, _ = await heard(server, [Synthesize("Yes.")])
        assert kinds[-1] == "audio-stop"
