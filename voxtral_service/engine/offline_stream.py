"""One stream of the Voxtral 2507 engine: its audio in pieces of up to 30 s, and the text of each as it is written."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import cached_property

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.chat import Message
from voxtral_service.engine.base import StreamOptions
from voxtral_service.engine.mailbox import Mailbox
from voxtral_service.engine.offline_batch import Sampler, Writing
from voxtral_service.engine.stream import LOUDEST_SAMPLE
from voxtral_service.engine.word_times import HOP, spread
from voxtral_service.errors import InvalidAudio, VoxtralError
from voxtral_service.events import Hypothesis, Score, Token, Word
from voxtral_service.voxtral.instruct import CHUNK_SECONDS, InstructTokenizer, Prompt
from voxtral_service.voxtral.tokenizer import TextDecoder

LONGEST_PIECE = CHUNK_SECONDS * SAMPLE_RATE
SHORTEST_PIECE = LONGEST_PIECE * 2 // 3
"""A longer stream is cut at the quietest spot between the two."""
TOKENS_A_SECOND = 20
"""More than anybody speaks in any language of the models; only a text that repeats itself gets there."""
TOKENS_BESIDES = 64
TRANSLATE = "Translate what is said in this recording into English. Answer with the translation and nothing else."
_LANGUAGE_TAG = re.compile(r"lang:([a-z]{2})")


class OfflineStream:
    """See `engine.base.Stream`; `Piece`s of it are what the engine's thread writes, one at a time."""

    def __init__(
        self,
        options: StreamOptions,
        language: str | None,
        tokenizer: InstructTokenizer,
        submit: Callable[[Writing, bool], None],
        release: Callable[[OfflineStream], None],
    ) -> None:
        self.bulk = options.bulk
        self.ended = False
        self._options, self._language, self._tokenizer = options, language, tokenizer
        self._submit, self._release = submit, release
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._mailbox = Mailbox()
        self._held: list[Samples] = []
        self._samples = 0
        self._waiting: deque[Piece] = deque()
        self._current: Piece | None = None
        self._finished = False
        self._heard = 0
        self._logprobs: list[float] = []

    # -- the caller's side

    @property
    def audio_seconds(self) -> float:
        """See `Stream`; grows by whole pieces."""
        return self._heard / SAMPLE_RATE

    async def push(self, samples: Samples) -> None:
        """See `Stream`. Raises InvalidAudio for samples that are no finite numbers, ValueError after `finish`."""
        if samples.size and not np.abs(samples).max() < LOUDEST_SAMPLE:
            raise InvalidAudio(
                "the audio holds samples that are infinite or not a number; send finite values in [-1, 1]"
            )
        if self._finished:
            raise ValueError("push after finish")
        self._held.append(samples.astype(np.float32, copy=False))
        self._samples += len(samples)
        while self._samples > LONGEST_PIECE:
            held = np.concatenate(self._held)
            cut = _quietest(held[:LONGEST_PIECE])
            self._held, self._samples = [held[cut:]], len(held) - cut
            self._add(held[:cut])
            while self._waiting and not self.ended:
                self._room.clear()
                await self._room.wait()

    def finish(self) -> None:
        """See `Stream`; finishing twice is harmless."""
        if self._finished:
            return
        if self._samples:
            self._add(np.concatenate(self._held), last=True)
            return
        with self._lock:
            self._finished, idle = True, self._current is None
        if idle:
            self._end("")

    def cancel(self) -> None:
        """See `Stream`."""
        self._leave()
        self._mailbox.close()

    async def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """See `Stream`."""
        while (hypothesis := await self._mailbox.take()) is not None:
            yield hypothesis
            if hypothesis.final:
                return

    # -- the engine thread's side

    def fail(self, error: VoxtralError) -> None:
        """End the stream with an error for its reader."""
        self._leave()
        self._mailbox.fail(error)

    def wrote(self, piece: Piece, delta: str, token: Token) -> None:
        """A piece's text grew."""
        self._logprobs.append(token.logprob)
        self._mailbox.put(Hypothesis(delta, tokens=(token,), audio_seconds=self.audio_seconds, language=piece.language))

    def over(self, piece: Piece, delta: str) -> None:
        """A piece's text is complete, with this at its end."""
        words = spread(piece.text, piece.samples, piece.start / SAMPLE_RATE)
        self._language = self._language or piece.language
        with self._lock:
            self._heard = piece.start + len(piece.samples)
            following = self._current = self._waiting.popleft() if self._waiting else None
            last = self._finished and following is None
        if last:
            self._end(delta, words)
            return
        self._mailbox.put(Hypothesis(delta, words, audio_seconds=self.audio_seconds, language=self._language))
        if following is not None:
            self._submit(following, self.bulk)
            self._call(self._room.set)

    def _add(self, samples: Samples, *, last: bool = False) -> None:
        with self._lock:
            self._finished = last
            before = self._waiting[-1] if self._waiting else self._current
            start = before.start + len(before.samples) if before else self._heard
            piece = Piece(self, self._options, self._language, self._tokenizer, samples, start)
            idle = self._current is None
            if idle:
                self._current = piece
            else:
                self._waiting.append(piece)
        if idle:
            self._submit(piece, self.bulk)

    def _end(self, delta: str, words: tuple[Word, ...] = ()) -> None:
        self._leave()
        mean = sum(self._logprobs) / len(self._logprobs) if self._logprobs else None
        self._mailbox.put(
            Hypothesis(
                delta,
                words,
                audio_seconds=self.audio_seconds,
                final=True,
                language=self._language,
                score=Score(mean, temperature=self._options.temperature),
            )
        )

    def _leave(self) -> None:
        with self._lock:
            if self.ended:
                return
            self.ended = True
            for piece in (self._current, *self._waiting):
                if piece is not None:
                    piece.cancelled = True
        self._release(self)
        self._call(self._room.set)

    def _call(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)


