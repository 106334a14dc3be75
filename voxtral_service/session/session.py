"""One live session: commands in, events out, one object per connection."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import numpy as np

from voxtral_service import metrics
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.vad import CHUNK
from voxtral_service.engine.base import Engine, StreamOptions
from voxtral_service.errors import InvalidAudio
from voxtral_service.events import (
    AppendAudio,
    AssistantCommand,
    AudioRejected,
    ClearAudio,
    Command,
    CommitTurn,
    Configure,
    EndAudio,
    EndReason,
    IdleTimeout,
    NothingToCommit,
    SessionEnded,
    SessionEvent,
    SessionSettings,
    TurnAudio,
    TurnEagerEnd,
    TurnEnded,
    TurnResumed,
    TurnStarted,
)
from voxtral_service.session.arrivals import Arrivals
from voxtral_service.session.completeness import completeness, is_punctuated
from voxtral_service.session.intake import Intake, intake
from voxtral_service.session.pause import PauseFinder
from voxtral_service.session.transcript import TurnTranscript
from voxtral_service.session.turn import Action, Change, TurnDetector

logger = logging.getLogger(__name__)

MAX_WAITING_EVENTS = 256
"""Events a listener may leave lying before the session waits for it, and with it the caller's audio."""


class Activity(Protocol):
    """A voice activity detector's state for one stream; see `vad.VoiceActivity`."""

    def probability(self, chunk: Samples) -> float:
        """How likely the next 512 samples are speech."""
        ...


