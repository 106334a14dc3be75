"""Sound becomes a session's events at a server: the other end of OpenAI's realtime transcription.

    sent                                              answered
    -----------------------------------------------   ------------------------------------------
    session.update (16 kHz, server_vad)
    input_audio_buffer.append*                        speech_started, delta*, completed, and again
    input_audio_buffer.commit                         ... for the turn that is open, if one is
    session.update (no turn detection)
    input_audio_buffer.append (silence), commit       committed, completed: the farewell

A commit that finds no open turn is not answered, so the farewell is what tells that everything has been: a turn that
nobody spoke in. It can be told by its item, which no `speech_started` announced.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidHandshake, InvalidStatus

from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.cli.hearing import Sound, blocks
from voxtral_service.errors import InvalidOption, Overloaded, Unauthorized, UpstreamError, VoxtralError
from voxtral_service.events import (
    AudioRejected,
    SessionEvent,
    TranscriptDelta,
    TranscriptFailed,
    TranscriptFinal,
    TurnStarted,
    Word,
)

PATH = "/v1/realtime"
PATIENCE = 30.0
"""Seconds a server may take for its last words."""
FAREWELL = 0.2
"""Seconds of silence; OpenAI takes no turn shorter than half of it."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


async def hear(url: str, key: str | None, language: str | None, sound: Sound) -> AsyncGenerator[SessionEvent]:
    """What a server makes of a sound, to its last word; `url` as `address` gives it.

    Raises UpstreamError, or what the server refused the session with.
    """
    async with await connect_to(url, key) as socket:
        await socket.send(_settings({"type": "server_vad"}, language))
        feeder = asyncio.create_task(_feed(socket, sound))
        turns = _Turns()
        try:
            with suppress(ConnectionClosedError):
                async for message in socket:
                    for event in turns.read(json.loads(message)):
                        yield event
                    if turns.over:
                        return
            raise _broken(url, socket, feeder)
        finally:
            sound.stop()
            feeder.cancel()
            await asyncio.gather(feeder, return_exceptions=True)


def address(server: str, intent: str = "transcription") -> str:
    """A server as people name it, as the address of its sessions, for conversations with no `intent`.

    Raises InvalidOption.
    """
    parts = urlsplit(server)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise InvalidOption(f"{server!r} is no server's address; write ws://HOST:PORT or wss://HOST", field="server")
    path = PATH if parts.path.rstrip("/") in ("", "/v1") else parts.path
    query = "&".join(filter(None, (parts.query, intent and f"intent={intent}")))
    return urlunsplit((SCHEMES[parts.scheme], parts.netloc, path, query, ""))


async def connect_to(url: str, key: str | None) -> ClientConnection:
    """A socket to a server, whose reasons for a refusal become errors of the house."""
    proxy: Literal[True] | None = None if urlsplit(url).hostname in LOOPBACK else True
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return await connect(url, additional_headers=headers, compression=None, proxy=proxy, max_size=None)
    except InvalidStatus as error:
        raise _refusal(url, error) from error
    except (OSError, InvalidHandshake) as error:
        raise UpstreamError(f"{url} cannot be reached ({error}); does a server listen there?") from error


def _refusal(url: str, refused: InvalidStatus) -> VoxtralError:
    response = refused.response
    reason = f"status {response.status_code}"
    with suppress(ValueError, TypeError, KeyError):
        reason = json.loads(response.body or b"")["error"]["message"]
    match response.status_code:
        case 401 | 403:
            return Unauthorized(f"{url}: {reason}; a key is given with --key or VOXTRAL_API_KEY")
        case 429 | 503:
            return Overloaded(f"{url}: {reason}")
    return UpstreamError(f"{url}: {reason}")


def _broken(url: str, socket: ClientConnection, feeder: asyncio.Task[None]) -> Exception:
    """Why a connection ended before everything was said."""
    error = feeder.exception() if feeder.done() and not feeder.cancelled() else None
    if isinstance(error, Exception) and not isinstance(error, ConnectionClosed):
        return error
    return ended(url, socket)


def ended(url: str, socket: ClientConnection) -> UpstreamError:
    """A server closed a connection."""
    return UpstreamError(f"{url} ended the session: {socket.close_reason or 'without a reason'}")


async def _feed(socket: ClientConnection, sound: Sound) -> None:
    try:
        async for block in blocks(sound):
            await socket.send(append(encode_s16le(block)))
        await socket.send(message("input_audio_buffer.commit"))
        await socket.send(_settings(None))
        await socket.send(append(bytes(2 * round(FAREWELL * SAMPLE_RATE))))
        await socket.send(message("input_audio_buffer.commit"))
        await asyncio.sleep(PATIENCE)
        raise UpstreamError(f"the server said nothing for {PATIENCE:g} s after the last sound")
    finally:
        await socket.close()  # whoever reads from it is to know


def message(kind: str, **fields: object) -> str:
    """An event, as a frame."""
    return json.dumps({"type": kind, **fields})


def append(data: bytes) -> str:
    """More sound, as a frame."""
    return message("input_audio_buffer.append", audio=base64.b64encode(data).decode())


def _settings(turn_detection: dict[str, str] | None, language: str | None = None) -> str:
    sound: dict[str, object] = {
        "format": {"type": "audio/pcm", "rate": SAMPLE_RATE},
        "turn_detection": turn_detection,
    }
    if language:
        sound["transcription"] = {"language": language}
    return message("session.update", session={"type": "transcription", "audio": {"input": sound}})


@dataclass(slots=True)
class _Turn:
    number: int
    start: float
    end: float = 0.0


class _Turns:
    """The server's items as turns."""

    def __init__(self) -> None:
        self._open: dict[str, _Turn] = {}
        self._count = 0
        self._farewell: str | None = None
        self._farewell_said = False

    @property
    def over(self) -> bool:
        """Whether everything has been said."""
        return self._farewell_said and not self._open

    def read(self, message: dict[str, Any]) -> Iterator[SessionEvent]:
        """The events that one of the server's stands for, often none."""
        item = message.get("item_id", "")
        turn = self._open.get(item)
        match str(message.get("type")).removeprefix("conversation.item.input_audio_transcription."):
            case "input_audio_buffer.speech_started":
                self._count += 1
                turn = self._open[item] = _Turn(self._count, message["audio_start_ms"] / 1000)
                yield TurnStarted(turn.number, turn.start)
            case "input_audio_buffer.speech_stopped" if turn:
                turn.end = message["audio_end_ms"] / 1000
            case "input_audio_buffer.committed" if not turn:
                self._farewell = item
            case "delta" if turn:
                yield TranscriptDelta(turn.number, message["delta"])
            case "completed" if turn:
                del self._open[item]
                words = tuple(Word(word["word"], word["start"], word["end"]) for word in message.get("words", ()))
                yield TranscriptFinal(turn.number, message["transcript"], words, turn.start, turn.end)
            case "failed" if turn:
                del self._open[item]
                yield TranscriptFailed(turn.number, str(message["error"].get("code")), message["error"]["message"])
            case "completed" | "failed" if item == self._farewell:
                self._farewell_said = True
            case "error" if message["error"].get("code") != "input_audio_buffer_commit_empty":
                yield AudioRejected(str(message["error"].get("code")), message["error"]["message"])
