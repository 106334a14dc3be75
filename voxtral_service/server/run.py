"""Running the server: listening, and stopping without cutting anybody off."""

from __future__ import annotations

import asyncio
import gc
import logging
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from voxtral_service.server import tcp
from voxtral_service.server.app import create_app
from voxtral_service.server.handshake import WebSocketProtocol
from voxtral_service.server.state import ServerState
from voxtral_service.server.upgrade import UpgradingProtocol

logger = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0005
"""Seconds between two threads' turns with Python's lock. Of 88 live streams the p99 of final texts was 338 ms, with
Python's own 5 ms it was 584 (SPEED.md).
"""
MAX_FRAME = 32 * 2**20
"""Bytes; OpenAI's clients may append 15 MiB of audio at once, base64-encoded."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and for how long open sessions may go on after a signal to stop (seconds)."""

    host: str = "127.0.0.1"
    port: int = 8000
    wyoming_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    grace: float = 30.0


class DrainingServer(uvicorn.Server):
    """On the first signal takes no new sessions and lets the open ones finish; on the second stops at once."""

    def __init__(self, config: uvicorn.Config, state: ServerState, grace: float) -> None:
        super().__init__(config)
        self._state = state
        self._grace = grace
        self._drain: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Remember the loop, for signals."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop."""
        if self._state.seats.draining or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._state.seats.draining = True
        self._loop.call_soon_threadsafe(self._start_drain)

    def _start_drain(self) -> None:
        self._drain = asyncio.create_task(self._finish_sessions())

    async def _finish_sessions(self) -> None:
        waiting = self._state.seats.busy
        if waiting:
            logger.warning("stopping: %d open sessions and recordings may finish within %g s", waiting, self._grace)
        letting_go = asyncio.create_task(self._let_go_of_jobs())
        deadline = asyncio.get_running_loop().time() + self._grace
        while self._state.seats.busy and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.gather(*(session.stop() for session in list(self._state.open)), return_exceptions=True)
        await letting_go
        self.should_exit = True

    async def _let_go_of_jobs(self) -> None:
        if self._state.jobs is not None:
            await self._state.jobs.stop(self._grace)


def configure(state: ServerState, listen: Listen) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        create_app(state),
        host=listen.host,
        port=listen.port,
        ssl_certfile=listen.tls_cert,
        ssl_keyfile=listen.tls_key,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        http=UpgradingProtocol,
        ws=WebSocketProtocol,
        ws_per_message_deflate=False,
        ws_max_size=MAX_FRAME,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_graceful_shutdown=5,
        log_config=None,  # its lines go where all others go
        log_level="warning",
        lifespan="off",
    )


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Makes event loops: uvloop's where it is installed (not on Windows), which cost half as much a message."""
    return uvicorn.Config("").get_loop_factory()


@contextmanager
def _threads_in_time() -> Iterator[None]:
    """Let no thread of this process keep the others waiting, as far as Python can be told so."""
    # Half a million objects of libraries live as long as the server. To look through them all for garbage stops every
    # thread for 0.3 s, in which fifty live streams fall behind.
    gc.collect()
    gc.freeze()
    # The engine's thread takes Python's lock several times a turn, for microseconds each.
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()


async def run(state: ServerState, listen: Listen) -> None:
    """Serve until a signal stops it. Raises OSError when an address cannot be listened on."""
    wyoming = None
    if listen.wyoming_port is not None:
        wyoming = await tcp.listen(state, listen.host, listen.wyoming_port)
    if state.jobs is not None:
        state.jobs.start()
    if state.assistant is not None:
        state.assistant.start()
    if state.knowledge is not None:
        state.knowledge.start()
    try:
        server = DrainingServer(configure(state, listen), state, listen.grace)
        with _threads_in_time():
            await server.serve()
    finally:
        if wyoming is not None:
            wyoming.close()
        if state.jobs is not None:
            await state.jobs.stop()
        if state.knowledge is not None:
            await state.knowledge.stop()
        if state.assistant is not None:
            await state.assistant.close()
        if state.speech is not None:
            await state.speech.close()
        await state.pool.close()
