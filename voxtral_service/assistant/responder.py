"""Turns of a session in, answers out: `floor.TABLE` says what follows from what, this does it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from voxtral_service.assistant.answer import Answer, AnswerSettings, Decided, Parts
from voxtral_service.assistant.backchannel import is_backchannel
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.floor import TABLE, Action, Signal, State
from voxtral_service.assistant.llm import LanguageModel, Recital
from voxtral_service.audio import Samples
from voxtral_service.chat import Message
from voxtral_service.errors import InvalidOption, Overloaded
from voxtral_service.events import (
    AssistantCommand,
    AssistantEvent,
    CancelResponse,
    CreateResponse,
    DecideApproval,
    ResponseEnd,
    ResponseTruncated,
    SessionEvent,
    ToolServerFailed,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    Truncate,
    TurnEagerEnd,
    TurnEnded,
    TurnResumed,
    TurnStarted,
    UseToolServers,
)

logger = logging.getLogger(__name__)

MAX_WAITING_EVENTS = 256
MAX_GUESSES = 3
"""Answers that are begun for one turn before it has ended."""
MAX_ANNOUNCEMENTS = 16
KEPT_ANSWERS = 8
"""Answers that can still be truncated."""


@dataclass(frozen=True, slots=True)
class ResponderSettings:
    """How a conversation is held.

    With `guesses` an answer is begun when a turn may have ended. With `interrupts` a person who begins to speak stops
    the answer; with `assent` as well, words like "mm-hm" do not, and other sounds only when they have words or last
    longer than `doubt` seconds.
    """

    answer: AnswerSettings = field(default_factory=AnswerSettings)
    guesses: bool = True
    interrupts: bool = True
    assent: bool = False
    doubt: float = 0.8


class Responder:
    """One conversation, in one event loop. Read it for events until `close`; somebody has to, or answers wait."""

    def __init__(
        self,
        parts: Parts,
        settings: ResponderSettings,
        conversation: Conversation,
        *,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock` is the event loop's own if it is None, in seconds."""
        self.state = State.LISTENING
        self.conversation = conversation
        self._parts, self._settings = parts, settings
        self._clock = clock or asyncio.get_running_loop().time
        self._events: asyncio.Queue[AssistantEvent | None] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._acting = asyncio.Lock()
        self._answers: dict[int, Answer] = {}
        self._responses = 0
        self._current: tuple[Answer, asyncio.Task[None]] | None = None
        self._doubt: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = 0
        self._text = ""
        self._guessed = ""
        self._guesses = 0
        self._during_answer = False
        self._speaking = False
        self._due: deque[str | Decided] = deque()

    async def __aiter__(self) -> AsyncIterator[AssistantEvent]:
        """Events until `close`."""
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """Stop everything; nothing more is told. Harmless when closed."""
        await self._drop()
        for task in tuple(self._tasks):
            task.cancel()
        if self._parts.toolbox.servers is not None:
            await self._parts.toolbox.servers.close()
        while self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def send(self, command: AssistantCommand) -> None:
        """Carry out a command."""
        match command:
            case CreateResponse():
                await self._signal(Signal.CREATE)
            case CancelResponse():
                await self._signal(Signal.CANCEL)
            case Truncate():
                await self._truncate(command)
            case UseToolServers():
                self._spawn(self._use(command))
            case DecideApproval():
                await self._decide(command)

    async def announce(self, text: str) -> None:
        """Say this as soon as nobody speaks. Raises Overloaded when too much waits to be said."""
        if len(self._due) >= MAX_ANNOUNCEMENTS:
            raise Overloaded(f"{MAX_ANNOUNCEMENTS} announcements wait already")
        self._due.append(text)
        await self._signal(None)

    async def hear(self, event: SessionEvent) -> None:
        """Take in what a session tells, every event in order."""
        if isinstance(event, (TurnStarted, TurnEnded)):
            # What was said is still to come; only what was cleared is over.
            self._speaking = isinstance(event, TurnStarted) or event.reason != "cleared"
        elif isinstance(event, (TranscriptFinal, TranscriptFailed)) and event.turn == self._turn:
            self._speaking = False
        match event:
            case TurnStarted():
                self._turn, self._text, self._guesses = event.turn, "", 0
                self._during_answer = self.state in (State.ANSWERING, State.DOUBTFUL)
                if self._settings.interrupts:
                    await self._signal(Signal.SOUND if self._settings.assent else Signal.SPEECH)
            case TranscriptDelta() if event.turn == self._turn:
                self._text += event.text
                if self.state is State.DOUBTFUL and not is_backchannel(self._text):
                    await self._signal(Signal.SPEECH)
                elif self.state is State.GUESSING and _plain(self._text) != self._guessed:
                    await self._pause(Signal.WORDS)
            case TurnEagerEnd() if event.turn == self._turn:
                await self._pause(Signal.PAUSE)
            case TurnResumed() if event.turn == self._turn:
                await self._signal(Signal.RESUMED)
            case TurnEnded(reason="cleared") | TranscriptFailed() if event.turn == self._turn:
                await self._signal(Signal.NOTHING)
            case TranscriptFinal():
                await self._final(event)
            case _:
                pass

    # -- turns

    async def _pause(self, signal: Signal) -> None:
        """The words so far may be all there are."""
        assent = self._during_answer and is_backchannel(self._text)
        if not self._settings.guesses or not self._text.strip() or assent:
            return
        if self._guesses < MAX_GUESSES:
            self._guesses += 1
            await self._signal(signal)

    async def _final(self, event: TranscriptFinal) -> None:
        latest = event.turn == self._turn
        assent = self._settings.assent and self._during_answer and is_backchannel(event.text)
        if not event.text.strip() or (latest and assent):
            if latest:
                await self._signal(Signal.NOTHING)
            return
        self.conversation.put(f"turn {event.turn}", (Message("user", (event.text.strip(),)),))
        if not latest:
            return  # somebody has gone on speaking; the answer to that will be one to this as well
        guessed = self.state is State.GUESSING and _plain(event.text) == self._guessed
        await self._signal(Signal.GUESSED if guessed else Signal.QUESTION)

    # -- the table

    async def _signal(self, signal: Signal | None, answer: Answer | None = None) -> None:
        """Take a step; what waits to be announced may have its time behind it."""
        async with self._acting:
            # An answer may have ended by itself while it was being stopped.
            stale = answer is not None and (self._current is None or self._current[0] is not answer)
            if signal is not None and not stale:
                await self._step(signal)
            if self._due and not self._speaking:
                await self._step(Signal.ANNOUNCE)

    async def _step(self, signal: Signal) -> None:
        if step := TABLE.get((self.state, signal)):
            self.state, action = step
            await self._act(action)

    async def _act(self, action: Action) -> None:
        if self._doubt is not None:
            self._doubt.cancel()
            self._doubt = None
        match action:
            case Action.GUESS:
                await self._drop()
                self._guessed = _plain(self._text)
                self._begin((Message("user", (self._text.strip(),)),))
            case Action.ANSWER:
                await self._stop("interrupted")
                self._begin(()).release()
            case Action.ANNOUNCE:
                self._begin_due().release()
            case Action.FORGET:
                await self._drop()
            case Action.RELEASE if self._current is not None:
                self._current[0].release()
            case Action.INTERRUPT:
                await self._stop("interrupted")
            case Action.STOP:
                await self._stop("cancelled")
            case Action.DOUBT:
                loop = asyncio.get_running_loop()
                self._doubt = loop.call_later(self._settings.doubt, lambda: self._spawn(self._signal(Signal.SPEECH)))
            case Action.FINISH:
                self._settle()
            case _:
                pass

    # -- answers

    def _begin_due(self) -> Answer:
        """An answer that nobody's turn asked for."""
        first = self._due.popleft()
        if isinstance(first, str):
            return self._begin((), Recital(first))
        decided = [first]
        while self._due and isinstance(self._due[0], Decided):
            decided.append(cast(Decided, self._due.popleft()))
        return self._begin((), decided=decided)

    def _begin(
        self,
        guessed: tuple[Message[Samples], ...],
        model: LanguageModel | None = None,
        decided: Sequence[Decided] = (),
    ) -> Answer:
        self._responses += 1
        parts = self._parts if model is None else replace(self._parts, model=model, context=None)
        answer = Answer(
            self._responses,
            None if model is not None or decided else self._turn or None,
            (*self.conversation.messages(), *guessed),
            parts,
            self._settings.answer,
            self._events.put,
            self._clock,
            decided,
        )
        self._current = answer, self._spawn(self._run(answer))
        return answer

    async def _run(self, answer: Answer) -> None:
        try:
            await answer.run()
        except* Exception as failed:
            for error in failed.exceptions:
                logger.error("response %d failed", answer.response, exc_info=error)
            await answer.end("failed")
        self._spawn(self._signal(Signal.DONE, answer))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _settle(self) -> Answer | None:
        """The current answer is over: the conversation keeps what was heard of it."""
        if self._current is None:
            return None
        answer, self._current = self._current[0], None
        if answer.released:
            answer.playout.stop(answer.playout.played(self._clock()))
            self.conversation.put(f"response {answer.response}", answer.messages())
            self._answers[answer.response] = answer
            if len(self._answers) > KEPT_ANSWERS:
                del self._answers[next(iter(self._answers))]
        return answer

    async def _drop(self) -> Answer | None:
        """End the current answer's work at once."""
        if self._current is None:
            return None
        task = self._current[1]
        answer = self._settle()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return answer

    async def _stop(self, reason: ResponseEnd) -> None:
        answer = await self._drop()
        if answer is None or not answer.released:
            return
        cut = answer.ended
        await answer.end(reason)
        if cut or answer.playout.sent > answer.playout.played(self._clock()):
            await self._tell_cut(answer)

    async def _truncate(self, command: Truncate) -> None:
        if self._current is not None and self._current[0].response == command.response:
            await self._signal(Signal.CANCEL)
        answer = self._answers.get(command.response)
        if answer is None:
            return
        answer.playout.stop(command.audio_ms / 1000)
        self.conversation.put(f"response {answer.response}", answer.messages())
        await self._tell_cut(answer)

    async def _use(self, command: UseToolServers) -> None:
        servers = self._parts.toolbox.servers
        if servers is not None:
            await servers.use(command.servers, self._events.put)
            return
        for named in command.servers:
            problem = InvalidOption("tools of other servers are not called here", field="tools")
            await self._events.put(ToolServerFailed(named.label, problem.code, str(problem)))

    async def _decide(self, command: DecideApproval) -> None:
        current = (self._current[0],) if self._current is not None else ()
        for answer in (*current, *reversed(self._answers.values())):
            if call := answer.asked.pop(command.call_id, None):
                self._due.append(Decided(call, command.approve, command.reason))
                await self._signal(None)
                return

    async def _tell_cut(self, answer: Answer) -> None:
        heard = round(answer.playout.played(self._clock()) * 1000)
        await self._events.put(ResponseTruncated(answer.response, heard, answer.heard()))


def _plain(text: str) -> str:
    """A text as far as it matters whether it is the same question."""
    return " ".join(re.findall(r"\w+", text.lower()))
