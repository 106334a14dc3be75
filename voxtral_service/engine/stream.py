"""One stream of the Voxtral Realtime engine: its audio, its place in the batch, its text."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from voxtral_service import metrics
from voxtral_service.audio import Samples
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.frames import FrameBuffer
from voxtral_service.engine.mailbox import Mailbox
from voxtral_service.engine.model_runner import SILENT_POSITIONS
from voxtral_service.engine.vocabulary import Boost, PhraseBoost
from voxtral_service.engine.writer import TokenWriter
from voxtral_service.errors import InvalidAudio, VoxtralError
from voxtral_service.events import Hypothesis, Word
from voxtral_service.voxtral.config import (
    EXTRA_RIGHT_PAD_TOKENS,
    LEFT_PAD_TOKENS,
    LOOK_AHEAD,
    SAMPLE_RATE,
    SAMPLES_PER_TOKEN,
    TOKEN_SECONDS,
)
from voxtral_service.voxtral.tokenizer import Tokenizer

MAX_BACKLOG_FRAMES = 375
"""30 s: audio a stream may hold unheard before `push` waits."""
MAX_UNREAD_CHARACTERS = 10_000
"""About ten minutes of speech: text a reader may leave lying before its stream pauses."""
SETTLED = 5
"""Padded positions, when every word is due, after which a live stream's text is final. The reference pads for ten in
any case, so that a long last word can be written; but who writes does not pad. Of 2,096 recordings through `wren-en`,
half of them cut off in the middle, none wrote anything after more than two (SPEED.md).
"""
LOUDEST_SAMPLE = 1e6
"""Beyond any scale audio is kept in (16-bit integers reach 32,768); also false for not-a-number."""


@dataclass(frozen=True, slots=True)
class BlankRut:
    """When a stream has written only padding over sound for too long, padding is made less likely until it writes.

    A known failure of the public model: padding at every frame over real speech for minutes. After `patience` frames
    the padding's logit is lowered by `slope` a frame, by `most` at most (vLLM issue 47614: its lead is 3.5 to 6.6 in a
    rut, at least 8.5 in true silence). Only frames louder than `floor` (root mean square) count, so that silence is
    left in peace.
    """

    patience: int = 200
    slope: float = 0.5
    most: float = 7.0
    floor: float = 0.003

    def penalty(self, run: int) -> float:
        """What to subtract from the padding's logit after a run of that many padded frames with sound."""
        return min(self.most, self.slope * max(0, run - self.patience))


