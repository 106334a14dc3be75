"""The port that every speech engine stands behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEvent, AnswerOptions, Message
from voxtral_service.events import Hypothesis, Transcript, Word

if TYPE_CHECKING:
    from voxtral_service.engine.capacity import Capacity


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a caller may ask of one stream.

    `delay_ms` is how long the engine waits before it writes a word, 80 to 2,400 in steps of 80 (None: the model's own);
    `language` a BCP 47 tag or None to let the engine tell, out of `languages` if there are any; `bulk` marks files,
    which yield to live streams. `translate` asks for English text whatever is spoken. `prompt` is text that came before
    or sets the style, `vocabulary` words that are likely; engines whose capabilities lack them pay no heed.
    `temperature` 0 is greedy, at most 1.
    """

    delay_ms: int | None = None
    language: str | None = None
    bulk: bool = False
    translate: bool = False
    prompt: str = ""
    vocabulary: tuple[str, ...] = ()
    temperature: float = 0.0
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do; what it cannot and is not asked politely (`StreamOptions`) is an InvalidOption.

    `languages` are those it knows, empty if nobody has said; `longest_segment` is how many seconds of one recording it
    takes as one stream.
    """

    languages: tuple[str, ...] = ()
    live: bool = False
    """Writes while audio comes in, not only when it has ended."""
    translates: bool = False
    detects_language: bool = False
    logprobs: bool = False
    uses_prompt: bool = False
    uses_vocabulary: bool = False
    uses_temperature: bool = False
    longest_segment: float = 60.0
    whole_windows: bool = False
    """A stream costs as much as the longest segment, however short it is; so recordings are cut as late as can be."""
    word_times: Literal["measured", "estimated"] = "measured"
    """Estimated ones are spread over the loud parts of a segment by the words' lengths."""
    longest_conversation: float = 0.0
    """Seconds of audio in one conversation that it can hear and answer (`Listener`); 0 if it only transcribes."""


class Stream(Protocol):
    """One piece of audio on its way through an engine, used from one asyncio loop."""

    @property
    def audio_seconds(self) -> float:
        """How much of the audio has been worked through."""
        ...

    async def push(self, samples: Samples) -> None:
        """Add audio; waits while the engine is too far behind. Raises the engine's error if the stream has failed."""
        ...

    def finish(self) -> None:
        """Say that no audio will follow; the rest of the text comes, then the final hypothesis."""
        ...

    def cancel(self) -> None:
        """Drop the stream and free its place at once; no more hypotheses come. Harmless when it has ended."""
        ...

    def __aiter__(self) -> AsyncIterator[Hypothesis]:
        """Hypotheses until the final one; raises the engine's error if the stream fails."""
        ...


class Engine(Protocol):
    """A loaded model, ready to take streams."""

    @property
    def capabilities(self) -> Capabilities:
        """What may be asked of its streams."""
        ...

    def open(self, options: StreamOptions) -> Stream:
        """Take a place for a stream.

        Raises Overloaded at once when there is none free, InvalidOption when the model cannot do what is asked. A live
        stream may take the place of a bulk one, which then fails with Overloaded and is to be opened anew later.
        """
        ...

    async def wait_for_place(self) -> None:
        """Return when a bulk stream may find a place, at once if there is one; `open` may fail all the same.

        For callers that have time: files wait here after an Overloaded. `engine.vacancy` does this for any engine.
        """
        ...

    def close(self) -> None:
        """Fail open streams, stop the engine's threads and free its memory. Harmless when closed."""
        ...


@runtime_checkable
class Measured(Protocol):
    """An engine that knows how much it can do in time."""

    @property
    def expected_lag(self) -> float:
        """Seconds from the end of speech to its final text, as things are; 0 where nobody speaks."""
        ...

    @property
    def is_late(self) -> bool:
        """Whether one more live stream might be more than the bound of lag allows that it was started with."""
        ...

    def measure(self, lag_bound: float) -> Capacity:
        """Find out how many live streams keep such a bound (seconds), in a few seconds, before there are any."""
        ...


@runtime_checkable
class Listener(Protocol):
    """An engine that understands what it hears: it answers questions about audio."""

    def answer(self, messages: Sequence[Message[Samples]], options: AnswerOptions) -> AsyncGenerator[AnswerEvent]:
        """The assistant's next message in a conversation, as it is written; audio is 16 kHz mono.

        Nothing happens before the first event is asked for; leaving the generator ends the writing at once. Raises
        InvalidOption for a conversation that the model's template does not take or that is too long, Overloaded when
        there is no place free, EngineError when the engine fails.
        """
        ...


async def transcribe(engine: Engine, blocks: Iterable[Samples], options: StreamOptions) -> Transcript:
    """One clip from its first sample to its last word."""
    parts: list[str] = []
    words: list[Word] = []
    async for hypothesis in hypotheses(engine, blocks, options):
        parts.append(hypothesis.delta)
        words.extend(hypothesis.words)
        duration, language = hypothesis.audio_seconds, hypothesis.language
    return Transcript("".join(parts), tuple(words), duration, language or options.language)


async def hypotheses(engine: Engine, blocks: Iterable[Samples], options: StreamOptions) -> AsyncGenerator[Hypothesis]:
    """The hypotheses of one clip as they come, the last one final.

    `blocks` is read in a worker thread, a block at a time and no faster than the engine works.
    """
    stream = engine.open(options)
    feeder = asyncio.create_task(_feed(stream, blocks))
    feeder.add_done_callback(lambda task: None if task.cancelled() or not task.exception() else stream.cancel())
    try:
        async for hypothesis in stream:
            yield hypothesis
        await feeder
    finally:
        feeder.cancel()
        stream.cancel()


async def _feed(stream: Stream, blocks: Iterable[Samples]) -> None:
    source = iter(blocks)
    while (block := await asyncio.to_thread(next, source, None)) is not None:
        await stream.push(block)
    stream.finish()
