"""Turns of a session in, answers out: `floor.TABLE` says what follows from what, this does it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from voxtral_service.assistant.answer import Answer, AnswerSettings, Decided, Parts
from voxtral_service.assistant.backchannel import is_backchannel
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.floor import TABLE, Action, Signal, State
from voxtral_service.assistant.llm import LanguageModel, Recital
from voxtral_service.assistant.wish import answer_settings, parts_for
from voxtral_service.audio import Samples
from voxtral_service.chat import Message
from voxtral_service.errors import InvalidOption, Overloaded, VoxtralError
from voxtral_service.events import (
    AssistantCommand,
    AssistantEvent,
    CancelResponse,
    Clip,
    ConfigureResponses,
    CreateResponse,
    DecideApproval,
    IdleTimeout,
    PutMessage,
    RemoveMessage,
    ResponseEnd,
    ResponseEnded,
    ResponseRefused,
    ResponseStarted,
    ResponseTruncated,
    SessionEvent,
    ToolServerFailed,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    Truncate,
    TurnAudio,
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
MAX_HELD = 16
"""Answers that are asked for and wait until something has been understood, or another answer is over."""
MAX_APART = 8
"""Answers beside the conversation, at once."""
KEPT_ANSWERS = 8
"""Answers that can still be truncated."""
ACTIVE = "conversation_already_has_active_response"

Understand = Callable[[Clip], Awaitable[str | Samples]]
"""What stands in a message for a caller's sound: its transcript, or samples for a model that hears."""