class Piece:
    """A stretch of a stream that the model hears at once; see `offline_batch.Writing`."""

    def __init__(
        self,
        stream: OfflineStream,
        options: StreamOptions,
        language: str | None,
        tokenizer: InstructTokenizer,
        samples: Samples,
        start: int,
    ) -> None:
        self.samples, self.start = samples, start
        self.cancelled = False
        self.sampler = Sampler(options.temperature)
        self.text = ""
        self.language = language
        self._stream, self._tokenizer, self._translate = stream, tokenizer, options.translate
        self._decoder = TextDecoder(tokenizer)
        self._left = TOKENS_BESIDES + TOKENS_A_SECOND * len(samples) // SAMPLE_RATE
        self._undecided: str | None = ""

    @cached_property
    def prompt(self) -> Prompt:
        """Written only when the model gets to it: it holds the audio a second time."""
        if self._translate:
            return self._tokenizer.conversation([Message("user", (self.samples, TRANSLATE))])
        return self._tokenizer.transcription(self.samples, self.language)

    def take(self, token: int, logprob: float) -> bool:
        """See `Writing`."""
        if self.cancelled:
            return False
        self._left -= 1
        delta = self._said(self._decoder.feed(token))
        if delta:
            self._stream.wrote(self, delta, Token(token, delta, logprob))
        if token != self._tokenizer.eos and self._left:
            return True
        self._stream.over(self, self._said(self._decoder.finish(), last=True))
        return False

    def fail(self, error: VoxtralError) -> None:
        """See `Writing`."""
        self._stream.fail(error)

    def _said(self, text: str, *, last: bool = False) -> str:
        """What may be shown of more text: a language tag that the model may begin with is read, not shown."""
        if self._undecided is not None:
            text = (self._undecided + text).lstrip()
            if not last and len(text) < 7 and ("lang:".startswith(text[:5]) or not text):
                self._undecided = text
                return ""
            self._undecided = None
            if tag := _LANGUAGE_TAG.match(text):
                self.language = self.language or tag[1]
                text = text[tag.end() :].lstrip()
                self._undecided = None if text else ""
            if text and self.start:
                text = " " + text
        self.text += text
        return text


def _quietest(samples: Samples) -> int:
    """Where to cut: the middle of the quietest 0.3 s after `SHORTEST_PIECE`."""
    hops = samples[SHORTEST_PIECE:].reshape(-1, HOP)
    around = np.convolve(np.square(hops).mean(1), np.ones(15), "valid")
    return SHORTEST_PIECE + (int(around.argmin()) + 7) * HOP
