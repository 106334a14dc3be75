"""What is counted and logged of live sessions and of those who were turned away."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from voxtral_service import metrics
from voxtral_service.errors import Overloaded, VoxtralError
from voxtral_service.events import (
    SessionEvent,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnEnded,
    TurnStarted,
)
from voxtral_service.server.logs import FIELDS

logger = logging.getLogger(__name__)

CloseReason = Literal["finished", "client", "stalled", "shutdown", "failed"]
"""All was said; the client closed or was lost; it did not read; the server stopped; the server failed."""


@dataclass(slots=True)
class _Turn:
    started: float
    ended: float | None = None
    said: bool = False


@dataclass(slots=True)
class SessionRecord:
    """One session, from its events; times are those of `time.monotonic`."""

    reason: CloseReason = "client"
    audio_seconds: float = 0.0
    turns: int = 0
    failed: int = 0
    _open: dict[int, _Turn] = field(default_factory=dict)

    def told(self, event: SessionEvent, *, heard_at: float | None, now: float) -> None:
        """The client has been told of an event.

        `heard_at` is when the audio came that it depends on, None where that is not known.
        """
        match event:
            case TurnStarted():
                self.turns += 1
                self._open[event.turn] = _Turn(now)
            case TranscriptDelta():
                if heard_at is not None:
                    metrics.LAG_SENT.observe(now - heard_at)
                if (turn := self._open.get(event.turn)) and not turn.said:
                    turn.said = True
                    metrics.FIRST_TEXT.observe(now - turn.started)
            case TurnEnded():
                metrics.TURNS.labels(event.reason).inc()
                if event.reason == "cleared":
                    self._open.pop(event.turn, None)
                elif turn := self._open.get(event.turn):
                    turn.ended = now
            case TranscriptFinal():
                if (turn := self._open.pop(event.turn, None)) and turn.ended is not None:
                    metrics.FINAL_TEXT.observe(now - turn.ended)
            case TranscriptFailed():
                self._open.pop(event.turn, None)
                self.failed += 1
                metrics.FAILED_TURNS.labels(event.code).inc()


@contextmanager
def recorded(dialect: str, key: str) -> Iterator[SessionRecord]:
    """Count a session while it is open, and log a line at its end."""
    record, start = SessionRecord(), time.monotonic()
    metrics.SESSIONS_TOTAL.labels(dialect).inc()
    try:
        with metrics.SESSIONS.labels(dialect).track_inprogress():
            yield record
    except Exception as error:
        if not isinstance(error, ConnectionError):
            record.reason = "stalled" if isinstance(error, TimeoutError) else "failed"
        raise
    finally:
        metrics.AUDIO_SECONDS.inc(record.audio_seconds)
        if record.reason == "stalled":
            metrics.STALLED.inc()
        fields = {
            "dialect": dialect,
            "key": key,
            "seconds": round(time.monotonic() - start, 3),
            "audio_seconds": round(record.audio_seconds, 3),
            "turns": record.turns,
            "failed_turns": record.failed,
            "reason": record.reason,
        }
        logger.info("session closed", extra={FIELDS: fields})


def refused(error: VoxtralError, *, route: str, client: str) -> None:
    """Count and log somebody who was turned away; `client` is the address that they come from."""
    if not isinstance(error, Overloaded):  # those are counted where it is known what there is too much of
        metrics.REFUSED.labels(error.code).inc()
    logger.info("refused: %s", error, extra={FIELDS: {"route": route, "client": client, "reason": error.code}})