@dataclass(slots=True)
class _Audio:
    """The sound side of a stream, shared by the caller and the engine's thread under the engine's lock."""

    buffer: FrameBuffer = field(default_factory=FrameBuffer)
    samples: int = 0
    finished: bool = False
    arrivals: deque[float | None] = field(default_factory=deque)
    """When each frame that has not been decoded yet was complete; None for the padding at the end."""

    @property
    def frames(self) -> int:
        """Frames of 80 ms the audio so far fills or begins."""
        return -(-self.samples // SAMPLES_PER_TOKEN)

    def push(self, samples: Samples, now: float | None) -> None:
        """Add samples that came at this time."""
        before = self.buffer.frames
        self.buffer.push(samples)
        self.arrivals.extend([now] * (self.buffer.frames - before))


class RealtimeStream:
    """A stream in a slot. Callers use the methods of `engine.base.Stream`; the rest belongs to the engine's thread."""

    def __init__(
        self,
        *,
        options: StreamOptions,
        slot: int,
        delay: int,
        tokenizer: Tokenizer,
        vocabulary: PhraseBoost | None,
        rut: BlankRut,
        changed: threading.Condition,
        release: Callable[[RealtimeStream], None],
    ) -> None:
        self.slot, self.delay, self.bulk = slot, delay, options.bulk
        self.joined = False
        self.ended = False
        self.rescued = 0
        self._changed, self._release = changed, release
        self._tokenizer, self._vocabulary, self._rut = tokenizer, vocabulary, rut
        self._prompt = tokenizer.prompt(delay)
        self._writer = TokenWriter(tokenizer)
        self._audio = _Audio()
        self._mailbox = Mailbox()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._position = SILENT_POSITIONS
        self._token = 0
        self._blank_run = self._padded = 0
        self._loud: list[bool] = []
        self._vectors: deque[tuple[Tensor, int]] = deque()

    # -- the caller's side

    @property
    def audio_seconds(self) -> float:
        """See `Stream`."""
        heard = max(0, self._position - LEFT_PAD_TOKENS) * TOKEN_SECONDS
        return min(heard, self._audio.samples / SAMPLE_RATE)

    async def push(self, samples: Samples) -> None:
        """See `Stream`. Raises InvalidAudio for samples that are no finite numbers, ValueError after `finish`."""
        if samples.size and not np.abs(samples).max() < LOUDEST_SAMPLE:
            raise InvalidAudio(
                "the audio holds samples that are infinite or not a number; send finite values in [-1, 1]"
            )
        while self._audio.buffer.frames > MAX_BACKLOG_FRAMES and not self.ended:
            self._room.clear()
            await self._room.wait()
        with self._changed:
            if self._audio.finished:
                raise ValueError("push after finish")
            self._audio.push(samples.astype(np.float32, copy=False), time.monotonic())
            self._audio.samples += len(samples)
            if self._audio.buffer.frames:
                self._changed.notify()

    def finish(self) -> None:
        """See `Stream`; finishing twice is harmless."""
        with self._changed:
            if self._audio.finished:
                return
            self._audio.finished = True
            if not self._audio.samples:  # nothing was said, and padding over nothing could only invent something
                self._end("", ())
                return
            silence = self._audio.frames * SAMPLES_PER_TOKEN - self._audio.samples
            silence += (self.delay + 1 + EXTRA_RIGHT_PAD_TOKENS) * SAMPLES_PER_TOKEN + LOOK_AHEAD
            self._audio.push(np.zeros(silence, np.float32), None)
            self._changed.notify()

    def cancel(self) -> None:
        """See `Stream`."""
        self._leave()
        self._mailbox.close()

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """See `Stream`."""
        while (hypothesis := await self._mailbox.take()) is not None:
            if len(hypothesis.delta) > MAX_UNREAD_CHARACTERS:
                with self._changed:  # the stream has been paused for want of a reader
                    self._changed.notify()
            yield hypothesis
            if hypothesis.final:
                return

    # -- the engine thread's side

    @property
    def frames(self) -> int:
        """Frames that can be encoded now; none while the reader is far behind."""
        return 0 if self._mailbox.unread > MAX_UNREAD_CHARACTERS else self._audio.buffer.frames

    @property
    def has_vectors(self) -> bool:
        """Whether encoded audio waits to be decoded."""
        return bool(self._vectors)

    @property
    def arrived(self) -> float | None:
        """When the sound at the next position was there; None for padding."""
        return self._audio.arrivals[0] if self._audio.arrivals else None

    def take_frames(self, count: int) -> Samples:
        """Samples of the next frames; call with the engine's lock held."""
        samples = self._audio.buffer.take(count)
        own = samples[-count * SAMPLES_PER_TOKEN :].reshape(count, SAMPLES_PER_TOKEN)
        self._loud.extend((np.square(own).mean(1) > self._rut.floor**2).tolist())
        if self._audio.buffer.frames <= MAX_BACKLOG_FRAMES // 2 and not self._room.is_set():
            self._call(self._room.set)
        return samples

    def add_vector(self, vectors: Tensor, row: int) -> None:
        """An encoded frame, row `row` of vectors [n, hidden_size], behind those that wait."""
        self._vectors.append((vectors, row))

    def next_input(self) -> tuple[tuple[Tensor, int], int, float]:
        """Where the vector at the next position is, the token there, and the penalty on padding."""
        at = self._position
        token = self._prompt[at] if at < len(self._prompt) else self._token
        return self._vectors.popleft(), token, self._rut.penalty(self._blank_run)

    @property
    def boost(self) -> Boost | None:
        """What the stream's vocabulary makes likelier at the next position."""
        return self._vocabulary.boost if self._vocabulary else None

    def advance(self, token: int) -> None:
        """Take the token that the model wrote at the next position."""
        loud, arrived = self._loud.pop(0), self._audio.arrivals.popleft()
        if arrived is not None and not self.bulk:
            metrics.LAG_ENGINE.observe(time.monotonic() - arrived)
        index = self._position - len(self._prompt) + 1
        self._position += 1
        if index < 0:
            return
        self._token = token
        if self._vocabulary:
            self._vocabulary.feed(token)
        self._watch(token, loud=loud)
        delta, words = self._writer.feed(index, token)
        if self._is_over(token):
            tail, more = self._writer.finish()
            self._end(delta + tail, words + more)
        elif delta or words:
            self._mailbox.put(Hypothesis(delta, words, "", self.audio_seconds))

    def fail(self, error: VoxtralError) -> None:
        """End the stream with an error for its reader."""
        self._leave()
        self._mailbox.fail(error)

    def _end(self, delta: str, words: tuple[Word, ...]) -> None:
        self._leave()
        self._mailbox.put(Hypothesis(delta, words, "", self._audio.samples / SAMPLE_RATE, final=True))

    def _watch(self, token: int, *, loud: bool) -> None:
        self._padded = self._padded + 1 if token == self._tokenizer.pad else 0
        if token != self._tokenizer.pad:
            self.rescued += self._rut.penalty(self._blank_run) > 0
            self._blank_run = 0
        elif loud:
            self._blank_run += 1

    def _is_over(self, token: int) -> bool:
        """At the last position that pads allow for; at an end-of-text token once all audio has been heard, or live when
        nothing more is to come.

        While audio continues the model may write an end of text and go on (the reference feeds it back like any token).
        """
        if not self._audio.finished:
            return False
        end = LEFT_PAD_TOKENS + self._audio.frames
        due = end + self.delay
        settled = not self.bulk and self._position >= due + SETTLED and self._padded >= SETTLED
        last = due + EXTRA_RIGHT_PAD_TOKENS
        return settled or self._position >= last or (token == self._tokenizer.eos and self._position > end)

    def _leave(self) -> None:
        with self._changed:  # the caller may cancel while the engine's thread ends the stream
            if self.ended:
                return
            self.ended = True
            self._release(self)
        self._call(self._room.set)

    def _call(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)
