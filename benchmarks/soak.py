"""Whether sessions that are dropped leave anything behind: thousands of them, against a server of its own.

    python -m benchmarks.soak
    python -m benchmarks.soak --sessions 500 --at-once 4
    python -m benchmarks.soak --model models/wren-en --json soak.json

Starts `voxtral serve` on loopback with a tiny random model and opens sessions in three dialects. Each sends audio in
pieces of random length, commits, clears, sends what is no message, and ends at a random point: closed, cut off without
a word, or cut off in the middle of a message. A tenth more come at once than there are places; those who are refused
come again. Prints what the server holds after every tenth of the sessions, and exits with 1 when at the end a session,
a place in the engine, a file or a thread is left, or when memory grew by more than --growth MB in the second half.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2
import numpy as np
import websockets
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from tests import tiny

PATHS = ("/v1/realtime?intent=transcription", "/v1/realtime", "/v1/audio/transcriptions/realtime?model=any")
COLUMNS = ("sessions", "seconds", "resident MB", "threads", "files", "open sessions", "places taken")
MOST_SAMPLES = 12_000
POOL = min(32, (os.cpu_count() or 1) + 4)
"""Threads of Python's pool for blocking calls: each is made when it is first needed, and stays."""


@dataclass(frozen=True, slots=True)
class State:
    """What the server holds after so many sessions, everybody gone."""

    sessions: int
    seconds: float
    resident_mb: float
    threads: int
    files: int
    open_sessions: int
    places_taken: int


