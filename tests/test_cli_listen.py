"""`voxtral listen`: sound to captions, in this process and at a server."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests import tiny
from tests.fakes import LoudnessActivity, SpellingEngine
from tests.server.conftest import running
from voxtral_service.audio import Samples
from voxtral_service.audio.write import write_wav
from voxtral_service.cli import hearing, remote
from voxtral_service.cli.app import app
from voxtral_service.cli.captions import Captions
from voxtral_service.cli.microphone import Microphone
from voxtral_service.cli.screen import Screen
from voxtral_service.errors import CallerError, InvalidOption, Overloaded, Unauthorized, UpstreamError
from voxtral_service.events import (
    SessionEvent,
    SessionSettings,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnStarted,
    Word,
)
from voxtral_service.server.keys import ApiKey, hashed

VOXTRAL = Path(sys.executable).with_name("voxtral")


def level(percent: int, seconds: float) -> Samples:
    return np.full(round(16_000 * seconds), percent / 100, np.float32)


TALK = np.concatenate((level(20, 1.0), level(0, 1.0), level(40, 0.6)))
"""Two turns; the second is still open when the sound ends."""


class Played:
    """A sound that is there at once."""

    def __init__(self, samples: Samples) -> None:
        self._blocks = iter(np.array_split(samples, max(1, len(samples) // 1280)))
        self.stopped = False

    def __next__(self) -> Samples:
        if self.stopped:
            raise StopIteration
        return next(self._blocks)

    def stop(self) -> None:
        self.stopped = True


async def finals(events: AsyncGenerator[SessionEvent]) -> list[TranscriptFinal]:
    return [event async for event in events if isinstance(event, TranscriptFinal)]


def here(samples: Samples) -> AsyncGenerator[SessionEvent]:
    return hearing.hear(SpellingEngine(), LoudnessActivity, SessionSettings(), Played(samples))


# -- sound to events


async def test_a_server_hears_what_this_process_hears() -> None:
    local = await finals(here(TALK))
    async with running() as server:
        distant = await finals(remote.hear(remote.address(server.ws), None, "en", Played(TALK)))
    assert [final.turn for final in local] == [1, 2]
    assert "20" in local[0].text
    assert local[1].text.split()[-5:] == ["40"] * 5
    assert [final.text for final in distant] == [final.text for final in local]
    assert [final.start for final in distant] == pytest.approx([final.start for final in local], abs=0.01)
    assert [final.words for final in distant] == [final.words for final in local]
    assert all(final.words for final in local)


async def test_silence_ends_without_a_turn() -> None:
    async with running() as server:
        assert await finals(remote.hear(remote.address(server.ws), None, None, Played(level(0, 0.5)))) == []
        assert await finals(remote.hear(remote.address(server.ws), None, None, Played(level(0, 0)))) == []
    assert await finals(here(level(0, 0.5))) == []


async def test_a_server_that_is_full_or_wants_a_key_says_so() -> None:
    async with running(keys=(ApiKey("someone", hashed("sk-right")),)) as server:
        with pytest.raises(Unauthorized, match="--key"):
            await finals(remote.hear(remote.address(server.ws), "sk-wrong", None, Played(TALK)))
        assert await finals(remote.hear(remote.address(server.ws), "sk-right", None, Played(TALK)))
    async with running(places=0) as server:
        with pytest.raises(Overloaded, match="places"):
            await finals(remote.hear(remote.address(server.ws), None, None, Played(TALK)))
    with pytest.raises(UpstreamError, match="does a server listen there"):
        await finals(remote.hear(remote.address(server.ws), None, None, Played(TALK)))


async def test_a_server_that_goes_away_is_told_of() -> None:
    async with running() as server:
        events = remote.hear(remote.address(server.ws), None, None, Played(np.tile(TALK, 200)))
        await anext(events)
        [session] = server.state.open
        await session.stop()
        with pytest.raises(UpstreamError, match="ended the session"):
            await finals(events)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("ws://host:8000", "ws://host:8000/v1/realtime?intent=transcription"),
        ("https://host/v1/", "wss://host/v1/realtime?intent=transcription"),
        ("wss://host/speech?x=1", "wss://host/speech?x=1&intent=transcription"),
    ],
)
def test_addresses(named: str, meant: str) -> None:
    assert remote.address(named) == meant


@pytest.mark.parametrize("named", ["host:8000", "ftp://host", "8000", ""])
def test_what_is_no_address(named: str) -> None:
    with pytest.raises(InvalidOption, match="ws://HOST:PORT"):
        remote.address(named)


# -- events to captions


def captions(*events: SessionEvent, times: bool = False) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    with Screen(out, err, quiet=True) as screen:
        shown = Captions(screen, times=times)
        for event in events:
            shown.show(event)
    return out.getvalue(), err.getvalue()


def test_a_line_for_every_turn_and_none_for_silence() -> None:
    out, err = captions(
        TurnStarted(1, 0.5),
        TranscriptDelta(1, " good"),
        TurnStarted(2, 3.0),  # before the first is written down
        TranscriptDelta(1, " morning"),
        TranscriptFinal(1, " good morning", (), 0.5, 1.5),
        TranscriptFinal(2, "", (), 3.0, 3.5),
        TranscriptDelta(3, "bye"),
        TranscriptFinal(3, "bye", (), 4.0, 5.0),
    )
    assert out == "good morning\nbye\n"
    assert not err


def test_times_of_turns_and_words() -> None:
    words = (Word("good", 63.5, 63.75), Word("morning", 63.8, 64.0))
    out, _ = captions(
        TurnStarted(1, 63.25),
        TranscriptDelta(1, "good morning"),
        TranscriptFinal(1, "good morning", words, 63.25, 65.0),
        times=True,
    )
    assert out == "[01:03.2] good morning\n     63.50    63.75  good\n     63.80    64.00  morning\n"


def test_a_turn_that_failed_is_told_of_on_standard_error() -> None:
    out, err = captions(TurnStarted(1, 0.0), TranscriptDelta(1, "good"), TranscriptFailed(1, "engine", "it broke"))
    assert (out, err) == ("good\n", "error: it broke\n")


# -- the command


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    write_wav(tmp_path / "talk.wav", np.concatenate((tiny.sound(1.0), level(0, 0.8))))
    return tmp_path / "talk.wav"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.write_model(tmp_path / "models" / "tiny", tiny.SHAPES["small"])
    monkeypatch.setenv("VOXTRAL_MODELS_DIR", str(tmp_path / "models"))
    # Tones are no speech to the real one.
    monkeypatch.setattr("voxtral_service.session.vad.VoiceActivity", lambda _: LoudnessActivity())
    return tmp_path / "models"


@pytest.mark.usefixtures("models")
def test_a_file_with_an_engine_in_this_process(talk: Path) -> None:
    result = CliRunner().invoke(app, ["listen", "--file", str(talk), "--model", "tiny", "--times"])
    assert result.exit_code == 0, result.stderr
    heading, *words = result.stdout.splitlines()
    assert heading.startswith("[00:00.")
    assert words
    assert "Ctrl-C ends" in result.stderr


async def test_an_interrupt_finishes_what_was_said(tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", level(20, 60.0))
    async with running() as server:
        arguments = ["listen", "--file", str(tmp_path / "long.wav"), "--server", server.ws]
        process = await asyncio.create_subprocess_exec(
            VOXTRAL, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ}
        )
        assert process.stdout
        begun = await process.stdout.readexactly(2)
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()
    assert begun + rest == b" ".join([b"20"] * len((begun + rest).split())) + b"\n"
    assert errors.splitlines()[-1] == b"interrupted"
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "no such.wav"], "no such.wav"),
        (["--server", "ws://127.0.0.1:1", "--model", "tiny"], "for the server to set"),
        (["--file", "a.wav", "--microphone", "USB"], "exclude each other"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["listen", *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


# -- the microphone


class FakePortAudio:
    """Stands in for sounddevice: a device of 48 kHz that hears a constant level."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.closed = False

    def check_input_settings(self, *_: object, **__: object) -> None:
        raise self.PortAudioError("Invalid sample rate")

    def query_devices(self, *_: object) -> dict[str, float]:
        if self.broken:
            raise ValueError("No input device matching 'USB'")
        return {"default_samplerate": 48_000.0}

    def InputStream(self, *, callback: Any, blocksize: int, **_: object) -> Any:  # noqa: N802
        def start() -> None:
            for _ in range(5):
                callback(np.full((blocksize, 1), 0.2, np.float32), blocksize, None, None)

        return SimpleNamespace(start=start, close=lambda: setattr(self, "closed", True))


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_a_stopped_microphone_still_gives_what_it_had_heard(portaudio: FakePortAudio) -> None:
    with Microphone("USB") as microphone:
        first = next(microphone)
        microphone.stop()
        sound = np.concatenate([first, *microphone])
    assert portaudio.closed
    assert 0.25 < len(sound) / 16_000 <= 0.4  # the resampler's filter still holds a little
    assert microphone.warnings == ()


def test_a_microphone_that_is_not_there(portaudio: FakePortAudio) -> None:
    portaudio.broken = True
    with pytest.raises(InvalidOption, match="python -m sounddevice"):
        next(Microphone("USB"))


def test_no_sounddevice_and_no_portaudio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(CallerError, match=r"pip install 'voxtral-service\[microphone\]'"):
        Microphone()
    monkeypatch.delitem(sys.modules, "sounddevice")
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CallerError, match="apt install libportaudio2"):
        Microphone()
