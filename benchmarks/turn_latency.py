"""How long people wait for an answer, and how fast it falls silent when they speak.

    python -m benchmarks.turn_latency
    python -m benchmarks.turn_latency --turns 60 --json turns.json

Starts `voxtral serve` on loopback and talks with it in OpenAI's dialect, in real time: a question, and when half a
second of the answer has come, the next question, which interrupts it. Twice: with a language model behind HTTP whose
first word takes 150 ms, and with the bundled one, where it is there. Told are the times

- from the true end of speech (the last sample that can be heard) to the first word and the first sound of the answer,
  300 ms of which are the silence that the server waits for to be sure;
- from the first sample of an interruption that can be heard to the end of the answer: no sound of it comes later.

The questions are spoken by eSpeak NG. The client runs on the same cores as the server, and its share counts against it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import websockets
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.floor import StepCost
from benchmarks.live_capacity import serving
from benchmarks.scripted_llm import scripted_llm
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.speech import SpeechOptions
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.engine.loading import pick_dtype
from voxtral_service.engine.registry import bundled_folder

RATE = 24_000
BLOCK = RATE // 50
"""Samples sent at once: 20 ms, as browsers and telephones do."""
SILENCE_MS = 300
HEARD_FIRST = 0.5
"""Seconds of an answer before it is interrupted."""
FIRST_TOKEN = 0.15
BUNDLED = "wren-chat"
AUDIBLE = 0.01
"""Of full scale: 40 dB below it."""
QUESTIONS = (
    "What time is it in Tokyo?",
    "What is seventeen times twenty three?",
    "How many miles are ten kilometers?",
    "What day is it tomorrow?",
    "Set a timer for five minutes.",
    "What time is it in New York?",
)
LONGEST_TURN = 30.0
"""Seconds without an answer after which the run is given up."""


@dataclass(slots=True)
class Times:
    """Seconds, one a turn."""

    first_text: list[float] = field(default_factory=list)
    first_sound: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """A spoken question; `begins` and `ends` are the samples between which it can be heard."""

    sound: Samples
    begins: int
    ends: int


async def questions() -> list[Question]:
    """All of them, spoken."""
    voice, spoken = Espeak(), []
    for text in QUESTIONS:
        chunks = [chunk.samples async for chunk in voice.speak(text, SpeechOptions(sample_rate=RATE))]
        sound = np.concatenate(chunks)
        heard = np.flatnonzero(np.abs(sound) > AUDIBLE)
        spoken.append(Question(sound, int(heard[0]), int(heard[-1])))
    return spoken


class Caller:
    """One conversation: a microphone that never stops, and what comes back."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._next: Question | None = None
        self.began = self.ended = 0.0
        """When the first and the last audible sample of the last question were sent."""
        self.events: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue()

    def ask(self, question: Question) -> None:
        """Speak, beginning with the next block."""
        self._next = question

    async def speak(self) -> None:
        """Send a block every 20 ms, silence when there is nothing to say."""
        start, sent = time.monotonic(), 0
        question: Question | None = None
        at = 0
        while True:
            if self._next is not None:
                question, self._next, at = self._next, None, 0
            block = np.zeros(BLOCK, np.float32)
            if question is not None:
                part = question.sound[at : at + BLOCK]
                block[: len(part)] = part
                if at <= question.begins < at + BLOCK:
                    self.began = time.monotonic()
                if at <= question.ends < at + BLOCK:
                    self.ended = time.monotonic()
                at += BLOCK
            audio = base64.b64encode(encode_s16le(block)).decode()
            await self._socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            sent += 1
            await asyncio.sleep(max(start + sent * BLOCK / RATE - time.monotonic(), 0))

    async def hear(self) -> None:
        """Note every event with the time it came."""
        async for frame in self._socket:
            self.events.put_nowait((time.monotonic(), json.loads(frame)))

    async def until(self, *kinds: str) -> tuple[float, dict[str, Any]]:
        """The next event of one of these types."""
        while True:
            came, event = await asyncio.wait_for(self.events.get(), LONGEST_TURN)
            if event["type"] == "error":
                raise RuntimeError(event["error"]["message"])
            if event["type"] in kinds:
                return came, event


async def talk(url: str, turns: int) -> Times:
    """One conversation of so many questions."""
    times, asked = Times(), await questions()
    async with websockets.connect(f"{url}/v1/realtime?model=voxtral", max_size=None) as socket:
        detection = {"type": "server_vad", "silence_duration_ms": SILENCE_MS}
        session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        caller = Caller(socket)
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(caller.hear()), tasks.create_task(caller.speak())]
            await caller.until("session.updated")
            await asyncio.sleep(1)
            caller.ask(asked[0])
            for turn in range(1, turns + 1):
                await _turn(caller, times, asked[turn % len(asked)])
            for task in working:
                task.cancel()
    return times


async def _turn(caller: Caller, times: Times, following: Question) -> None:
    """Wait for the answer to the question that is being asked, then interrupt it with the one that follows."""
    text, _ = await caller.until("response.output_audio_transcript.delta")
    sound, _ = await caller.until("response.output_audio.delta")
    times.first_text.append(text - caller.ended)
    times.first_sound.append(sound - caller.ended)
    await asyncio.sleep(HEARD_FIRST)
    caller.ask(following)
    ended, event = await caller.until("response.done")
    if event["response"]["status"] == "cancelled":
        times.silence.append(ended - caller.began)


async def measure(turns: int, *, bundled: bool) -> Times:
    """A server of its own, and a conversation with it."""
    async with AsyncExitStack() as stack:
        flags = ["--llm-model", BUNDLED]
        if not bundled:
            flags = ["--llm-url", await stack.enter_async_context(scripted_llm(FIRST_TOKEN)), "--llm-model", "scripted"]
        server = serving("wren-en", 4, *flags)
        url = await asyncio.to_thread(server.__enter__)
        try:
            return await talk(url, turns)
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


def percentiles(times: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99, in milliseconds."""
    p50, p95, p99 = np.percentile(times, (50, 95, 99)) * 1000
    return float(p50), float(p95), float(p99)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--json", type=Path, help="where to write every single time")
    options = parser.parse_args()
    columns = ("milliseconds", "turns", "p50", "p95", "p99", "floor")
    caption = "floor: the silence that is waited for, the hearer's last steps at measured rates, the scripted model"
    table = Table(*columns, title=f"{machine.name()}, {machine.commit()}", caption=caption)
    dtype = pick_dtype("auto", torch.device("cpu"), packs=True)
    hearing = StepCost.of(bundled_folder() / "wren-en").final(machine.measure(), 1, dtype)
    written = {}
    for name, bundled in (("language model of 150 ms", False), (BUNDLED, True)):
        if bundled and not (bundled_folder() / BUNDLED / "config.json").is_file():
            continue
        times = asyncio.run(measure(options.turns, bundled=bundled))
        written[name] = asdict(times)
        least = f"{SILENCE_MS + 1e3 * (hearing + (0 if bundled else FIRST_TOKEN)):.0f}"
        for row, values, floor in (
            ("first word", times.first_text, least),
            ("first sound", times.first_sound, least),
            ("interruption to silence", times.silence, ""),
        ):
            told = (f"{value:.0f}" for value in percentiles(values))
            table.add_row(f"{name}: {row}", str(len(values)), *told, floor)
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(written, indent=1), "utf-8")


if __name__ == "__main__":
    main()