class Session:
    """Takes commands from one task and gives events to another.

    Audio is worked through as it comes; when the engine or the listener falls behind, `send` waits, so that whoever
    reads the socket stops reading it.
    """

    def __init__(
        self,
        engine: Engine,
        settings: SessionSettings,
        activity: Callable[[], Activity],
        *,
        tells_audio: bool = False,
    ) -> None:
        """`activity` makes a fresh voice activity detector; with `tells_audio` turns come with their sound (TurnAudio).

        Raises InvalidOption for settings that cannot be.
        """
        self._engine = engine
        self._settings = settings
        self._activity = activity()
        self._tells_audio = tells_audio
        self._new_activity = activity
        self._intake: Intake = intake(settings.audio_format)
        self._events: asyncio.Queue[SessionEvent | AssistantCommand] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._detector = TurnDetector(settings.turn_detection) if settings.turn_detection else None
        self._heard = 0
        self._arrivals = Arrivals()
        self._arrived = 0.0
        self._given = 0
        self._chunk = np.zeros(0, np.float32)
        self._recent = np.zeros(0, np.float32)
        self._turns = 0
        self._turn: TurnTranscript | None = None
        self._pause: PauseFinder | None = None
        self._ignored: tuple[str, ...] = ()
        self._unfinished: list[TurnTranscript] = []
        self._last: asyncio.Event | None = None
        self._punctuated = False
        self._over = False
        self._handlers: dict[type[Command], Callable[[Any], Awaitable[None]]] = {
            Configure: self._configure,
            AppendAudio: self._append,
            CommitTurn: self._commit,
            ClearAudio: self._clear,
            EndAudio: self._end,
        }
        self._note_what_is_ignored()

    @property
    def audio_seconds(self) -> float:
        """How much audio has been taken in."""
        return (self._heard + len(self._chunk)) / SAMPLE_RATE

    def arrival(self, position: float) -> float | None:
        """When the audio up to this position (seconds of the session) had come, by `time.monotonic`, if that is known.

        Positions before one that was asked for are forgotten.
        """
        return self._arrivals.of(position)

    async def send(self, command: Command | AssistantCommand) -> None:
        """Carry out a command; raises InvalidOption for settings that cannot be. After EndAudio nothing is done.

        One for an assistant takes its place among the events.
        """
        if isinstance(command, AssistantCommand):
            await self._emit(command)
        elif not self._over:
            self._arrived = time.monotonic()
            await self._handlers[type(command)](command)

    async def __aiter__(self) -> AsyncIterator[SessionEvent]:
        """Events until SessionEnded."""
        async for event in self.everything():
            if not isinstance(event, AssistantCommand):
                yield event

    async def everything(self) -> AsyncIterator[SessionEvent | AssistantCommand]:
        """Events, and commands for an assistant in their places among them, until SessionEnded."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, SessionEnded):
                return

    def close(self) -> None:
        """Drop everything at once, as when the connection is lost. Harmless after the end."""
        self._over = True
        self._intake.close()
        for turn in self._unfinished:
            turn.cancel()

    # -- commands

    async def _configure(self, command: Configure) -> None:
        old, new = self._settings, command.settings
        if new.audio_format != old.audio_format:
            old_intake, self._intake = self._intake, intake(new.audio_format)
            await self._finish_intake(old_intake)
        if (new.turn_detection is None) != (old.turn_detection is None):
            await self._end_turn("committed")
            self._detector = None
        if new.turn_detection is not None:
            if self._detector is None:
                self._detector = TurnDetector(new.turn_detection, now=self._heard / SAMPLE_RATE)
                self._activity = self._new_activity()
            self._detector.configure(new.turn_detection)
        self._settings = new
        self._note_what_is_ignored()
        # The model waits for as long as it was told at the beginning of a stream: told otherwise within one, it loses
        # words (5 to 33 of 100 spoken digits). So the turn goes on in another stream, from the next pause on.
        changed = self._turn is not None and self._differs(self._turn.options)
        self._pause = PauseFinder(self._new_activity().probability) if changed else None

    async def _append(self, command: AppendAudio) -> None:
        await self._take_in(lambda: self._intake.push(command.data))

    async def _commit(self, _: CommitTurn) -> None:
        await self._take_in(self._intake.flush)
        await self._give_rest_of_chunk()
        if self._turn is not None:
            await self._end_turn("committed")
            return
        if self._last is not None:
            await self._last.wait()
        await self._emit(NothingToCommit())

    async def _clear(self, _: ClearAudio) -> None:
        self._chunk = self._recent = np.zeros(0, np.float32)
        await self._end_turn("cleared")

    async def _end(self, _: EndAudio) -> None:
        await self._finish_intake(self._intake)
        await self._give_rest_of_chunk()
        await self._end_turn("ended")
        self._over = True
        if self._last is not None:
            await self._last.wait()
        await self._emit(SessionEnded(self._heard / SAMPLE_RATE))

    # -- audio

    async def _take_in(self, step: Callable[[], Samples]) -> None:
        """Hear what the intake gives; bytes that are no audio are told of, and the next ones are a new beginning."""
        try:
            samples = step()
        except InvalidAudio as error:
            self._intake.close()
            self._intake = intake(self._settings.audio_format)
            await self._emit(AudioRejected(error.code, str(error)))
        else:
            await self._hear(samples)

    async def _finish_intake(self, ending: Intake) -> None:
        try:
            samples = await asyncio.to_thread(ending.finish)
        except InvalidAudio as error:
            await self._emit(AudioRejected(error.code, str(error)))
        else:
            await self._hear(samples)
        finally:
            ending.close()  # who is cancelled here may not have begun to finish

    async def _hear(self, samples: Samples) -> None:
        if self._detector is None:
            if len(samples):
                turn = self._turn or await self._start_turn(self._heard)
                self._heard += len(samples)
                self._given = self._heard
                self._arrivals.note(self.audio_seconds, self._arrived)
                await self._give(turn, samples)
            return
        self._chunk = np.concatenate((self._chunk, samples))
        self._arrivals.note(self.audio_seconds, self._arrived)
        while len(self._chunk) >= CHUNK and self._detector is not None:
            chunk, self._chunk = self._chunk[:CHUNK], self._chunk[CHUNK:]
            await self._hear_chunk(chunk, self._detector)

    async def _hear_chunk(self, chunk: Samples, detector: TurnDetector) -> None:
        rules = self._settings.turn_detection
        padding = rules.prefix_padding_ms if rules else 0
        self._heard += CHUNK
        # What a turn that starts later may still need: its padding, and the speech it takes to be sure.
        kept = padding * SAMPLE_RATE // 1000 + 8 * CHUNK
        self._recent = np.concatenate((self._recent, chunk))[-kept:]
        text = self._turn.text if self._turn else ""
        self._punctuated = self._punctuated or is_punctuated(text)
        probability = self._activity.probability(chunk)
        change = detector.advance(probability, completeness(text, punctuated=self._punctuated))
        metrics.LAG_ACTIVITY.observe(time.monotonic() - self._arrived)
        if self._turn is not None:
            self._given = self._heard
            await self._give(self._turn, chunk)
        if change is not None:
            await self._act(change, padding / 1000)

    async def _give(self, turn: TurnTranscript, samples: Samples) -> None:
        """More audio for a turn, in whose next pause new options may wait to count."""
        pause = self._pause.find(samples) if self._pause is not None else None
        if pause is not None:
            await turn.push(samples[:pause])
            samples = samples[pause:]
            # Where the engine is so far behind that it has not come to the last change, the next pause will do.
            waits = not turn.change(self._options())
            self._pause = PauseFinder(self._new_activity().probability) if waits else None
        await turn.push(samples)

    async def _act(self, change: Change, padding: float) -> None:
        number = self._turns
        match change.action:
            case Action.START:
                oldest = self._heard - len(self._recent)
                start = max(round((change.at - padding) * SAMPLE_RATE), oldest, self._given)
                turn = await self._start_turn(start)
                self._given = self._heard
                await turn.push(self._recent[start - oldest :])
            case Action.EAGER_END:
                await self._emit(TurnEagerEnd(number, change.at))
            case Action.RESUME:
                await self._emit(TurnResumed(number, change.at))
            case Action.END:
                await self._end_turn("silence")
            case Action.IDLE:
                await self._emit(IdleTimeout(change.at, self._heard / SAMPLE_RATE))

    async def _give_rest_of_chunk(self) -> None:
        """A turn that is ended by command ends with the last sample sent, not with the last whole chunk."""
        rest, self._chunk = self._chunk, np.zeros(0, np.float32)
        self._heard += len(rest)
        self._recent = np.concatenate((self._recent, rest))
        if self._turn is not None:
            self._given = self._heard
            await self._turn.push(rest)

    # -- turns

    async def _start_turn(self, first_sample: int) -> TurnTranscript:
        self._turns += 1
        start = first_sample / SAMPLE_RATE
        await self._emit(TurnStarted(self._turns, start))
        self._turn = TurnTranscript(
            engine=self._engine,
            options=self._options(),
            turn=self._turns,
            start=start,
            emit=self._emit,
            before=self._last,
            keeps=self._tells_audio,
        )
        self._last = self._turn.done
        self._unfinished = [turn for turn in self._unfinished if not turn.done.is_set()] + [self._turn]
        return self._turn

    def _note_what_is_ignored(self) -> None:
        """Leave a line where the caller hopes for more than the engine can do; no error, for clients die of those."""
        can, wished = self._engine.capabilities, self._settings
        asked = {
            "vocabulary": wished.vocabulary and not can.uses_vocabulary,
            "prompt": wished.prompt and not can.uses_prompt,
        }
        ignored = tuple(name for name, in_vain in asked.items() if in_vain)
        if set(ignored) - set(self._ignored):
            logger.info("this model makes no use of a %s; it is ignored", " or a ".join(ignored))
        self._ignored = ignored

    def _differs(self, options: StreamOptions) -> bool:
        """Whether a turn goes on with other options than are wished now, of those that can change within it."""
        wished = self._options()
        words = self._engine.capabilities.uses_vocabulary and options.vocabulary != wished.vocabulary
        return words or options.delay_ms != wished.delay_ms

    def _options(self) -> StreamOptions:
        settings = self._settings
        return StreamOptions(
            delay_ms=settings.delay_ms,
            language=settings.language,
            languages=settings.languages,
            prompt=settings.prompt,
            vocabulary=settings.vocabulary,
        )

    async def _end_turn(self, reason: EndReason) -> None:
        turn, self._turn = self._turn, None
        self._pause = None
        if self._detector is not None:
            self._detector.reset()
        if turn is None:
            return
        await self._emit(TurnEnded(turn.turn, turn.start, turn.end_time, reason))
        if reason == "cleared":
            turn.cancel()
            return
        if self._tells_audio:
            await self._emit(TurnAudio(turn.turn, turn.sound()))
        turn.end()

    async def _emit(self, event: SessionEvent | AssistantCommand) -> None:
        await self._events.put(event)
