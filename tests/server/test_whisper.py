"""`voxtral serve` and `voxtral transcribe` with a Whisper model, as processes, over a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
import soundfile
import websockets
from numpy.typing import NDArray

from tests import tiny_whisper
from tests.server.test_run import command, free_port, until_up

SPEECH = Path(__file__).parents[2] / "models" / "wren-en" / "sample.wav"


def noisy_speech() -> NDArray[np.int16]:
    """Real speech, twice, without the perfect silences that the tiny model takes for the end."""
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    assert rate == 16_000
    samples = np.tile(samples, 2)
    noise = np.random.default_rng(0).normal(0, 60, len(samples))
    return (samples * 0.9 + noise).astype("<i2")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("home")
    tiny_whisper.write_whisper(folder / "models" / "whisper-tiny")
    (folder / "config.toml").touch()
    return {
        **os.environ,
        "VOXTRAL_CONFIG": str(folder / "config.toml"),
        "VOXTRAL_MODELS_DIR": str(folder / "models"),
    }


@pytest.fixture
def port(environment: dict[str, str], tmp_path: Path) -> Iterator[int]:
    port = free_port()
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command("--model", "whisper-tiny", "--port", str(port), "--max-streams", "2"), env=environment, stderr=log
        )
        try:
            yield port
        finally:
            process.terminate()
            assert process.wait(30) == 0, (tmp_path / "log").read_text()


async def test_live_text_comes_while_the_speaker_goes_on_and_files_are_heard(port: int, tmp_path: Path) -> None:
    await until_up(port)
    speech = noisy_speech()
    async with websockets.connect(f"ws://127.0.0.1:{port}/v1/realtime") as socket:

        async def say(**event: object) -> None:
            await socket.send(json.dumps(event))

        async def until(kind: str) -> str:
            while (event := json.loads(await socket.recv()))["type"] != kind:
                assert event["type"] != "error", event
            said: str = event.get("delta") or event.get("text") or ""
            return said

        await until("session.created")
        await say(type="session.update", model="whisper-tiny")
        await say(type="input_audio_buffer.commit")
        delta = asyncio.create_task(until("transcription.delta"))
        for second in range(len(speech) // 16_000):
            piece = speech[second * 16_000 : (second + 1) * 16_000]
            await say(type="input_audio_buffer.append", audio=base64.b64encode(piece.tobytes()).decode())
            # Two windows must agree; what comes while one is heard waits for the next.
            await asyncio.wait([delta], timeout=1)
        first = await delta  # nobody has said that the turn is over
        await say(type="input_audio_buffer.commit", final=True)
        whole = await until("transcription.done")
    assert first
    assert whole.startswith(first)
    assert len(whole.split()) > len(first.split())
    async with httpx2.AsyncClient() as client:
        models = (await client.get(f"http://127.0.0.1:{port}/v1/models")).json()["data"]
        soundfile.write(tmp_path / "talk.wav", speech, 16_000)
        form = {"model": "whisper-1", "response_format": "verbose_json", "timestamp_granularities[]": "word"}
        with (tmp_path / "talk.wav").open("rb") as file:
            url = f"http://127.0.0.1:{port}/v1/audio/transcriptions"
            heard = (await client.post(url, data=form, files={"file": file}, timeout=60)).json()
    assert models[0]["id"] == "whisper-tiny"
    assert heard["language"] in {"english", "german", "french", "spanish", "italian"}
    assert len(heard["words"]) > 10


def test_recordings_are_transcribed(environment: dict[str, str], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "talk.wav", noisy_speech(), 16_000)
    command = ["-m", "voxtral_service.cli", "transcribe", "--model", "whisper-tiny", "--format", "json", "talk.wav"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["model"] == "whisper-tiny"
    assert len(result["words"]) > 10
    assert result["words"][-1]["end"] <= result["duration"] + 0.01
