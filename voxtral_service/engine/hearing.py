"""One segment of a recording on its way through an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.base import Engine, Stream, StreamOptions
from voxtral_service.errors import EngineError, Overloaded
from voxtral_service.events import Score, Token, Word

PUSH = 10 * SAMPLE_RATE
"""Samples handed to a stream at once."""


class Hearing:
    """What has been heard of some samples so far, times in seconds from the first; `run` hears, `news` waits.

    `heard` is told of every further stretch of them, in seconds.
    """

    def __init__(self, samples: Samples, heard: Callable[[float], None] = lambda _: None) -> None:
        self.text = ""
        self.words: list[Word] = []
        self.tokens: list[Token] = []
        self.language: str | None = None
        self.score: Score | None = None
        self.audio_seconds = 0.0
        self.over = False
        self._samples: Samples | None = samples
        self._heard = heard
        self._error: BaseException | None = None
        self._changed = asyncio.Event()

    async def run(self, engine: Engine, options: StreamOptions) -> None:
        """Hear all of it; what goes wrong is raised by `news`.

        Bulk streams wait for a place and start again when they have lost it to a live stream.
        """
        try:
            while not self.over:
                try:
                    await self._hear(await _open(engine, options))
                except Overloaded:
                    if not options.bulk:
                        raise
                    self.text, self.words, self.tokens = "", [], []
        except Exception as error:  # noqa: BLE001  raised again where it is waited for
            self._error = error
        finally:
            self._samples = None
            self._changed.set()

    async def news(self) -> None:
        """Wait until there is more, or all. Raises what `run` ran into."""
        await self._changed.wait()
        self._changed.clear()
        if self._error is not None:
            raise self._error

    async def _hear(self, stream: Stream) -> None:
        assert self._samples is not None
        feeder = asyncio.create_task(_feed(stream, self._samples))
        feeder.add_done_callback(lambda task: None if task.cancelled() or not task.exception() else stream.cancel())
        try:
            async for hypothesis in stream:
                self.text += hypothesis.delta
                self.words += hypothesis.words
                self.tokens += hypothesis.tokens
                if (further := hypothesis.audio_seconds - self.audio_seconds) > 0:
                    self.audio_seconds = hypothesis.audio_seconds
                    self._heard(further)
                self.language = hypothesis.language or self.language
                self.score = hypothesis.score or self.score
                self.over = hypothesis.final
                self._changed.set()
            await feeder
            if not self.over:
                raise EngineError("a stream ended before its last word; the server's log may say why")
        finally:
            feeder.cancel()
            stream.cancel()


async def _open(engine: Engine, options: StreamOptions) -> Stream:
    while True:
        try:
            return engine.open(options)
        except Overloaded:
            if not options.bulk:
                raise
            await engine.wait_for_place()
            await asyncio.sleep(0)  # places are told of in advance; others must be able to act meanwhile


async def _feed(stream: Stream, samples: Samples) -> None:
    for at in range(0, len(samples), PUSH):
        await stream.push(samples[at : at + PUSH])
    stream.finish()
