"""The Whisper engine: windows of many streams heard together, by one thread, through faster-whisper."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Protocol

from voxtral_service.audio import Samples
from voxtral_service.engine.base import Capabilities, StreamOptions
from voxtral_service.engine.vacancy import Vacancy
from voxtral_service.engine.whisper_model import Heard, Task
from voxtral_service.engine.whisper_stream import WhisperStream
from voxtral_service.errors import EngineError, InvalidOption, Overloaded

logger = logging.getLogger(__name__)

BEAMS = 5
"""For files, as in Whisper's paper."""
LIVE_BEAMS = 1
"""For live streams, whose windows are heard many times over."""
BATCH = 8
"""Windows heard together."""


class Model(Protocol):
    """What hears; see `whisper_model.WhisperModel`."""

    def hear(self, windows: list[Samples], task: Task) -> list[Heard]:
        """What is said in each window."""
        ...

    def close(self) -> None:
        """Free its memory."""
        ...


@dataclass(frozen=True, slots=True)
class _Work:
    """Windows of the same task, one a stream."""

    streams: list[WhisperStream]
    windows: list[Samples]
    task: Task


class FasterWhisperEngine:
    """See `engine.base.Engine`.

    Windows of live streams are heard first; while any is open, those of files are heard one at a time, so that a live
    one never waits for more than one of them. A place is only a right to hold audio: files take `slots - reserve`.
    """

    def __init__(self, model: Model, capabilities: Capabilities, *, slots: int, reserve: int = 0) -> None:
        self._model, self._capabilities = model, capabilities
        self._slots, self._reserve = slots, reserve
        self._streams: list[WhisperStream] = []
        self._changed = threading.Condition()
        self._vacancy = Vacancy()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="whisper-engine", daemon=True)
        self._thread.start()

    @property
    def capabilities(self) -> Capabilities:
        """See `Engine`."""
        return self._capabilities

    def open(self, options: StreamOptions) -> WhisperStream:
        """See `Engine`."""
        task = self._task(options)
        with self._changed:
            if self._closing:
                raise EngineError("the engine has been closed; start it again")
            if not self._free(bulk=options.bulk):
                self._take_from_file(bulk=options.bulk)
            stream = WhisperStream(options, task, self._changed, self._release)
            self._streams.append(stream)
        return stream

    async def wait_for_place(self) -> None:
        """See `Engine`."""
        await self._vacancy.wait(lambda: self._closing or self._free(bulk=True))

    def close(self) -> None:
        """See `Engine`. What is being heard is heard to its end."""
        with self._changed:
            closed, self._closing = self._closing, True
            self._changed.notify()
        self._vacancy.tell()
        for stream in list(self._streams):
            stream.fail(EngineError("the engine was closed while the stream was open"))
        self._thread.join()
        if not closed:
            self._model.close()

    def _task(self, options: StreamOptions) -> Task:
        """Raises InvalidOption for what the model cannot do."""
        able = self._capabilities
        if options.translate and not able.translates:
            raise InvalidOption("this model does not translate; choose one that does", field="task")
        language = self._known(options.language) if options.language else None
        candidates: tuple[str, ...] = ()
        if language is None and options.languages:
            candidates = self._candidates(options.languages)
        if not 0 <= options.temperature <= 1:
            raise InvalidOption(f"a temperature of {options.temperature} is not from 0 to 1", field="temperature")
        return Task(
            language,
            options.translate,
            options.prompt,
            options.vocabulary,
            options.temperature,
            BEAMS if options.bulk else LIVE_BEAMS,
            vad=not options.bulk,
            languages=candidates,
        )

    def _known(self, tag: str, field: str = "language") -> str:
        language, known = tag.lower().partition("-")[0], self._capabilities.languages
        if known and language not in known:
            shown = ", ".join(known[:20]) + (" and others" if len(known) > 20 else "")
            raise InvalidOption(f"this model does not know the language {language!r}; it knows {shown}", field=field)
        return language

    def _candidates(self, tags: tuple[str, ...]) -> tuple[str, ...]:
        """Those that the model knows; InvalidOption when it knows none."""
        languages = dict.fromkeys(tag.lower().partition("-")[0] for tag in tags)
        known = self._capabilities.languages
        return tuple(code for code in languages if not known or code in known) or (self._known(tags[0], "languages"),)

    def _free(self, *, bulk: bool) -> bool:
        return len(self._streams) < self._slots - (self._reserve if bulk else 0)

    def _take_from_file(self, *, bulk: bool) -> None:
        """Make room for a live stream: the file that came last gives way. Call with the lock held."""
        files = [stream for stream in self._streams if stream.bulk]
        if bulk or not files:
            raise Overloaded(
                f"all {self._slots} places for streams are taken; try again when one has ended, or start with more "
                "(--max-streams)"
            )
        files[-1].fail(Overloaded("a live stream took this file's place; open a stream for it again"))

    def _release(self, stream: WhisperStream) -> None:
        with self._changed:
            self._streams.remove(stream)
        self._vacancy.tell()

    def _run(self) -> None:
        while (work := self._next_work()) is not None:
            try:
                heard = self._model.hear(work.windows, work.task)
                for stream, window, result in zip(work.streams, work.windows, heard, strict=True):
                    stream.take(result, len(window))
            except Exception as error:  # whatever the library throws, the other streams go on
                logger.exception("hearing %d windows failed", len(work.windows))
                for stream in work.streams:
                    stream.fail(EngineError(f"the engine failed while it heard a piece of audio: {error}"))

    def _next_work(self) -> _Work | None:
        """Wait until there is a window to be heard; None when the engine is closed."""
        with self._changed:
            while not (ready := [stream for stream in self._streams if stream.is_ready]):
                if self._closing:
                    return None
                self._changed.wait()
            if self._closing:
                return None
            live = [stream for stream in ready if not stream.bulk]
            first, *others = live or ready
            task = first.task
            chosen = [first] + [stream for stream in others if stream.task == task]
            alone = first.bulk and not all(stream.bulk for stream in self._streams)
            chosen = chosen[: 1 if alone else BATCH]
            # Those that were heard go to the back of the queue.
            self._streams.sort(key=chosen.__contains__)
            return _Work(chosen, [stream.window() for stream in chosen], task)