class Server:
    """`voxtral serve` as a process, and what it holds."""

    def __init__(self, model: Path, folder: Path, places: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        config = folder / "config.toml"
        config.touch()
        command = [sys.executable, "-m", "voxtral_service.cli", "serve", "--model", str(model)]
        command += ["--port", str(self.port), "--max-streams", str(places), "--no-auth", "--log-level", "warning"]
        self._started = time.monotonic()
        self._process = subprocess.Popen(command, env={**os.environ, "VOXTRAL_CONFIG": str(config)})

    async def until_up(self, client: httpx2.AsyncClient) -> None:
        """Wait until it answers. Raises RuntimeError when it has ended instead."""
        while self._process.poll() is None:
            try:
                await client.get("/health")
                return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
        raise RuntimeError(f"the server ended with status {self._process.returncode}")

    async def state(self, client: httpx2.AsyncClient, sessions: int) -> State:
        """What it holds once the last session has been cleared away, or after 10 s."""
        deadline = time.monotonic() + 10
        while True:
            page = (await client.get("/metrics")).text
            held = (_sum(page, "voxtral_sessions"), _sum(page, "voxtral_streams"))
            if held == (0, 0) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        proc = Path(f"/proc/{self._process.pid}")
        resident = int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        threads, files = (len(list((proc / folder).iterdir())) for folder in ("task", "fd"))
        return State(sessions, time.monotonic() - self._started, resident, threads, files, *held)

    def stop(self) -> None:
        """End it; it has ten seconds to do so by itself."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _sum(page: str, name: str) -> int:
    values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page, re.MULTILINE)
    return int(sum(map(float, values)))


async def session(port: int, rng: random.Random, sound: bytes, endings: Counter[str]) -> None:
    """One session from its start to some end, which is counted."""
    while True:
        try:
            socket = await websockets.connect(f"ws://127.0.0.1:{port}{rng.choice(PATHS)}", compression=None)
            break
        except websockets.InvalidStatus as refused:
            endings[f"refused with {refused.response.status_code}"] += 1
            await asyncio.sleep(0.1)
    endings[await _use(socket, rng, sound)] += 1


async def _use(socket: websockets.ClientConnection, rng: random.Random, sound: bytes) -> str:
    ending = rng.choice(("closed", "cut off", "cut off inside a message"))
    try:
        for _ in range(rng.randrange(7)):
            await socket.send(_message(rng, sound))
            await asyncio.sleep(rng.choice((0, 0, 0.005, 0.02)))
        if ending == "closed":
            await socket.close()
    except websockets.ConnectionClosed:
        return "closed by the server"
    if ending == "cut off inside a message":
        # A masked text frame of 100 bytes of which four come.
        socket.transport.write(b"\x81\xe4\0\0\0\0{}{}")
    socket.transport.abort()
    await socket.wait_closed()
    return ending


def _message(rng: random.Random, sound: bytes) -> str | bytes:
    kind = rng.random()
    if kind < 0.75:
        size = 2 * rng.randrange(1, MOST_SAMPLES)
        at = 2 * rng.randrange((len(sound) - size) // 2)
        audio = base64.b64encode(sound[at : at + size]).decode()
        kind = rng.random()
        # OpenAI's and vLLM's name for it, and Mistral's; each dialect takes the other's for a mistake.
        name = "input_audio_buffer.append" if kind < 0.67 else "input_audio.append"
        return json.dumps({"type": name, "audio": audio})
    return rng.choice(
        (
            json.dumps({"type": "input_audio_buffer.commit"}),
            json.dumps({"type": "input_audio_buffer.commit", "final": True}),
            json.dumps({"type": "input_audio_buffer.clear"}),
            json.dumps({"type": "input_audio.flush"}),
            json.dumps({"type": "session.update", "model": "any"}),
            '{"type":',
            b"\0\1\2",
        )
    )


async def soak(server: Server, sessions: int, at_once: int, show: Console) -> tuple[list[State], Counter[str]]:
    """Run so many sessions, `at_once` side by side; what the server held before and after every tenth of them."""
    rng = random.Random(0)
    sound = (tiny.sound(20, 1) * np.iinfo(np.int16).max).astype("<i2").tobytes()
    endings: Counter[str] = Counter()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        await server.until_up(client)
        states = [await server.state(client, 0)]
        for tenth in range(1, 11):
            left = iter(range(sessions * (tenth - 1) // 10, sessions * tenth // 10))

            async def one_after_another(left: Iterator[int] = left) -> None:
                for _ in left:
                    await asyncio.wait_for(session(server.port, rng, sound, endings), 60)

            await asyncio.gather(*(one_after_another() for _ in range(at_once)))
            states.append(await server.state(client, sessions * tenth // 10))
            show.print(f"{states[-1].sessions} sessions, {states[-1].resident_mb:.1f} MB")
    return states, endings


def faults(states: list[State], growth: float) -> list[str]:
    """What was left behind, in words."""
    first, middle, last = states[1], states[len(states) // 2], states[-1]
    found = []
    for name in ("open_sessions", "places_taken"):
        if left := getattr(last, name):
            found.append(f"{name.replace('_', ' ')}: {left}")
    for name, spare in (("threads", POOL), ("files", 0)):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + spare:
            found.append(f"{name}: {before} after the first tenth, {after} at the end")
    if (grown := last.resident_mb - middle.resident_mb) > growth:
        found.append(f"memory grew by {grown:.1f} MB in the second half")
    return found


def table(states: list[State], endings: Counter[str]) -> Table:
    """A row a tenth."""
    ends = ", ".join(f"{count} {ending}" for ending, count in endings.most_common())
    shown = Table(title=f"sessions opened and dropped at random points: {ends}", caption=machine.name())
    for column in COLUMNS:
        shown.add_column(column, justify="right")
    for state in states:
        shown.add_row(*(f"{value:.1f}" if isinstance(value, float) else str(value) for value in asdict(state).values()))
    return shown


def main() -> None:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder (default: a tiny random one)")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=16, help="sessions side by side (default: 16)")
    parser.add_argument("--growth", type=float, default=8.0, help="MB that the second half may add (default: 8)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = options.model or tiny.write_model(folder / "model", tiny.SHAPES["small"])
        server = Server(model, folder, places=max(1, options.at_once * 10 // 11))
        try:
            states, endings = asyncio.run(soak(server, options.sessions, options.at_once, console))
        finally:
            server.stop()
    console.print(table(states, endings))
    if options.json:
        record = {"machine": machine.name(), "commit": machine.commit(), "endings": endings}
        options.json.write_text(json.dumps({**record, "states": [asdict(s) for s in states]}, indent=1) + "\n")
    if found := faults(states, options.growth):
        sys.exit("left behind: " + "; ".join(found))


if __name__ == "__main__":
    main()
