"""One stream of a Whisper engine: its audio, the windows that are cut from it, its text."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.agreement import HeardWord, LocalAgreement
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.mailbox import Mailbox
from voxtral_service.engine.stream import LOUDEST_SAMPLE, MAX_UNREAD_CHARACTERS
from voxtral_service.engine.whisper_model import WINDOW_SECONDS, Heard, Task
from voxtral_service.errors import InvalidAudio, VoxtralError
from voxtral_service.events import Hypothesis, Score, Word

WINDOW = round(WINDOW_SECONDS * SAMPLE_RATE)
MAX_HELD = 2 * WINDOW
"""Samples a stream may hold before `push` waits: one window that is heard and one that gathers."""
STEP = SAMPLE_RATE
"""A live stream is heard anew at every whole second of audio, or when the engine is free again, if that is later."""
LONG, VERY_LONG = 15 * SAMPLE_RATE, 24 * SAMPLE_RATE
"""A live window of more samples is cut behind a final sentence; behind any final word."""
QUIET = 5 * SAMPLE_RATE
"""A live window of more samples without a word in it is forgotten, but for its last second."""
MARGIN = 1.0
"""Seconds: a word that ends closer to the end of a full window may have been cut, and is heard again in the next."""
CONTEXT = 200
"""Characters of final text that a live window is told came before it, as Macháček et al. do."""
SENTENCE_ENDS = (".", "?", "!", "。", "？", "！", "…")


class WhisperStream:
    """Callers use the methods of `engine.base.Stream`; the rest belongs to the engine's thread.

    A file's stream is heard in windows of 30 s that follow each other: each begins behind the last word that the one
    before it heard whole. A live stream is heard again and again from where its last cut was.
    """

    def __init__(
        self,
        options: StreamOptions,
        task: Task,
        changed: threading.Condition,
        release: Callable[[WhisperStream], None],
    ) -> None:
        self.bulk = options.bulk
        self.ended = False
        self._task, self._prompt = task, options.prompt
        self._changed, self._release = changed, release
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._mailbox = Mailbox()
        self._buffer = np.zeros(0, np.float32)
        self._start = 0  # the buffer's first sample
        self._heard_to = 0
        self._finished = False
        self._words = LocalAgreement()
        self._text = ""
        self._scores: list[tuple[int, Score]] = []
        self._language = task.language

    # -- the caller's side

    @property
    def audio_seconds(self) -> float:
        """See `Stream`."""
        return self._heard_to / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        """See `Stream`. Raises InvalidAudio for samples that are no finite numbers, ValueError after `finish`."""
        if samples.size and not np.abs(samples).max() < LOUDEST_SAMPLE:
            raise InvalidAudio(
                "the audio holds samples that are infinite or not a number; send finite values in [-1, 1]"
            )
        while True:
            while len(self._buffer) >= MAX_HELD and not self.ended:
                self._room.clear()
                await self._room.wait()
            with self._changed:
                if self._finished:
                    raise ValueError("push after finish")
                if self.ended:
                    return
                room = MAX_HELD - len(self._buffer)
                piece, samples = samples[:room], samples[room:]
                self._buffer = np.concatenate((self._buffer, piece.astype(np.float32, copy=False)))
                self._changed.notify()
            if not len(samples):
                return

    def finish(self) -> None:
        """See `Stream`; finishing twice is harmless."""
        with self._changed:
            if self._finished:
                return
            self._finished = True
            if not self._start and not len(self._buffer):
                self._end(Hypothesis("", final=True, language=self._task.language))
            self._changed.notify()

    def cancel(self) -> None:
        """See `Stream`."""
        self._leave()
        self._mailbox.close()

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """See `Stream`."""
        while (hypothesis := await self._mailbox.take()) is not None:
            with self._changed:  # the stream may have been paused for want of a reader
                self._changed.notify()
            yield hypothesis
            if hypothesis.final:
                return

    # -- the engine thread's side; `task`, `is_ready` and `window` with the engine's lock held

    @property
    def task(self) -> Task:
        """What is to be made of the next window."""
        if self.bulk or not (self._start and self._text):
            return self._task
        # Text from before the window keeps names and style as they were.
        prompt = f"{self._prompt} {self._text[-CONTEXT:].partition(' ')[2]}".strip()
        return replace(self._task, language=self._language, prompt=prompt)

    @property
    def is_ready(self) -> bool:
        """Whether there is a window to be heard."""
        if self.ended or self._mailbox.unread > MAX_UNREAD_CHARACTERS:
            return False
        return self._finished or len(self._buffer) >= WINDOW or (not self.bulk and self._steps > self._steps_heard)

    def window(self) -> Samples:
        """The samples to be heard next; a live window ends at a whole second unless the audio does."""
        if self._finished or self.bulk:
            return self._buffer[:WINDOW].copy()
        return self._buffer[: min(WINDOW, self._steps * STEP - self._start)].copy()

    def take(self, heard: Heard, samples: int) -> None:
        """What was heard in the window of so many samples."""
        if self.ended:
            return
        at = self._start / SAMPLE_RATE
        words = [HeardWord(w.text, round(w.start + at, 3), round(w.end + at, 3), w.tokens) for w in heard.words]
        self._heard_to = self._start + samples
        self._language = self._language or heard.language
        with self._changed:
            last = self._finished and samples == len(self._buffer)
        if last:
            self._say(self._words.accept(words, float("inf")), heard, final=True)
        elif samples == WINDOW:
            self._full(words, heard)
        else:
            self._say(self._words.update(words), heard)
            self._trim(samples, words)

    def fail(self, error: VoxtralError) -> None:
        """End the stream with an error for its reader."""
        self._leave()
        self._mailbox.fail(error)

    @property
    def _steps(self) -> int:
        """Whole steps of audio that have come; steps count from the stream's start, wherever the buffer begins."""
        return (self._start + len(self._buffer)) // STEP

    @property
    def _steps_heard(self) -> int:
        return self._heard_to // STEP

    def _full(self, words: Sequence[HeardWord], heard: Heard) -> None:
        """No more fits into the window: what it says must do, and the next one begins behind it."""
        end = (self._start + WINDOW) / SAMPLE_RATE
        whole = self._words.accept(words, end - MARGIN)
        unsure = self._words.unsure
        if not whole and unsure:  # one endless word
            whole, unsure = self._words.accept(words, float("inf")), ()
        self._say(whole, heard)
        self._cut(round(unsure[0].start * SAMPLE_RATE) if unsure else self._start + WINDOW)

    def _trim(self, samples: int, words: Sequence[HeardWord]) -> None:
        """Keep a live window short: what is heard again and again costs time, and helps little when it is long past."""
        if not words and samples > QUIET:
            self._cut(self._start + samples - SAMPLE_RATE)
            return
        if samples <= LONG:
            return
        final = [word for word in words if word.end <= self._words.until]
        sentences = [word for word in final if word.text.rstrip().endswith(SENTENCE_ENDS)]
        if sentences:
            self._cut(round(sentences[-1].end * SAMPLE_RATE))
        elif samples > VERY_LONG and final:
            self._cut(round(final[-1].end * SAMPLE_RATE))

    def _cut(self, at: int) -> None:
        with self._changed:
            at = min(max(at, self._start + 1), self._start + len(self._buffer))
            self._buffer = self._buffer[at - self._start :].copy()
            self._start = at
        self._call(self._room.set)

    def _say(self, words: Sequence[HeardWord], heard: Heard, *, final: bool = False) -> None:
        delta = "".join(word.text for word in words)
        delta = delta if self._text else delta.lstrip()
        self._text += delta
        if heard.score is not None and (final or words):
            self._scores.append((sum(len(word.tokens) for word in words), heard.score))
        tail = "".join(word.text for word in self._words.unsure)
        hypothesis = Hypothesis(
            delta,
            tuple(Word(word.text.strip(), word.start, word.end) for word in words),
            tail if self._text else tail.lstrip(),
            self.audio_seconds,
            final=final,
            tokens=tuple(token for word in words for token in word.tokens),
            language=self._language,
            score=self._score() if final else None,
        )
        if final:
            self._end(hypothesis)
        else:
            self._mailbox.put(hypothesis)

    def _score(self) -> Score | None:
        """The windows' scores, each weighed by the tokens it gave."""
        if not self._scores:
            return None
        weights = [max(tokens, 1) for tokens, _ in self._scores]
        scores = [score for _, score in self._scores]
        return Score(
            float(np.average([score.avg_logprob or 0.0 for score in scores], weights=weights)),
            float(np.average([score.no_speech_prob or 0.0 for score in scores], weights=weights)),
            self._task.temperature,
        )

    def _end(self, hypothesis: Hypothesis) -> None:
        self._leave()
        self._mailbox.put(hypothesis)

    def _leave(self) -> None:
        with self._changed:  # the caller may cancel while the engine's thread ends the stream
            if self.ended:
                return
            self.ended = True
            self._buffer = np.zeros(0, np.float32)
            self._release(self)
        self._call(self._room.set)

    def _call(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)
