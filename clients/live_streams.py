"""Paced live streams, and how late each of their texts came.

Lateness is counted from the moment at which the sound was due on the stream's clock, not from when it could be sent: a
server that stops reading delays the sending too, and must not look quicker for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from clients.live_dialects import SAMPLE_RATE, Dialect

FRAME = 0.08
"""Seconds of audio a message, as a microphone gives them."""
PATIENCE = 30.0
"""Seconds to wait for final texts after the last sound, and for a connection."""
TOO_MANY = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording: 16 kHz, 16 bits, one channel; `first_word` is where the first word ends, in seconds, if known."""

    name: str
    pcm: bytes
    first_word: float | None = None

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.pcm) / 2 / SAMPLE_RATE


@dataclass(slots=True)
class Utterance:
    """A clip on its way; times are of the monotonic clock."""

    clip: Clip
    started: float
    first_text: float | None = None
    final_text: float | None = None
    text: str = ""

    @property
    def ended(self) -> float:
        """When its last sample was due."""
        return self.started + self.clip.seconds

    @property
    def first_lag(self) -> float | None:
        """Seconds from the end of the first word, or from the first sample where that is not known, to any text."""
        if self.first_text is None:
            return None
        return self.first_text - self.started - (self.clip.first_word or 0.0)

    @property
    def final_lag(self) -> float | None:
        """Seconds from the end of the clip to its final text."""
        return None if self.final_text is None else self.final_text - self.ended


@dataclass(slots=True)
class StreamLog:
    """What became of one stream."""

    utterances: list[Utterance] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long a stream goes on (at least one clip), how long its speaker is silent between two clips, and
    before the first.
    """

    seconds: float
    pause: float = 0.5
    wait: float = 0.0


async def run_streams(
    url: str, dialect: Dialect, clips: Sequence[Clip], count: int, pace: Pace, *, key: str | None = None, ramp: float
) -> list[StreamLog]:
    """So many streams side by side, their starts spread over `ramp` seconds; each begins with another clip."""

    async def one(number: int) -> StreamLog:
        await asyncio.sleep(ramp * number / count)
        first = number % len(clips)
        return await run_stream(url, dialect, [*clips[first:], *clips[:first]], pace, key=key)

    return await asyncio.gather(*map(one, range(count)))


async def run_stream(
    url: str, dialect: Dialect, clips: Sequence[Clip], pace: Pace, *, key: str | None = None
) -> StreamLog:
    """One connection: the clips in turn until the time is up. Failures end up in the log."""
    log = StreamLog()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with connect(
            url + dialect.path,
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=PATIENCE,
            max_size=None,
        ) as socket:
            await _Conversation(socket, dialect, log).run(clips, pace)
    except InvalidStatus as error:
        log.refused = error.response.status_code in TOO_MANY
        log.errors += [] if log.refused else [f"HTTP status {error.response.status_code}"]
    except (OSError, InvalidHandshake, ConnectionClosed) as error:
        log.errors.append(str(error) or type(error).__name__)
    return log


class _Conversation:
    """A speaker who does not wait, and a reader who notes when texts come."""

    def __init__(self, socket: ClientConnection, dialect: Dialect, log: StreamLog) -> None:
        self._socket, self._dialect, self._log = socket, dialect, log
        self._unanswered: deque[Utterance] = deque()
        self._answered = asyncio.Event()
        self._answered.set()

    async def run(self, clips: Sequence[Clip], pace: Pace) -> None:
        reader = asyncio.create_task(self._read())
        speaker = asyncio.create_task(self._speak(clips, pace))
        try:
            await asyncio.wait({reader, speaker}, return_when=asyncio.FIRST_COMPLETED)
            if speaker.done() and not speaker.exception():
                async with asyncio.timeout(PATIENCE):
                    await self._answered.wait()
            await asyncio.gather(*(task for task in (reader, speaker) if task.done()))
        except TimeoutError:
            self._log.errors.append(f"no final text within {PATIENCE:g} s")
        finally:
            for task in (reader, speaker):
                task.cancel()
            await asyncio.gather(reader, speaker, return_exceptions=True)

    async def _speak(self, clips: Sequence[Clip], pace: Pace) -> None:
        for message in self._dialect.opening():
            await self._socket.send(message)
        await asyncio.sleep(pace.wait)
        begin = now = time.monotonic()
        number = 0
        while number == 0 or now - begin < pace.seconds:
            utterance = Utterance(clips[number % len(clips)], now)
            await self._say(utterance)
            if self._dialect.waits:
                await self._answered.wait()
            # On the stream's own clock: a late sending must not make the next clip late as well.
            now = max(utterance.ended + pace.pause, time.monotonic() if self._dialect.waits else 0.0)
            number += 1

    async def _say(self, utterance: Utterance) -> None:
        self._log.utterances.append(utterance)
        self._unanswered.append(utterance)
        self._answered.clear()
        size = 2 * round(FRAME * SAMPLE_RATE)
        for at in range(0, len(utterance.clip.pcm), size):
            frame = utterance.clip.pcm[at : at + size]
            # A frame is sent when its last sample has been spoken.
            due = utterance.started + (at + len(frame)) / 2 / SAMPLE_RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self._socket.send(self._dialect.append(frame))
        await self._socket.send(self._dialect.end_utterance())

    async def _read(self) -> None:
        async for message in self._socket:
            heard = self._dialect.read(json.loads(message))
            if heard is None:
                continue
            if heard.kind == "error":
                self._log.errors.append(heard.text)
            elif self._unanswered:
                self._note(heard.kind == "final", heard.text)
        self._log.errors.append("the server closed the connection")

    def _note(self, final: bool, text: str) -> None:
        utterance = self._unanswered[0]
        now = time.monotonic()
        if text and utterance.first_text is None:
            utterance.first_text = now
        if final:
            utterance.text, utterance.final_text = text, now
            self._unanswered.popleft()
            if not self._unanswered:
                self._answered.set()
