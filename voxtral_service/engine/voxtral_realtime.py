"""The Voxtral Realtime engine: many streams, one thread, one batched step at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from statistics import median

import numpy as np
import torch
from torch import Tensor

from voxtral_service import metrics
from voxtral_service.audio import Samples
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.capacity import Capacity, LagWatch, derive, measure
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.scheduler import Scheduler, Work
from voxtral_service.engine.stream import BlankRut, RealtimeStream
from voxtral_service.engine.vacancy import Vacancy
from voxtral_service.engine.vocabulary import PhraseBoost, PhraseTree
from voxtral_service.errors import EngineError, InvalidOption, Overloaded
from voxtral_service.voxtral.config import MAX_DELAY_TOKENS

logger = logging.getLogger(__name__)

DELAY_STEP_MS = 80
KEPT_VOCABULARIES = 32
"""Sessions of one caller share theirs, turn after turn."""
TRY_AGAIN = "try again when one has ended, or start with more (--max-streams)"


class VoxtralRealtimeEngine:
    """See `engine.base.Engine`. One instance owns one device.

    Files take only places beyond `reserve`, so that live streams usually find one free; a live stream that does not
    takes the place of the file's stream that was opened last.
    """

    def __init__(
        self,
        runner: ModelRunner,
        *,
        languages: tuple[str, ...] = (),
        rut: BlankRut | None = None,
        reserve: int = 0,
        lag_bound: float | None = None,
        closing: Callable[[], None] | None = None,
    ) -> None:
        """With `lag_bound` (seconds) files stop while live streams' final texts are about to come later than that.

        `closing` is called when the engine is closed.

        Raises ValueError when `reserve` leaves files no place.
        """
        if not 0 <= reserve < runner.slots:
            raise ValueError(f"a reserve of {reserve} of {runner.slots} places")
        self._runner = runner
        self._reserve = reserve
        self._watch = LagWatch(lag_bound, runner.model.config.default_delay_tokens) if lag_bound else None
        self._vacancy = Vacancy()
        self._phrases = lru_cache(KEPT_VOCABULARIES)(lambda phrases: PhraseTree(runner.tokenizer, phrases))
        self._languages = languages
        self._rut = rut or BlankRut()
        self._at_close = closing
        self._scheduler = Scheduler(runner.slots)
        self._changed = threading.Condition()
        self._closing = False
        self._rescued = 0
        self._thread = threading.Thread(target=self._run, name="voxtral-engine", daemon=True)
        self._thread.start()

    @property
    def rescued_tokens(self) -> int:
        """Tokens that ended streams wrote only because the blank-rut watchdog stepped in."""
        return self._rescued

    @property
    def capabilities(self) -> Capabilities:
        """See `Engine`. The architecture has no place for a language, a prompt or a task, and decodes greedily."""
        return Capabilities(languages=self._languages, live=True, uses_vocabulary=True)

    def open(self, options: StreamOptions) -> RealtimeStream:
        """See `Engine`."""
        if options.translate:
            raise InvalidOption("this model does not translate; choose one that does", field="task")
        delay = self._delay_tokens(options)
        vocabulary = PhraseBoost(self._phrases(options.vocabulary)) if options.vocabulary else None
        with self._changed:
            if self._closing:
                raise EngineError("the engine has been closed; start it again")
            stream = RealtimeStream(
                options=options,
                slot=self._slot(bulk=options.bulk),
                delay=delay,
                tokenizer=self._runner.tokenizer,
                vocabulary=vocabulary,
                rut=self._rut,
                changed=self._changed,
                release=self._release,
            )
            self._scheduler.add(stream)
        metrics.STREAMS.inc()
        return stream

    @property
    def expected_lag(self) -> float:
        """See `engine.base.Measured`."""
        return self._watch.lag(time.monotonic()) if self._watch else 0.0

    @property
    def is_late(self) -> bool:
        """See `engine.base.Measured`."""
        return self._watch is not None and self._watch.is_near(time.monotonic())

    def measure(self, lag_bound: float) -> Capacity:
        """See `engine.base.Measured`."""
        with self._changed:
            if self._scheduler.streams:
                raise RuntimeError("capacity is measured before there are streams")
            return derive(measure(self._runner), lag_bound, self._runner.model.config.default_delay_tokens)

    async def wait_for_place(self) -> None:
        """See `Engine`."""
        await self._vacancy.wait(lambda: self._closing or self._scheduler.free > self._reserve)

    def close(self) -> None:
        """See `Engine`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._vacancy.tell()
        self._thread.join()
        if self._at_close:
            self._at_close()
        for stream in self._scheduler.streams:
            stream.fail(EngineError("the engine was closed while the stream was open"))

    def _delay_tokens(self, options: StreamOptions) -> int:
        if options.delay_ms is None:
            return self._runner.model.config.default_delay_tokens
        tokens, rest = divmod(options.delay_ms, DELAY_STEP_MS)
        if rest or not 1 <= tokens <= MAX_DELAY_TOKENS:
            raise InvalidOption(
                f"a delay of {options.delay_ms} ms is not possible; choose a multiple of {DELAY_STEP_MS} ms "
                f"from {DELAY_STEP_MS} to {MAX_DELAY_TOKENS * DELAY_STEP_MS}",
                field="delay_ms",
            )
        return tokens

    def _slot(self, *, bulk: bool) -> int:
        """A free slot, for a live stream if need be that of a file; call with the lock held."""
        if bulk and self._scheduler.free <= self._reserve:
            kept = f" ({self._reserve} are kept for live streams)" if self._reserve else ""
            raise Overloaded(f"all {self._runner.slots} places for streams are taken{kept}; {TRY_AGAIN}")
        if not self._scheduler.free and (evicted := self._scheduler.youngest_bulk()):
            evicted.fail(Overloaded("a live stream took this file's place; open a stream for it again"))
        slot = self._scheduler.take_slot()
        if slot is None:
            raise Overloaded(f"all {self._runner.slots} places for streams are taken; {TRY_AGAIN}")
        return slot

    def _release(self, stream: RealtimeStream) -> None:
        with self._changed:
            self._scheduler.remove(stream)
        self._vacancy.tell()
        metrics.STREAMS.dec()
        self._rescued += stream.rescued
        metrics.RESCUED.inc(stream.rescued)

    def _run(self) -> None:
        while (turn := self._next_turn()) is not None:
            turn()
            del turn  # or the streams of the last turn would be kept while the engine waits for the next

    def _next_turn(self) -> Callable[[], None] | None:
        """Wait until there is work, take its samples out of the streams, return what is to be done without the lock."""
        with self._changed:
            while not (work := self._scheduler.next_work(files=(files := self._files_go_on()))):
                if self._closing:
                    return None
                self._changed.wait(None if files else LagWatch.FORGETS / 4)
            if self._closing:
                return None
            steps = [stream.take_frames(1) for stream in work.steps]
            chunks = [stream.take_frames(count) for stream, count in work.chunks]
        return lambda: self._turn(work, steps, chunks)

    def _files_go_on(self) -> bool:
        return self._watch is None or not self._watch.stops_files(time.monotonic())

    def _turn(self, work: Work, steps: list[Samples], chunks: list[Samples]) -> None:
        started = time.perf_counter()
        arrivals = [at for stream in work.decodes if not stream.bulk and (at := stream.arrived) is not None]
        try:
            self._encode(work, steps, chunks)
            self._decode(work.decodes)
        except Exception as error:  # whatever the device throws, the other streams go on
            logger.exception("a step of %d streams failed", len(work.decodes))
            for stream in work.decodes:
                stream.fail(EngineError(f"the engine failed in the middle of a step: {error}"))
        seconds = time.perf_counter() - started
        metrics.STEP.observe(seconds)
        if self._watch and any(not stream.bulk for stream in work.decodes):
            now = time.monotonic()
            self._watch.note(seconds, now - (median(arrivals) if arrivals else now), now)
            metrics.EXPECTED_LAG.set(self._watch.lag(now))
        metrics.STEP_STREAMS.observe(len(work.decodes))

    def _encode(self, work: Work, steps: list[Samples], chunks: list[Samples]) -> None:
        for stream in work.joins:
            self._runner.join(stream.slot, stream.delay)
            stream.joined = True
        if steps:
            vectors = self._runner.encode(_slots(work.steps), np.stack(steps))
            for row, stream in enumerate(work.steps):
                stream.add_vector(vectors, row)
        for (stream, count), samples in zip(work.chunks, chunks, strict=True):
            vectors = self._runner.encode_chunk(stream.slot, samples)
            for row in range(count):
                stream.add_vector(vectors, row)

    def _decode(self, streams: list[RealtimeStream]) -> None:
        vectors, tokens, penalties = zip(*(stream.next_input() for stream in streams), strict=True)
        boosts = [(row, boost) for row, stream in enumerate(streams) if (boost := stream.boost) is not None]
        written = self._runner.decode(
            _slots(streams),
            _stacked(vectors),
            np.array(tokens, np.int64),
            np.array(penalties, np.float32) if any(penalties) else None,
            boosts,
        )
        for stream, token in zip(streams, written.tolist(), strict=True):
            if not stream.ended:
                stream.advance(token)


def _stacked(rows: tuple[tuple[Tensor, int], ...]) -> Tensor:
    """Rows of some tensors as one; mostly they are all rows of one already."""
    whole = rows[0][0]
    if len(whole) == len(rows) and all(tensor is whole and at == row for at, (tensor, row) in enumerate(rows)):
        return whole
    return torch.stack([tensor[row] for tensor, row in rows])


def _slots(streams: list[RealtimeStream]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([stream.slot for stream in streams], np.int64)
