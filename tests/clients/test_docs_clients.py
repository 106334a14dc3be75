"""The programs of docs/clients.md, word for word but for the port. Opt-in: their libraries are no dependencies.

    CLIENT_PYTHONS   Python interpreters that have Pipecat or LiveKit, separated like PATH
    CLIENT_NODE      a folder with node_modules that has openai, ws and @openai/agents-realtime

Pipecat and LiveKit hold mistralai below 3, which this project's own tests do not, so each wants a place of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clients.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```(python|js)\n(?:#|//) tried with (\S+) \S+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
IMPORTS = {
    "pipecat-ai": "pipecat",
    "livekit-plugins-openai": "livekit.plugins.openai",
    "livekit-plugins-mistralai": "livekit.plugins.mistralai",
}
PYTHONS = [path for path in os.environ.get("CLIENT_PYTHONS", "").split(os.pathsep) if path]
VOXTRAL = Path(sys.executable).with_name("voxtral")
SAMPLE = ROOT / "models" / "wren-en" / "sample.wav"
NODE_FOLDER = os.environ.get("CLIENT_NODE", "")


def test_every_client_has_a_program() -> None:
    tried = [package for _, package, _ in PROGRAMS]
    assert set(tried) == {*IMPORTS, "openai", "@openai/agents-realtime"}
    conversations = [package for _, package, program in PROGRAMS if "Be brief." in program]
    assert conversations == ["pipecat-ai", "livekit-plugins-openai", "@openai/agents-realtime"]


def interpreter(package: str) -> str:
    """A Python that has a package; the test is skipped where there is none."""
    for python in PYTHONS:
        if not subprocess.run(
            [python, "-c", f"import {IMPORTS[package]}"], capture_output=True, check=False
        ).returncode:
            return python
    pytest.skip(f"no Python in CLIENT_PYTHONS has {package}")


def node_folder(package: str) -> Path:
    """A folder in which node finds a package; the test is skipped where there is none."""
    folder = Path(NODE_FOLDER)
    if not NODE_FOLDER or shutil.which("node") is None or not (folder / "node_modules" / package).is_dir():
        pytest.skip(f"CLIENT_NODE names no folder with {package}, or there is no node")
    return folder


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[int]:
    """`voxtral serve` with the bundled model on a free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [str(VOXTRAL), "serve", "--model", "wren-en", "--port", str(port), "--grace", "1", *options]
    here = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    log = folder / "serve.log"
    with log.open("wb") as file:
        server = subprocess.Popen(command, env=os.environ | here, stdout=file, stderr=file)
        try:
            scheme = "https" if "--tls" in options else "http"
            with httpx2.Client(base_url=f"{scheme}://127.0.0.1:{port}", verify=False) as client:
                deadline = time.monotonic() + 120
                while not _is_ready(client):
                    assert server.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.2)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def _is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.timeout(400)  # the clip is played in real time by a machine that may be busy
@pytest.mark.parametrize(
    ("language", "package", "program"), PROGRAMS, ids=[package.rpartition("/")[2] for _, package, _ in PROGRAMS]
)
def test_a_client_writes_a_transcript(language: str, package: str, program: str, tmp_path: Path) -> None:
    """What the bundled model writes differs a little with where turns begin; its first words do not."""
    if language == "python":
        command = [interpreter(package), "talk.py"]
    else:
        (tmp_path / "node_modules").symlink_to(node_folder(package) / "node_modules")
        command = ["node", "talk.mjs"]
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    with serving(tmp_path, *(("--tls", "self-signed") if "https:" in program else ())) as port:
        (tmp_path / command[1]).write_text(program.replace("127.0.0.1:8000", f"127.0.0.1:{port}"), "utf-8")
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    if "Be brief." in program:  # a conversation: what was said, and what was answered
        assert "good morning" in done.stdout, done.stderr
        assert len(done.stdout.splitlines()) > 1
    else:
        assert done.stdout.startswith("good morning"), done.stderr
