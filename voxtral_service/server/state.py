"""What the routes of one server share."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxtral_service.assistant.assistant import Assistant
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.speech import Synthesizer
from voxtral_service.audio.vad import Detector
from voxtral_service.engine.base import Engine
from voxtral_service.engine.pool import EnginePool
from voxtral_service.errors import LimitReached
from voxtral_service.events import SessionSettings
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.service import Jobs
from voxtral_service.server.keys import ApiKey, Door
from voxtral_service.server.seats import AudioAllowance, Seats
from voxtral_service.session.session import Activity
from voxtral_service.wire.base import Connection
from voxtral_service.wire.voices import LocalVoice

if TYPE_CHECKING:
    from voxtral_service.engine.capacity import Capacity
    from voxtral_service.server.websocket import SocketSession


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model behind the server, as `/v1/models` shows it."""

    name: str
    languages: tuple[str, ...]
    created: int


@dataclass(frozen=True, slots=True)
class FileSettings:
    """How recordings are taken in and heard.

    At most `max_upload` bytes and `max_seconds` of sound each, up to `lanes` streams on each at once; `delay_ms` as of
    the engine port; `vocabulary` is that of requests without one; `detector` finds where somebody speaks, None for the
    network that comes along.
    """

    max_upload: int = 2 * 2**30
    max_seconds: float = 12 * 3600.0
    lanes: int = 4
    delay_ms: int | None = None
    vocabulary: tuple[str, ...] = ()
    detector: Callable[[], Detector] | None = None


def _no_hosts() -> Fetcher:
    return Fetcher((), max_bytes=0)


@dataclass(slots=True)
class ServerState:
    """Everything the routes need; made once, before the server starts."""

    engine: Engine
    """For live sessions."""
    model: ServedModel
    pool: EnginePool
    """For everything else; its default is the same engine."""
    activity: Callable[[], Activity]
    door: Door
    seats: Seats
    defaults: SessionSettings = field(default_factory=SessionSettings)
    files: FileSettings = field(default_factory=FileSettings)
    fetcher: Fetcher = field(default_factory=_no_hosts)
    """Gets recordings from addresses that requests name."""
    jobs: Jobs | None = None
    """Recordings that are transcribed in the background, where that is wanted."""
    knowledge: Knowledge | None = None
    """Memories and projects, where those are kept."""
    speech: Synthesizer | None = None
    """What speaks, where something is installed that does."""
    assistant: Assistant | None = None
    """Who answers in conversations."""
    capacity: Capacity | None = None
    """How many live sessions the engine was found to hold, where that was measured."""
    strict_models: bool = False
    open: set[SocketSession] = field(default_factory=set)
    _allowances: dict[str, AudioAllowance] = field(default_factory=dict)

    async def voices(self) -> tuple[LocalVoice, ...]:
        """The voices there are, the default first; none where nothing speaks. Raises UpstreamError."""
        if self.speech is None:
            return ()
        found = await self.speech.voices()
        return tuple(
            LocalVoice(voice.name, voice.language, voice.description, voice.gender, voice.natural) for voice in found
        )

    def connection(self, *, voices: tuple[LocalVoice, ...] = (), responds: bool = False) -> Connection:
        """What a dialect is told when its connection opens."""
        return Connection(
            model=self.model.name,
            new_id=new_id,
            now=int(time.time()),
            strict_models=self.strict_models,
            responds=responds,
            voices=voices,
            defaults=self.defaults,
        )

    async def conversing(self) -> Connection:
        """The same where clients may have conversations. Raises UpstreamError when the voices cannot be had."""
        responds = self.assistant is not None
        return self.connection(voices=await self.voices() if responds else (), responds=responds)

    def allowance(self, key: ApiKey) -> AudioAllowance:
        """One bucket a key, shared by its sessions."""
        if key.name not in self._allowances:
            self._allowances[key.name] = AudioAllowance(key.audio_seconds_per_minute, now=time.monotonic())
        return self._allowances[key.name]

    def check_allowance(self, key: ApiKey) -> None:
        """Raises LimitReached for a key that has had more audio than its minutes hold, until they have caught up."""
        wait = self.allowance(key).delay(0, now=time.monotonic())
        if wait > 0:
            raise LimitReached(
                f"the key {key.name!r} has used up its audio; try again in {wait:.0f} seconds", retry_after=wait
            )


def new_id(prefix: str) -> str:
    """An id that nobody can guess."""
    return prefix + secrets.token_hex(12)
