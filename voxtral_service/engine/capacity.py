"""How many live streams an engine holds within a bound on their lag, and whether it does at the moment.

The lag that counts is that of a final text, from the end of speech: the frames of silence behind it are decoded one a
turn of the engine. Turns grow with the streams, since the frames that came during one are the batch of the next. From
measured times of steps follows how many streams there may be before turns get too long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.step import SAMPLES_PER_STEP
from voxtral_service.engine.stream import SETTLED
from voxtral_service.voxtral.config import LEFT_PAD_TOKENS, TOKEN_SECONDS

LAG_BOUND = 0.5
"""Seconds."""
STREAMS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256)
"""Batches of which the step is measured."""
ROUNDS = 5
ENOUGH_SECONDS = 3.0
"""After so long no larger batches are measured."""
IN_SERVICE = 2.0
"""How much longer a step takes in a server than alone: the event loop shares caches and Python's lock, and of 100
finals the slowest counts. Measured: with less the streams that follow were not all in time (SPEED.md).
"""
UTTERANCE = 4.0
"""Seconds of speech between two finals, the padding of which is work too; most people say more at a time."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds that a step of so many streams takes, all of them with their windows full."""

    streams: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was measured, and what follows from it: live `streams` whose final texts keep the bound (seconds)."""

    steps: tuple[StepTime, ...]
    bound: float
    streams: int


def turns_of_a_final(delay: int) -> int:
    """Turns from the last sample to the final text at a delay in tokens: the one under way, the last frame, padding."""
    return 2 + delay + SETTLED


def measure(runner: ModelRunner, clock: Callable[[], float] = time.perf_counter) -> tuple[StepTime, ...]:
    """Time steps of a runner that nobody uses, from one stream to as many as it has slots; a few seconds."""
    begun = clock()
    steps: list[StepTime] = []
    for streams in [n for n in STREAMS if n < runner.slots] + [runner.slots]:
        steps.append(StepTime(streams, _step_seconds(runner, streams, clock)))
        if clock() - begun > ENOUGH_SECONDS:
            break
    return tuple(steps)


def derive(steps: tuple[StepTime, ...], bound: float, delay: int) -> Capacity:
    """The most streams with which turns stay short enough for the bound; 0 where one step alone takes too long."""
    turns = turns_of_a_final(delay)
    work = 1 + (turns - 2) * TOKEN_SECONDS / UTTERANCE
    sizes = [step.streams for step in steps]
    rows = np.arange(1, sizes[-1] + 1)
    turn = IN_SERVICE * np.interp(rows, sizes, [step.seconds for step in steps])
    # A turn of so many rows every so many seconds is the work of this many streams.
    streams = np.minimum(rows * TOKEN_SECONDS / (turn * work), sizes[-1])
    fits = streams[turn * turns <= bound]
    return Capacity(steps, bound, int(fits.max()) if len(fits) else 0)


def _step_seconds(runner: ModelRunner, streams: int, clock: Callable[[], float]) -> float:
    slots = np.arange(streams)
    for slot in slots.tolist():
        runner.join(slot, runner.model.config.default_delay_tokens)
    runner.pass_time(slots, 10 * LEFT_PAD_TOKENS)
    samples = 0.1 * np.random.default_rng(0).standard_normal((streams, SAMPLES_PER_STEP)).astype(np.float32)
    tokens = np.full(streams, runner.tokenizer.pad)
    seconds = []
    for _ in range(1 + ROUNDS):
        start = clock()
        runner.decode(slots, runner.encode(slots, samples), tokens)
        seconds.append(clock() - start)
    # The first pays for memory and for choosing kernels. Of the rest the best: what disturbs the machine now does not
    # last, and if it does, `LagWatch` finds out.
    return min(seconds[1:])


class LagWatch:
    """The lag to expect of final texts, from what the engine's turns with live streams took lately."""

    FADES = 0.5
    """Seconds in which what was noted loses most of its weight."""
    FORGETS = 1.0
    """Seconds without such a turn after which there is no lag to expect."""
    FILES_STOP, NOBODY_MORE = 0.6, 0.85
    """Parts of the bound from which on files wait, and new sessions are refused."""

    def __init__(self, bound: float, delay: int) -> None:
        self.bound = bound
        self._turns = turns_of_a_final(delay)
        self._turn = self._waited = 0.0
        self._noted = float("-inf")

    def note(self, turn: float, waited: float, now: float) -> None:
        """A turn took so long, and half of its live frames had waited so long at its end; all in seconds.

        Not the oldest: a stream that begins brings some frames of before at once, and they go one a turn.
        """
        old = np.exp((self._noted - now) / self.FADES) if now - self._noted < self.FORGETS else 0.0
        self._turn += (1 - old) * (turn - self._turn)
        self._waited += (1 - old) * (waited - self._waited)
        self._noted = now

    def lag(self, now: float) -> float:
        """Seconds."""
        return 0.0 if now - self._noted >= self.FORGETS else float(self._waited + self._turns * self._turn)

    def stops_files(self, now: float) -> bool:
        """Whether live streams need all there is."""
        return self.lag(now) > self.FILES_STOP * self.bound

    def is_near(self, now: float) -> bool:
        """Whether one more live stream might be one too many."""
        return self.lag(now) > self.NOBODY_MORE * self.bound
