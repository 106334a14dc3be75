"""`voxtral serve` as a process: it comes up, says where, and stops without cutting anybody off."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import websockets
from websockets.http11 import Response

from tests import tiny


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_model(tmp_path_factory.mktemp("served"), tiny.SHAPES["small"])


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "voxtral_service.cli", "serve", *options]


@pytest.fixture
def server(model: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    (tmp_path / "config.toml").touch()
    process = subprocess.Popen(
        command(
            "--model", str(model), "--port", str(port), "--max-streams", "2", "--grace", "20", "--log-format", "json"
        ),
        env={**os.environ, "VOXTRAL_CONFIG": str(tmp_path / "config.toml"), "VOXTRAL_MODELS_DIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


async def until_up(port: int) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(600):
            try:
                await client.get(f"http://127.0.0.1:{port}/health")
                return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
    raise AssertionError("the server did not come up")


async def refusal(url: str) -> Response:
    """What newcomers are told once the signal has arrived."""
    while True:
        try:
            async with websockets.connect(url):
                await asyncio.sleep(0.05)
        except websockets.InvalidStatus as error:
            return error.response


async def test_a_stop_refuses_newcomers_and_lets_the_open_session_finish(
    server: tuple[subprocess.Popen[str], int],
) -> None:
    process, port = server
    await until_up(port)
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    async with websockets.connect(url) as open_session:
        assert json.loads(await open_session.recv())["type"] == "session.created"
        process.send_signal(signal.SIGTERM)
        refused = await refusal(url)
        assert refused.status_code == 503
        assert "shutting down" in json.loads(refused.body or b"")["error"]["message"]
        await open_session.send(json.dumps({"type": "session.update", "model": "any"}))
        await open_session.send(json.dumps({"type": "input_audio_buffer.commit", "final": True}))
        assert json.loads(await open_session.recv())["type"] == "transcription.done"
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert process.stderr is not None
    lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert lines[0]["message"].startswith("serving ")
    assert [line["reason"] for line in lines if line["message"].startswith("refused")] == ["overloaded"]
    assert lines[-1]["message"] == "session closed"


def test_other_addresses_want_keys(model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    refused = subprocess.run(
        command("--model", str(model), "--host", "0.0.0.0"),
        env={**os.environ, "VOXTRAL_CONFIG": str(tmp_path / "config.toml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "voxtral keys add" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