@dataclass(frozen=True, slots=True)
class ResponderSettings:
    """How a conversation is held.

    With `answers` turns are answered as they end. With `guesses` an answer is begun when a turn may have ended. With
    `interrupts` a person who begins to speak stops the answer; with `assent` as well, words like "mm-hm" do not, and
    other sounds only when they have words or last longer than `doubt` seconds.
    """

    answer: AnswerSettings = field(default_factory=AnswerSettings)
    answers: bool = True
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
        understand: Understand | None = None,
        at_close: Iterable[Callable[[], None]] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`at_close` is called when the conversation is over. `clock`, in seconds, is the loop's own if it is None."""
        self.state = State.LISTENING
        self.conversation = conversation
        self._parts, self._settings = parts, settings
        self._own = parts, settings, conversation.instructions
        self._understand, self._at_close = understand, tuple(at_close)
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
        self._unheard: set[int | str] = set()
        self._failed_early: set[int] = set()
        self._sounds: dict[int, Samples] = {}
        self._held: deque[CreateResponse] = deque()
        self._apart: dict[int, tuple[Answer, asyncio.Task[None]]] = {}
        self._due: deque[str | Decided] = deque()
        self._decided = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def __aiter__(self) -> AsyncIterator[AssistantEvent]:
        """Events until `close`."""
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """Stop everything; nothing more is told. Harmless when closed."""
        for close in self._at_close:
            close()
        await self._drop()
        for task in tuple(self._tasks):
            task.cancel()
        if self._parts.toolbox.servers is not None:
            await self._parts.toolbox.servers.close()
        while self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    @property
    def busy(self) -> bool:
        """Whether an answer is under way, or its sound being heard."""
        return self.state is not State.LISTENING

    async def quiet(self) -> None:
        """Wait until all that was said has been answered, and the answer heard."""
        await self._quiet.wait()

    async def send(self, command: AssistantCommand) -> None:
        """Carry out a command."""
        match command:
            case ConfigureResponses():
                self._configure(command)
            case PutMessage():
                await self._put(command)
            case RemoveMessage():
                self.conversation.remove(command.key)
            case CreateResponse():
                await self._create(command)
            case CancelResponse():
                await self._cancel(command)
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
        self._note(event)
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
            case IdleTimeout() if self._settings.answers:
                await self._signal(Signal.CREATE)
            case TurnEnded() | TranscriptFailed():
                await self._signal(None)
            case _:
                pass

    # -- turns

    def _note(self, event: SessionEvent) -> None:
        """Keep track of who speaks, and of what was said and is not understood yet."""
        match event:
            case TurnStarted():
                # Without turn detection everything is a turn, silence too.
                self._speaking = self._settings.answers or self._settings.interrupts
            case TurnEnded():
                # What was said is still to come; only what was cleared is over.
                self._speaking = self._speaking and event.reason != "cleared"
                if event.reason != "cleared" and event.turn not in self._failed_early:
                    self._unheard.add(event.turn)
                self._failed_early.discard(event.turn)
            case TurnAudio():
                self._sounds[event.turn] = np.frombuffer(event.samples, "<f4")
            case TranscriptFinal() | TranscriptFailed():
                self._speaking = self._speaking and event.turn != self._turn
                if isinstance(event, TranscriptFailed) and event.turn not in self._unheard:
                    self._failed_early.add(event.turn)
                self._unheard.discard(event.turn)
            case _:
                pass
        self._note_quiet()

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
        text, sound = event.text.strip(), self._sounds.pop(event.turn, None)
        said = sound if self._parts.hears and sound is not None else text
        if (isinstance(said, str) and not said) or (latest and assent):
            await self._signal(Signal.NOTHING if latest else None)
            return
        self.conversation.put(f"turn {event.turn}", (Message("user", (said,)),))
        if not latest:
            # Somebody has gone on speaking; the answer to that will be one to this as well.
            await self._signal(None)
            return
        if not self._settings.answers:
            await self._signal(Signal.SPEECH if self.state is State.DOUBTFUL else Signal.NOTHING)
            return
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
            await self._begin_what_is_held()
            if self._due and not self._speaking:
                await self._step(Signal.ANNOUNCE)
        self._note_quiet()

    async def _step(self, signal: Signal, command: CreateResponse | None = None) -> None:
        if step := TABLE.get((self.state, signal)):
            self.state, action = step
            await self._act(action, command)

    async def _act(self, action: Action, command: CreateResponse | None) -> None:
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
                if command is None:
                    await self._turn_down()  # this answer is to all that was said
                self._release(self._begin((), command))
            case Action.ANNOUNCE:
                self._release(self._begin_due())
            case Action.FORGET:
                await self._drop()
            case Action.RELEASE if self._current is not None:
                await self._turn_down()
                self._release(self._current[0])
            case Action.INTERRUPT:
                await self._stop("interrupted")
                await self._turn_down()
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
            return self._begin((), model=Recital(first))
        decided = [first]
        while self._due and isinstance(self._due[0], Decided):
            decided.append(cast(Decided, self._due.popleft()))
        return self._begin((), decided=decided)

    def _begin(
        self,
        guessed: tuple[Message[Samples], ...],
        command: CreateResponse | None = None,
        model: LanguageModel | None = None,
        decided: Sequence[Decided] = (),
    ) -> Answer:
        self._decided = bool(decided)
        turn = None if model is not None or command is not None or decided else self._turn or None
        answer = self._answer(turn, command, guessed, model, decided)
        self._current = answer, self._spawn(self._run(answer))
        return answer

    def _answer(
        self,
        turn: int | None,
        command: CreateResponse | None,
        guessed: tuple[Message[Samples], ...] = (),
        model: LanguageModel | None = None,
        decided: Sequence[Decided] = (),
    ) -> Answer:
        self._responses += 1
        parts, settings, instructions = self._parts, self._settings.answer, self.conversation.instructions
        if command is not None and command.settings is not None:
            own_parts, own_settings, own_instructions = self._own
            parts, settings = (
                parts_for(own_parts, command.settings),
                answer_settings(own_settings.answer, command.settings),
            )
            instructions = command.settings.instructions or own_instructions
        if model is not None:
            parts = replace(parts, model=model, context=None)
        started = ResponseStarted(self._responses, turn)
        chosen = None
        if command is not None:
            started = replace(started, tag=command.tag, apart=command.apart)
            chosen = self._chosen(command)
        messages = (*self.conversation.messages(chosen, instructions=instructions), *guessed)
        return Answer(started, messages, parts, settings, self._events.put, self._clock, decided)

    def _chosen(self, command: CreateResponse) -> list[Message[Samples]] | None:
        """What an answer is to read in place of the conversation."""
        if command.input is None:
            return None
        chosen: list[Message[Samples]] = []
        for part in command.input:
            chosen += self.conversation.entry(part) if isinstance(part, str) else (_text_only(part),)
        return chosen

    def _release(self, answer: Answer) -> None:
        """Let an answer be heard; what is put into the conversation from now on stands behind it."""
        self.conversation.put(f"response {answer.response}", ())
        answer.release()

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

    # -- answers that are asked for

    async def _create(self, command: CreateResponse) -> None:
        current = self._current[0] if self._current is not None else None
        busy = self.state in (State.ANSWERING, State.DOUBTFUL) and current is not None
        if busy and self._decided and not command.apart:
            return  # what was decided is being answered already; callers ask for that all the same
        # An answer that has been given, or waits for the caller's tools, is over for the caller.
        if busy and current is not None and not (command.apart or current.ended or current.asks):
            await self._refuse(command, ACTIVE, "Conversation already has an active response in progress")
        elif len(self._held) >= MAX_HELD or (command.apart and len(self._apart) >= MAX_APART):
            await self._refuse(command, "rate_limit_exceeded", "Too many responses were asked for at once")
        else:
            self._held.append(command)
            await self._signal(None)

    async def _begin_what_is_held(self) -> None:
        if self._unheard:
            return
        for command in [held for held in self._held if held.apart]:
            self._held.remove(command)
            answer = self._answer(None, command)
            answer.release()
            self._apart[answer.response] = answer, self._spawn(self._run_apart(answer))
        if self._held and self.state in (State.LISTENING, State.GUESSING):
            await self._step(Signal.CREATE, self._held.popleft())

    async def _turn_down(self) -> None:
        """What waits will not come: the person goes on, and the answer to that is one to this as well."""
        for command in [held for held in self._held if not held.apart]:
            self._held.remove(command)
            self._responses += 1
            await self._events.put(ResponseStarted(self._responses, None, command.tag))
            await self._events.put(ResponseEnded(self._responses, "interrupted", 0.0))

    async def _refuse(self, command: CreateResponse, code: str, message: str) -> None:
        await self._events.put(ResponseRefused(command.tag, code, message))

    async def _cancel(self, command: CancelResponse) -> None:
        if command.response in self._apart:
            answer, task = self._apart.pop(command.response)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await answer.end("cancelled")
        elif command.response is None or (self._current and self._current[0].response == command.response):
            await self._signal(Signal.CANCEL)

    async def _run_apart(self, answer: Answer) -> None:
        try:
            await answer.run()
        except* Exception as failed:
            for error in failed.exceptions:
                logger.error("response %d failed", answer.response, exc_info=error)
            await answer.end("failed")
        self._apart.pop(answer.response, None)
        self._note_quiet()

    # -- messages and settings

    def _configure(self, command: ConfigureResponses) -> None:
        """Answers under way go on as they began."""
        wish = command.settings
        parts, settings, instructions = self._own
        self._parts = parts_for(parts, wish)
        self._settings = replace(
            settings,
            answer=answer_settings(settings.answer, wish),
            answers=wish.answers,
            guesses=settings.guesses and wish.answers,
            interrupts=wish.interrupts,
            assent=wish.assent,
        )
        self.conversation.instructions = wish.instructions or instructions

    async def _put(self, command: PutMessage) -> None:
        message = command.message
        if any(isinstance(part, Clip) for part in message.content) and self._understand is not None:
            self.conversation.put(command.key, (), command.after)
            self._unheard.add(command.key)
            self._spawn(self._put_understood(command, self._understand))
        else:
            self.conversation.put(command.key, (_text_only(message),), command.after)

    async def _put_understood(self, command: PutMessage, understand: Understand) -> None:
        content: list[str | Samples] = []
        try:
            for part in command.message.content:
                content.append(await understand(part) if isinstance(part, Clip) else part)
        except VoxtralError as error:
            logger.warning("the sound in a message is not understood: %s", error)
        self.conversation.put(command.key, (replace(_text_only(command.message), content=tuple(content)),))
        self._unheard.discard(command.key)
        await self._signal(None)

    def _note_quiet(self) -> None:
        busy = self.state is not State.LISTENING or self._held or self._apart or self._unheard or self._speaking
        (self._quiet.clear if busy else self._quiet.set)()

    # -- the end of answers

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


def _text_only(message: Message[Clip]) -> Message[Samples]:
    texts = tuple(part for part in message.content if isinstance(part, str))
    return Message(message.role, texts, message.calls, message.call_id)


def _plain(text: str) -> str:
    """A text as far as it matters whether it is the same question."""
    return " ".join(re.findall(r"\w+", text.lower()))
