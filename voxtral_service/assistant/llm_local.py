"""Text models on this machine: any chat checkpoint that transformers loads.

A few answers are written at once, each in a thread of its own; some more wait. For many people at a time a server made
for that (vLLM, llama.cpp) behind `llm_endpoint` is the better choice.
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, EndOfAnswer, Message, ToolCall
from voxtral_service.errors import EngineError, Overloaded, VoxtralError

if TYPE_CHECKING:
    from voxtral_service.assistant.local_checkpoint import Checkpoint

WRITING = 2
WAITING = 16


class LocalModel:
    """A LanguageModel. `load` reads its files, or else the first answer does; `close` when nobody asks it any more."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "auto",
        dtype: str = "auto",
        writing: int = WRITING,
        waiting: int = WAITING,
    ) -> None:
        """`writing` answers at once, and `waiting` more before somebody is turned away."""
        self.folder = folder
        self._device, self._dtype = device, dtype
        self._threads = ThreadPoolExecutor(writing, thread_name_prefix="language-model")
        self._room = threading.BoundedSemaphore(writing + waiting)
        self._loading = threading.Lock()
        self._loaded: Checkpoint | None = None

    async def load(self) -> None:
        """Read the checkpoint, if that has not been done. Raises InvalidOption and CheckpointError."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._checkpoint)

    def preload(self) -> None:
        """Begin to load in the background; what goes wrong is told to the first who asks."""
        self._threads.submit(self._checkpoint)

    def close(self) -> None:
        """Take no more; what is being written ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        """See `LanguageModel`."""
        if not self._room.acquire(blocking=False):
            raise Overloaded(f"the language model in {self.folder.name} has too many answers to write")
        writing = _Writing(messages, options)
        try:
            job = self._threads.submit(self._write, writing)
        except RuntimeError as error:
            self._room.release()
            raise EngineError("the language model is closed") from error
        job.add_done_callback(lambda _: self._room.release())
        try:
            while True:
                event = await writing.events.get()
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, AnswerEnd):
                    return
        finally:
            writing.stop.set()
            job.cancel()

    def _checkpoint(self) -> Checkpoint:
        with self._loading:
            if self._loaded is None:
                from voxtral_service.assistant.local_checkpoint import Checkpoint

                self._loaded = Checkpoint(self.folder, device=self._device, dtype=self._dtype)
            return self._loaded

    def _write(self, writing: _Writing) -> None:
        if writing.stop.is_set():
            return
        try:
            checkpoint = self._checkpoint()
            prompt = checkpoint.prompt(writing.messages, writing.options)
            reading = Reading(checkpoint.responses, prompt.begun, writing.options, writing.tell, writing.stop)
            count = checkpoint.write(prompt, writing.options, reading.feed, writing.stop)
            reading.finish(len(prompt.tokens), count, full=count >= prompt.room)
        except VoxtralError as error:
            writing.tell(error)
        except Exception as error:  # noqa: BLE001  (whatever transformers raises is told to the one who asked)
            writing.tell(EngineError(f"the language model in {self.folder} failed: {type(error).__name__}: {error}"))


class _Writing:
    """What is asked, and a way back to who asked it; `stop` ends it within a token."""

    def __init__(self, messages: Sequence[Message[Samples]], options: AnswerOptions) -> None:
        self.messages, self.options = messages, options
        self.stop = threading.Event()
        self.events: asyncio.Queue[AnswerEvent | Exception] = asyncio.Queue()  # bounded by the answer's length
        self._loop = asyncio.get_running_loop()

    def tell(self, event: AnswerEvent | Exception) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self.events.put_nowait, event)


class Reading:
    """Tells text from calls in what a model writes, as it comes."""

    def __init__(
        self,
        template: dict[str, Any],
        begun: str,
        options: AnswerOptions,
        tell: Callable[[AnswerEvent], None],
        stop: threading.Event,
    ) -> None:
        from transformers.utils.chat_parsing import ResponseParser

        from voxtral_service.engine.offline_answer import StopStrings

        schemas = [{"function": {"name": tool.name, "parameters": dict(tool.parameters)}} for tool in options.tools]
        self._parser = ResponseParser(template, prefix="", tools=schemas)
        self._known = {tool.name for tool in options.tools}
        self._tell, self._stop = tell, stop
        self._ends = StopStrings(options.stop)
        self._any_text = self._any_calls = False
        if begun:
            self.feed(begun)

    def feed(self, text: str) -> None:
        """More of what is written."""
        try:
            self._take(self._parser.feed(text))
        except (ValueError, KeyError, TypeError) as error:
            self._stop.set()
            raise EngineError(f"the language model wrote a call that cannot be read: {error}") from error

    def finish(self, prompt_tokens: int, tokens: int, *, full: bool) -> None:
        """No more is written; `full` if there was no room for it."""
        reason: EndOfAnswer = "length" if full and not self._ends.met else "stop"
        try:
            _, events = self._parser.finalize()
            self._take(events)
        except (ValueError, KeyError, TypeError) as error:
            if not full:  # else the call was cut off, and the end says so
                raise EngineError(f"the language model wrote a call that cannot be read: {error}") from error
        if not self._ends.met:
            self._say(self._ends.finish(""))
        if self._any_calls and reason == "stop":
            reason = "tool_calls"
        self._tell(AnswerEnd(reason, prompt_tokens, 0, tokens, 0.0))

    def _take(self, events: Sequence[dict[str, Any]]) -> None:
        for event in events:
            if self._ends.met:
                break
            if event["type"] == "region_chunk" and event["field"] == "content":
                self._say(self._ends.feed(event["text"]))
            if event["type"] == "region_close" and event["field"] == "tool_calls":
                value = event["value"]
                for call in value if isinstance(value, list) else [value]:
                    self._call(call["function"])
        if self._ends.met:
            self._stop.set()

    def _say(self, text: str) -> None:
        if not self._any_text:  # what templates leave between their marks and the text
            text = text.lstrip()
        if text:
            self._any_text = True
            self._tell(AnswerText(text))

    def _call(self, function: dict[str, Any]) -> None:
        name, arguments = function["name"], function.get("arguments", function.get("parameters", {}))
        self._any_calls = True
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        self._tell(ToolCall(f"call_{uuid.uuid4().hex[:24]}", str(name), text))
