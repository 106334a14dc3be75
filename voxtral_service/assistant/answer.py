"""One answer: the model writes, sentences are cut off and spoken, sound goes out no faster than it is played.

Two tasks: one writes (model, tools, model again, ...), one speaks; a short queue of pieces lies between them. Until it
is released, an answer is a guess: it works ahead, says nothing, and calls no tool that leaves a trace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from voxtral_service.assistant.context import ContextProvider
from voxtral_service.assistant.llm import LanguageModel
from voxtral_service.assistant.phrases import PHRASES, Phrases
from voxtral_service.assistant.playout import Piece, Playout
from voxtral_service.assistant.sentences import FIRST_CLAUSE, SentenceSplitter
from voxtral_service.assistant.speakable import speakable
from voxtral_service.assistant.speech import (
    CHARACTERS_PER_SECOND,
    SpeechChunk,
    SpeechOptions,
    SpokenWord,
    Synthesizer,
    Utterance,
)
from voxtral_service.assistant.tools import Toolbox
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.chat import AnswerEnd, AnswerOptions, AnswerText, EndOfAnswer, Message, Tool, ToolCall
from voxtral_service.errors import VoxtralError
from voxtral_service.events import (
    AssistantEvent,
    ResponseApprovalRequest,
    ResponseAudio,
    ResponseEnd,
    ResponseEnded,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    Word,
)

FRAME_SECONDS = 0.1
"""The longest piece of sound in one event."""
WAITING_PIECES = 8
ASKED = "Waiting for the person to allow this call. Say so, and do not call it again."
"""What the model is told of a call that is asked for."""


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How answers are made; times in seconds.

    `encode` makes the bytes that go out. Sound goes out at most `lead` ahead of its playing. `filler_after` is how long
    a tool may take before "one moment" is said (None: never). `rounds` is how often the model may call tools before it
    must answer in words.
    """

    options: AnswerOptions = field(default_factory=AnswerOptions)
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    encode: Callable[[Samples], bytes] = encode_s16le
    phrases: Phrases = PHRASES["en"]
    lead: float = 0.5
    filler_after: float | None = 1.0
    rounds: int = 5
    first_clause: int = FIRST_CLAUSE


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers are made with. Without a synthesizer they are text alone; `client_tools` are called elsewhere.

    A model that `hears` is given the sound of what was said, not its transcript.
    """

    model: LanguageModel
    synthesizer: Synthesizer | None = None
    toolbox: Toolbox = field(default_factory=Toolbox)
    client_tools: tuple[Tool, ...] = ()
    context: ContextProvider | None = None
    hears: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """A call that an earlier answer asked for, and what the caller said to it."""

    call: ToolCall
    approve: bool
    reason: str = ""


@dataclass
class _Round:
    calls: tuple[ToolCall, ...] = ()
    results: tuple[Message[Samples], ...] = ()


class Answer:
    """See the module. `emit` may wait; `run` is a task that its owner cancels."""

    def __init__(
        self,
        started: ResponseStarted,
        messages: Sequence[Message[Samples]],
        parts: Parts,
        settings: AnswerSettings,
        emit: Callable[[AssistantEvent], Awaitable[None]],
        clock: Callable[[], float],
        decided: Sequence[Decided] = (),
    ) -> None:
        self.response = started.response
        self.asked: dict[str, ToolCall] = {}
        """Calls that wait for the caller's approval, by their ids."""
        self.playout = Playout()
        self.asks = False
        """Whether the caller was told to call tools, or asked about calls; nothing more is written then."""
        self.ended = False
        """Whether ResponseEnded was told, or never will be."""
        self._messages = tuple(messages)
        self._parts, self._settings = parts, settings
        self._emit_now, self._clock = emit, clock
        self._decided = tuple(decided)
        self._released = asyncio.Event()
        self._held: list[AssistantEvent] = [started]
        self._telling = asyncio.Lock()
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue(WAITING_PIECES)
        self._unspoken = 0
        self._rounds: list[_Round] = []
        self._filled = False
        self._failure: VoxtralError | None = None
        self._tokens = [0, 0]

    def release(self) -> None:
        """It is no guess any more: tell what there is, from the beginning."""
        self._released.set()

    @property
    def released(self) -> bool:
        """Whether anybody knows of it."""
        return self._released.is_set()

    def messages(self) -> tuple[Message[Samples], ...]:
        """What the conversation keeps: the text that has been heard by now, and the tools' work."""
        seconds = self.playout.played(self._clock())
        kept: list[Message[Samples]] = []
        for number, done in enumerate(self._rounds):
            text = self.playout.text(number, seconds).strip()
            if text or done.calls:
                kept += [Message("assistant", (text,) if text else (), done.calls), *done.results]
        return tuple(kept)

    def heard(self) -> str:
        """The text of `messages`."""
        seconds = self.playout.played(self._clock())
        texts = (self.playout.text(number, seconds).strip() for number in range(len(self._rounds)))
        return " ".join(text for text in texts if text)

    async def run(self) -> None:
        """Answer, tell the end, and return when all of it has been heard."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_what_was_held())
            speaking = tasks.create_task(self._speak())
            reason = await self._write()
            await self._pieces.put(None)
            await speaking
        if self._failure is not None:
            reason = "failed"
        await self.end(reason)
        await self._until(self.playout.ends_at())

    async def end(self, reason: ResponseEnd) -> None:
        """Tell why nothing follows, once, if anybody knows of this answer."""
        if self.ended or not self.released:
            self.ended = True
            return
        self.ended = True
        for event in self._held:
            await self._emit_now(event)
        self._held.clear()
        failure = self._failure if reason == "failed" else None
        await self._emit_now(
            ResponseEnded(
                self.response,
                reason,
                self.playout.sent,
                self._tokens[0],
                self._tokens[1],
                code=failure.code if failure else "",
                message=str(failure) if failure else "",
            )
        )

    # -- writing

    async def _write(self) -> ResponseEnd:
        try:
            if self._parts.context is not None:
                self._messages = await self._parts.context.prepare(self._messages)
            if self._decided:
                self._rounds.append(_Round())
                await self._carry_out()
            first, last = len(self._rounds), len(self._rounds) + self._settings.rounds
            for number in range(first, last + 1):
                self._rounds.append(_Round())
                calls, reason = await self._write_round(number, last=number == last)
                if not calls:
                    return "length" if reason == "length" else "completed"
                if await self._call(number, calls):
                    return "tool_calls"
        except VoxtralError as error:
            self._failure = error
            await self._say(Piece(self._settings.phrases.apology(error), len(self._rounds), written=False))
        return "completed"

    async def _write_round(self, number: int, *, last: bool) -> tuple[tuple[ToolCall, ...], EndOfAnswer]:
        splitter = SentenceSplitter(first_clause=self._settings.first_clause)
        calls: list[ToolCall] = []
        reason: EndOfAnswer = "stop"
        options = self._options(last=last)
        done = [message for before in range(number) for message in self._round_messages(before)]
        async with aclosing(self._parts.model.answer((*self._messages, *done), options)) as events:
            async for event in events:
                match event:
                    case AnswerText():
                        await self._emit(ResponseText(self.response, event.text))
                        for text in splitter.push(event.text):
                            await self._put(Piece(text, number))
                    case ToolCall():
                        calls.append(event)
                    case AnswerEnd():
                        reason = event.reason
                        self._tokens[0] += event.prompt_tokens
                        self._tokens[1] += event.completion_tokens
        for text in splitter.finish():
            await self._put(Piece(text, number))
        return ((), reason) if last else (tuple(calls), reason)

    def _options(self, *, last: bool) -> AnswerOptions:
        options = self._settings.options
        # Called for again and again, a model would never come to its answer.
        again = len(self._rounds) > 1
        return AnswerOptions(
            options.max_tokens,
            options.temperature,
            options.top_p,
            options.seed,
            options.stop,
            () if last else (*self._parts.toolbox.tools, *self._parts.client_tools),
            must_call=options.must_call and not again and not last,
        )

    def _round_messages(self, number: int) -> tuple[Message[Samples], ...]:
        done = self._rounds[number]
        text = "".join(piece.text for piece in self.playout.pieces if piece.round == number and piece.written).strip()
        return (Message("assistant", (text,) if text else (), done.calls), *done.results)

    # -- tools

    async def _call(self, number: int, calls: Sequence[ToolCall]) -> bool:
        """Call what can be called here; whether the caller has to do something about the rest."""
        toolbox = self._parts.toolbox
        elsewhere = {tool.name for tool in self._parts.client_tools} - {tool.name for tool in toolbox.tools}
        asking = {call.id for call in calls if (remote := toolbox.remote(call.name)) and remote.asks}
        if asking or any(call.name in elsewhere or toolbox.changes(call.name) for call in calls):
            await self._released.wait()
        self.asks = bool(asking) or any(call.name in elsewhere for call in calls)
        for call in calls:
            if call.id in asking:
                await self._ask(call)
            else:
                await self._tell_call(call, here=call.name not in elsewhere)
        here = [call for call in calls if call.name not in elsewhere and call.id not in asking]
        results: list[Message[Samples]] = [
            Message("tool", (ASKED,), call_id=call.id) for call in calls if call.id in asking
        ]
        results += await self._run_all(number, here)
        self._rounds[number] = _Round(tuple(calls), tuple(results))
        return self.asks

    async def _carry_out(self) -> None:
        """Call what the caller has agreed to; the model is told of it as if it had asked anew."""
        await self._released.wait()
        calls = [replace(made.call, id=f"{made.call.id}_2") for made in self._decided]
        pairs = tuple(zip(calls, self._decided, strict=True))
        for call, made in pairs:
            if made.approve:
                await self._tell_call(call, here=True, approval=made.call.id)
        results = await self._run_all(0, [call for call, made in pairs if made.approve])
        results += [Message("tool", (_denied(made),), call_id=call.id) for call, made in pairs if not made.approve]
        self._rounds[0] = _Round(tuple(calls), tuple(results))

    async def _ask(self, call: ToolCall) -> None:
        remote = self._parts.toolbox.remote(call.name)
        if remote is not None:
            self.asked[call.id] = call
            await self._emit(
                ResponseApprovalRequest(self.response, call.id, remote.server, remote.name, call.arguments)
            )

    async def _tell_call(self, call: ToolCall, *, here: bool, approval: str = "") -> None:
        remote = self._parts.toolbox.remote(call.name) if here else None
        name, server = (remote.name, remote.server) if remote else (call.name, "")
        await self._emit(ResponseToolCall(self.response, call.id, name, call.arguments, here, server, approval))

    async def _run_all(self, number: int, calls: Sequence[ToolCall]) -> list[Message[Samples]]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._run(call)) for call in calls]
            filler = tasks.create_task(self._fill(number))
            results = [await task for task in running]
            filler.cancel()
        return results

    async def _run(self, call: ToolCall) -> Message[Samples]:
        outcome = await self._parts.toolbox.run(call)
        await self._emit(ResponseToolResult(self.response, call.id, outcome.output, outcome.failed))
        return Message("tool", (outcome.output,), call_id=call.id)

    async def _fill(self, number: int) -> None:
        """Say "one moment", once an answer, if nothing else is being said."""
        if self._settings.filler_after is None or self._filled:
            return
        await asyncio.sleep(self._settings.filler_after)
        if not self._unspoken and self._clock() >= self.playout.ends_at():
            self._filled = True
            await self._say(Piece(self._settings.phrases.one_moment, number, written=False))

    # -- speaking

    async def _say(self, piece: Piece) -> None:
        """What the model did not write."""
        await self._emit(ResponseText(self.response, piece.text))
        await self._put(piece)

    async def _put(self, piece: Piece) -> None:
        self.playout.pieces.append(piece)
        piece.start = float("inf")
        self._unspoken += 1
        await self._pieces.put(piece)

    async def _speak(self) -> None:
        while (piece := await self._pieces.get()) is not None:
            text = speakable(piece.text) if self._parts.synthesizer is not None else ""
            if text and self._parts.synthesizer is not None:
                piece.utterance = Utterance(text, self._settings.speech.speed)
                try:
                    await self._speak_piece(piece, piece.utterance, self._parts.synthesizer)
                except VoxtralError as error:  # the rest is to be read
                    self._failure = self._failure or error
                    self._parts = replace(self._parts, synthesizer=None)
                    piece.utterance = None
            await self._released.wait()
            piece.start = min(piece.start, self.playout.sent)
            piece.whole = True
            self._unspoken -= 1

    async def _speak_piece(self, piece: Piece, utterance: Utterance, synthesizer: Synthesizer) -> None:
        async with aclosing(synthesizer.speak(utterance.text, self._settings.speech)) as chunks:
            async for chunk in chunks:
                await self._released.wait()
                piece.start = min(piece.start, self.playout.sent)
                utterance.add(chunk)
                await self._send(chunk, tuple(_word(utterance, word, piece.start) for word in chunk.words))

    async def _send(self, chunk: SpeechChunk, words: tuple[Word, ...]) -> None:
        size = max(round(FRAME_SECONDS * chunk.sample_rate), 1)
        for first in range(0, len(chunk.samples), size):
            samples = chunk.samples[first : first + size]
            await self._until(self.playout.ready_at(self._settings.lead))
            at = self.playout.sent
            self.playout.send(len(samples) / chunk.sample_rate, self._clock())
            data = self._settings.encode(samples)
            await self._emit(ResponseAudio(self.response, data, chunk.sample_rate, at, words))
            words = ()

    async def _until(self, time: float) -> None:
        wait = time - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)

    # -- telling

    async def _emit(self, event: AssistantEvent) -> None:
        async with self._telling:
            if self.ended:
                return  # a tool that does not let go when it is told to
            if self._held or not self.released:
                self._held.append(event)
            else:
                await self._emit_now(event)

    async def _tell_what_was_held(self) -> None:
        await self._released.wait()
        async with self._telling:
            while self._held:
                await self._emit_now(self._held[0])
                self._held.pop(0)


def _denied(made: Decided) -> str:
    return "The person does not allow this call." + (f" They say: {made.reason}" if made.reason else "")


def _word(utterance: Utterance, word: SpokenWord, start: float) -> Word:
    """A word on the answer's clock; synthesizers tell no ends, so that is estimated."""
    text = utterance.text[word.offset : word.offset + word.length]
    return Word(text, start + word.start, start + word.start + len(text) / CHARACTERS_PER_SECOND)
