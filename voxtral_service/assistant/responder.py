"""Turns of a session in, answers out: `floor.TABLE` says what follows from what, this does it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, cast

from voxtral_service.assistant.answer import Answer, Decided, Parts
from voxtral_service.assistant.backchannel import is_backchannel
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.floor import TABLE, Action, Signal, State
from voxtral_service.assistant.heard import Heard, plain
from voxtral_service.assistant.llm import Recital
from voxtral_service.assistant.makings import Makings, Occasion, ResponderSettings, Understand
from voxtral_service.assistant.requests import Requests, run
from voxtral_service.assistant.tools import ToolServers
from voxtral_service.chat import Message
from voxtral_service.errors import InvalidOption, Overloaded
from voxtral_service.events import (
    AssistantCommand,
    AssistantEvent,
    CancelResponse,
    ConfigureResponses,
    CreateResponse,
    DecideApproval,
    IdleTimeout,
    PutMessage,
    RemoveMessage,
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
LONGEST_GOODBYE = 0.1
"""Seconds that an answer which is stopped may take to let go of what it held; then it is left to itself."""
ACTIVE = "conversation_already_has_active_response"


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
        self._clock = clock or asyncio.get_running_loop().time
        self._events: asyncio.Queue[AssistantEvent | None] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._makings = Makings(parts, settings, conversation, understand, self._events.put, self._clock)
        self._requests = Requests(self._makings, self._events.put, self._note_quiet)
        self._at_close = tuple(at_close)
        self._acting = asyncio.Lock()
        self._answers: dict[int, Answer] = {}
        self._current: tuple[Answer, asyncio.Task[None]] | None = None
        self._doubt: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = Heard()
        self._guessed = ""
        self._during_answer = False
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
        self._requests.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._servers is not None:
            await self._servers.close()
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
                self._makings.configure(command.settings)
            case PutMessage():
                if (later := self._makings.put(command)) is not None:
                    self._heard.wait_for(command.key)
                    self._spawn(self._put_later(command.key, later))
            case RemoveMessage():
                self._remove(command.key)
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
        settings, heard = self._makings.settings, self._heard
        heard.note(event, talks=settings.answers or settings.interrupts)
        self._note_quiet()
        match event:
            case TurnStarted():
                self._during_answer = self.state in (State.ANSWERING, State.DOUBTFUL)
                if settings.interrupts:
                    await self._signal(Signal.SOUND if settings.assent else Signal.SPEECH)
            case TranscriptDelta() if event.turn == heard.turn:
                if self.state is State.DOUBTFUL and not is_backchannel(heard.text):
                    await self._signal(Signal.SPEECH)
                elif self.state is State.GUESSING and plain(heard.text) != self._guessed:
                    await self._pause(Signal.WORDS)
            case TurnEagerEnd() if event.turn == heard.turn:
                await self._pause(Signal.PAUSE)
            case TurnResumed() if event.turn == heard.turn:
                await self._signal(Signal.RESUMED)
            case TurnEnded(reason="cleared") | TranscriptFailed() if event.turn == heard.turn:
                await self._signal(Signal.NOTHING)
            case TranscriptFinal():
                await self._final(event)
            case IdleTimeout() if settings.answers:
                await self._signal(Signal.CREATE)
            case TurnEnded() | TranscriptFailed():
                await self._signal(None)
            case _:
                pass

    # -- turns

    async def _pause(self, signal: Signal) -> None:
        """The words so far may be all there are."""
        heard = self._heard
        assent = self._during_answer and is_backchannel(heard.text)
        if not self._makings.settings.guesses or not heard.text.strip() or assent:
            return
        if heard.guesses < MAX_GUESSES:
            heard.guesses += 1
            await self._signal(signal)

    async def _final(self, event: TranscriptFinal) -> None:
        settings, latest = self._makings.settings, event.turn == self._heard.turn
        assent = settings.assent and self._during_answer and is_backchannel(event.text)
        said = self._heard.said(event, hears=self._makings.parts.hears)
        if (isinstance(said, str) and not said) or (latest and assent):
            await self._signal(Signal.NOTHING if latest else None)
            return
        self.conversation.put(f"turn {event.turn}", (Message("user", (said,)),))
        if not latest:
            # Somebody has gone on speaking; the answer to that will be one to this as well.
            await self._signal(None)
        elif settings.answers:
            guessed = self.state is State.GUESSING and plain(event.text) == self._guessed
            await self._signal(Signal.GUESSED if guessed else Signal.QUESTION)
        else:
            await self._signal(Signal.SPEECH if self.state is State.DOUBTFUL else Signal.NOTHING)

    # -- the table

    async def _signal(self, signal: Signal | None, answer: Answer | None = None) -> None:
        """Take a step; what waits for its time may have it behind that."""
        async with self._acting:
            # An answer may have ended by itself while it was being stopped.
            stale = answer is not None and (self._current is None or self._current[0] is not answer)
            if signal is not None and not stale:
                await self._step(signal)
            if self._heard.understood:
                self._requests.begin_apart()
                if self.state in (State.LISTENING, State.GUESSING) and (command := self._requests.next()):
                    await self._step(Signal.CREATE, command)
            if self._due and not self._heard.speaking:
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
                self._guessed = plain(self._heard.text)
                self._begin(Occasion(self._heard.turn, (Message("user", (self._heard.text.strip(),)),)))
            case Action.ANSWER:
                await self._stop("interrupted")
                if command is None:
                    await self._requests.turn_down("interrupted")
                self._release(self._begin(Occasion(None if command else self._heard.turn or None, command=command)))
            case Action.ANNOUNCE:
                self._release(self._begin(self._next_due()))
            case Action.FORGET:
                await self._drop()
            case Action.RELEASE if self._current is not None:
                await self._requests.turn_down("interrupted")
                self._release(self._current[0])
            case Action.INTERRUPT:
                await self._stop("interrupted")
                await self._requests.turn_down("interrupted")
            case Action.STOP:
                await self._stop("cancelled")
            case Action.DOUBT:
                wait = self._makings.settings.doubt
                loop = asyncio.get_running_loop()
                self._doubt = loop.call_later(wait, lambda: self._spawn(self._signal(Signal.SPEECH)))
            case Action.FINISH:
                self._settle()
            case _:
                pass

    # -- answers

    def _next_due(self) -> Occasion:
        """What nobody's turn asks for: something to say, or calls that were decided on."""
        first = self._due.popleft()
        if isinstance(first, str):
            return Occasion(recital=Recital(first))
        decided = [first]
        while self._due and isinstance(self._due[0], Decided):
            decided.append(cast(Decided, self._due.popleft()))
        return Occasion(decided=decided)

    def _begin(self, occasion: Occasion) -> Answer:
        self._decided = bool(occasion.decided)
        answer = self._makings.answer(occasion)
        self._current = answer, self._spawn(self._run(answer))
        return answer

    def _release(self, answer: Answer) -> None:
        """Let an answer be heard; what is put into the conversation from now on stands behind it."""
        self.conversation.put(_key(answer), ())
        answer.release()

    async def _run(self, answer: Answer) -> None:
        await run(answer)
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
            self.conversation.put(_key(answer), answer.messages())
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
        await asyncio.wait((task,), timeout=LONGEST_GOODBYE)
        return answer

    async def _stop(self, reason: ResponseEnd) -> None:
        answer = await self._drop()
        if answer is None or not answer.released:
            return
        cut = answer.ended
        await answer.end(reason)
        if cut or answer.playout.sent > answer.playout.played(self._clock()):
            await self._tell_cut(answer)

    def _note_quiet(self) -> None:
        heard = self._heard
        busy = self.busy or self._requests or self._due or heard.speaking or not heard.understood
        (self._quiet.clear if busy else self._quiet.set)()

    # -- commands

    async def _create(self, command: CreateResponse) -> None:
        busy = self.state in (State.ANSWERING, State.DOUBTFUL)
        answer = self._current[0] if busy and self._current is not None else None
        # What has been given, or waits for the caller's tools, is over for the caller, though it may still be heard.
        if command.apart or answer is None or answer.ended or answer.asks:
            await self._requests.hold(command)
            await self._signal(None)
        elif not self._decided:
            await self._requests.refuse(command, ACTIVE, "Conversation already has an active response in progress")
        # What was decided is being answered already; callers ask for that all the same.

    async def _cancel(self, command: CancelResponse) -> None:
        if await self._requests.cancel(command.response):
            return
        if command.response is None:
            await self._requests.turn_down("cancelled")
        if command.response is None or (self._current and self._current[0].response == command.response):
            await self._signal(Signal.CANCEL)

    async def _truncate(self, command: Truncate) -> None:
        if self._current is not None and self._current[0].response == command.response:
            await self._signal(Signal.CANCEL)
        answer = self._answers.get(command.response)
        if answer is None:
            return
        answer.playout.stop(command.audio_ms / 1000)
        self.conversation.put(_key(answer), answer.messages())
        await self._tell_cut(answer)

    async def _tell_cut(self, answer: Answer) -> None:
        heard = round(answer.playout.played(self._clock()) * 1000)
        await self._events.put(ResponseTruncated(answer.response, heard, answer.heard()))

    async def _put_later(self, key: str, later: Awaitable[None]) -> None:
        await later
        self._heard.has_come(key)
        await self._signal(None)

    def _remove(self, key: str) -> None:
        self.conversation.remove(key)
        self._answers = {number: answer for number, answer in self._answers.items() if _key(answer) != key}

    @property
    def _servers(self) -> ToolServers | None:
        return self._makings.parts.toolbox.servers

    async def _use(self, command: UseToolServers) -> None:
        if self._servers is not None:
            await self._servers.use(command.servers, self._events.put)
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


def _key(answer: Answer) -> str:
    """What the conversation keeps an answer under."""
    return f"response {answer.response}"
