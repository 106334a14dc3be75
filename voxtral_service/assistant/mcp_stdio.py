"""A tool server as a child process: messages as lines over its standard streams, its complaints in the log.

The `mcp` package's own transport reads lines of any length and as many as come; what a server of the operator's does
wrong must not cost the calls of others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from voxtral_service.assistant.mcp_meter import Meter

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.client._transport import TransportStreams
    from mcp.shared.message import SessionMessage

logger = logging.getLogger(__name__)

LONGEST_LINE = 2**20
LONGEST_COMPLAINT = 300
COMPLAINTS = 8192
BETWEEN_COMPLAINTS = 0.1
"""Bytes at a time, and seconds between two: who complains more waits."""
PATIENCE, HASTE = 2.0, 0.2
"""Seconds that a process gets to end, first by itself, then asked to; and one that has broken off."""


@asynccontextmanager
async def stdio(
    label: str, command: Sequence[str], env: Mapping[str, str], folder: Path | None, meter: Meter
) -> AsyncGenerator[TransportStreams]:
    """The streams of a process that is started, and stopped in the end with all that it has started.

    It inherits few variables (HOME, PATH and the like), and gets `env`. Raises OSError when it cannot be started, and
    UpstreamError in an exception group when it ends, or sends what it should not.
    """
    import anyio
    from mcp.client.stdio import get_default_environment

    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**get_default_environment(), **env},
        cwd=folder,
        limit=LONGEST_LINE,
        start_new_session=True,
    )
    into, inbound = anyio.create_memory_object_stream["SessionMessage | Exception"](0)
    outbound, out = anyio.create_memory_object_stream["SessionMessage"](0)
    try:
        async with anyio.create_task_group() as tasks, into, inbound, outbound, out:
            tasks.start_soon(_read, label, process, into, meter)
            tasks.start_soon(_write, process, out, meter)
            tasks.start_soon(_log, label, process)
            try:
                yield inbound, outbound
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process, HASTE if meter.failure is not None else PATIENCE)


async def _read(
    label: str, process: Process, into: MemoryObjectSendStream[SessionMessage | Exception], meter: Meter
) -> None:
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    assert process.stdout is not None
    while line := await _line(process.stdout, meter):
        meter.take(len(line), messages=1)
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:  # many print what is not meant for us
            logger.debug("the tool server %s writes a line that is no message", label)
            continue
        await into.send(SessionMessage(message))
    raise meter.broken("has ended", "unreachable")


async def _line(stream: asyncio.StreamReader, meter: Meter) -> bytes:
    try:
        return await stream.readline()
    except ValueError as error:
        raise meter.broken(f"sends a message of more than {LONGEST_LINE} bytes") from error


async def _write(process: Process, out: MemoryObjectReceiveStream[SessionMessage], meter: Meter) -> None:
    assert process.stdin is not None
    async for message in out:
        line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
        process.stdin.write(line.encode() + b"\n")
        try:
            await process.stdin.drain()
        except ConnectionError as error:
            raise meter.broken("has ended", "unreachable") from error


async def _log(label: str, process: Process) -> None:
    """What it writes to its standard error, as far as anybody would read it; it may hold what was said."""
    assert process.stderr is not None
    while data := await process.stderr.read(COMPLAINTS):
        for line in data.decode("utf-8", "replace").splitlines():
            logger.debug("%s: %s", label, line.strip()[:LONGEST_COMPLAINT])
        await asyncio.sleep(BETWEEN_COMPLAINTS)


async def _stop(process: Process, patience: float) -> None:
    """Its input ends; then it is asked to end; then it is ended. What it has started is in the same session."""
    assert process.stdin is not None
    process.stdin.close()
    # What it still has to say is read, or it could not end, and nobody would notice that its pipes have.
    ended = asyncio.gather(_drain(process.stdout), _drain(process.stderr), process.wait())
    for sent in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        done, _ = await asyncio.wait({ended}, timeout=patience)
        if done:
            break
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, sent)
            else:
                process.send_signal(sent)
    with suppress(TimeoutError):
        await asyncio.wait_for(ended, PATIENCE)


async def _drain(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(2**16):
        pass
