"""The Voxtral 2507 engine: hears recordings piece by piece, and answers questions about them."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from enum import IntEnum

from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, Message
from voxtral_service.engine import abilities
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.offline_answer import Answer
from voxtral_service.engine.offline_batch import Batch, Writing
from voxtral_service.engine.offline_model import OfflineModel
from voxtral_service.engine.offline_stream import OfflineStream
from voxtral_service.engine.vacancy import Vacancy
from voxtral_service.errors import EngineError, InvalidOption, Overloaded, VoxtralError

logger = logging.getLogger(__name__)

DEFAULT_ANSWER_TOKENS = 1024
_LANGUAGE = re.compile(r"([a-z]{2})(-.*)?", re.IGNORECASE)


class Urgency(IntEnum):
    """What is written first: before every token the most urgent texts are looked for."""

    LIVE = 0
    ANSWER = 1
    BULK = 2


class VoxtralOfflineEngine:
    """See `engine.base.Engine` and `Listener`. One thread reads a prompt, or writes a token of many texts, at a time.

    Streams and answers share `places`. Files take only places beyond `reserve`; a live stream or an answer that finds
    none free takes that of the file's stream that was opened last.
    """

    def __init__(self, model: OfflineModel, *, places: int, languages: tuple[str, ...] = (), reserve: int = 0) -> None:
        """Raises ValueError when `reserve` leaves files no place."""
        if not 0 <= reserve < places:
            raise ValueError(f"a reserve of {reserve} of {places} places")
        self._model, self._languages = model, languages
        self._places, self._reserve = places, reserve
        self._vacancy = Vacancy()
        self._open: list[OfflineStream | Answer] = []
        self._changed = threading.Condition()
        self._queues: dict[Urgency, deque[Writing]] = {urgency: deque() for urgency in Urgency}
        self._batches = {urgency: Batch(model) for urgency in Urgency}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="voxtral-offline-engine", daemon=True)
        self._thread.start()

    @property
    def capabilities(self) -> Capabilities:
        """See `Engine`."""
        return abilities.voxtral(self._languages, self._model.context)

    def open(self, options: StreamOptions) -> OfflineStream:
        """See `Engine`; a delay means nothing here, text comes when a piece of up to 30 s has ended."""
        language = self._language(options)
        stream = OfflineStream(options, language, self._model.tokenizer, self._submit, self._release)
        self._take_place(stream, bulk=options.bulk)
        return stream

    async def wait_for_place(self) -> None:
        """See `Engine`."""
        await self._vacancy.wait(lambda: self._closing or self._places - len(self._open) > self._reserve)

    async def answer(self, messages: Sequence[Message[Samples]], options: AnswerOptions) -> AsyncGenerator[AnswerEvent]:
        """See `Listener`."""
        prompt = await asyncio.to_thread(
            self._model.tokenizer.conversation, messages, options.tools, must_call=options.must_call
        )
        room = self._model.context - len(prompt.tokens)
        if room <= 0:
            raise InvalidOption(
                f"the conversation takes {len(prompt.tokens)} tokens, {abilities.VOXTRAL_CHUNK_TOKENS} for every "
                f"started 30 s of sound; this model has {self._model.context} for question and answer: send less",
                field="messages",
            )
        answer = Answer(prompt, options, min(options.max_tokens or DEFAULT_ANSWER_TOKENS, room), self._model.tokenizer)
        self._take_place(answer, bulk=False)
        try:
            self._queue(answer, Urgency.ANSWER)
            while True:
                event = await answer.events.get()
                if isinstance(event, VoxtralError):
                    raise event
                yield event
                if isinstance(event, AnswerEnd):
                    return
        finally:
            answer.cancelled = True
            self._release(answer)

    def close(self) -> None:
        """See `Engine`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        for taken in list(self._open):
            taken.fail(EngineError("the engine was closed while it was in use"))
        self._vacancy.tell()

    def _language(self, options: StreamOptions) -> str | None:
        """The two letters that the prompt takes; raises InvalidOption for a language that the model does not know."""
        if options.language is None:
            return None
        tag = _LANGUAGE.fullmatch(options.language)
        if tag is None or (self._languages and tag[1].lower() not in self._languages):
            known = f"it knows {', '.join(self._languages)}" if self._languages else "send a code like en or pt-BR"
            raise InvalidOption(
                f"this model does not know the language {options.language!r}; {known}", field="language"
            )
        return tag[1].lower()

    def _take_place(self, wanted: OfflineStream | Answer, *, bulk: bool) -> None:
        with self._changed:
            if self._closing:
                raise EngineError("the engine has been closed; start it again")
            free = self._places - len(self._open) - (self._reserve if bulk else 0)
            giving = None
            if free <= 0 and not bulk:
                files = [taken for taken in self._open if isinstance(taken, OfflineStream) and taken.bulk]
                giving = files[-1] if files else None
            if free <= 0 and giving is None:
                raise Overloaded(
                    f"all {self._places} places for streams and answers are taken; try again when one has ended, "
                    "or start with more (--max-streams)"
                )
            self._open.append(wanted)
        if giving is not None:
            giving.fail(Overloaded("a live stream took this place; try again later"))

    def _release(self, taken: OfflineStream | Answer) -> None:
        with self._changed:
            if taken in self._open:
                self._open.remove(taken)
        self._vacancy.tell()

    def _submit(self, piece: Writing, bulk: bool) -> None:
        self._queue(piece, Urgency.BULK if bulk else Urgency.LIVE)

    def _queue(self, writing: Writing, urgency: Urgency) -> None:
        with self._changed:
            self._queues[urgency].append(writing)
            self._changed.notify()

    # -- the engine's thread

    def _run(self) -> None:
        while (turn := self._next_turn()) is not None:
            batch, joining = turn
            if joining is None:
                self._step(batch)
            else:
                self._join(batch, joining)

    def _next_turn(self) -> tuple[Batch, Writing | None] | None:
        """The most urgent batch with work, and a text that is to join it if one waits; None when closing."""
        with self._changed:
            while not self._closing:
                for urgency in Urgency:
                    queue, batch = self._queues[urgency], self._batches[urgency]
                    while queue:
                        if not (writing := queue.popleft()).cancelled:
                            return batch, writing
                    if batch.rows:
                        return batch, None
                self._changed.wait()
        return None

    def _join(self, batch: Batch, writing: Writing) -> None:
        try:
            batch.join(writing)
        except VoxtralError as error:
            writing.fail(error)
        except Exception as error:  # whatever the device throws, the other texts go on
            logger.exception("a prompt could not be read")
            writing.fail(EngineError(f"the engine failed while it read a prompt: {error}"))

    def _step(self, batch: Batch) -> None:
        try:
            batch.step()
        except Exception as error:  # whatever the device throws, the engine goes on
            logger.exception("a step of %d texts failed", len(batch.rows))
            for writing in batch.rows:
                writing.fail(EngineError(f"the engine failed in the middle of a text: {error}"))
            batch.clear()
