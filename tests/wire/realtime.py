"""`/v1/realtime` from outside: connections with stable ids, and the frames that clients send."""

from __future__ import annotations

import base64
import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.wire.golden import Line, conversations, lines, replayed
from voxtral_service.events import SessionSettings
from voxtral_service.wire.base import Connection, Decoded, Dialect
from voxtral_service.wire.choice import Upgrade, dialect
from voxtral_service.wire.voices import LocalVoice

TENTH = bytes(4_800)
"""A tenth of a second at 24 kHz."""


def connection(
    *,
    strict_models: bool = False,
    defaults: SessionSettings | None = None,
    responds: bool = False,
    voices: tuple[LocalVoice, ...] = (),
) -> Connection:
    counts: dict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
    return Connection(
        "wren-en",
        lambda prefix: f"{prefix}{next(counts[prefix])}",
        1_790_000_000,
        strict_models=strict_models,
        responds=responds,
        voices=voices,
        defaults=defaults or SessionSettings(),
    )


def transcribing(**options: Any) -> Dialect:
    return dialect(Upgrade(query={"intent": "transcription"}), connection(**options))


def conversing(**options: Any) -> Dialect:
    return dialect(Upgrade(subprotocols=("realtime", "openai-insecure-api-key.k")), connection(**options))


def told(dialect: Dialect, kind: str, **fields: Any) -> Decoded:
    return dialect.decode(json.dumps({"type": kind, **fields}))


def appended(dialect: Dialect, data: bytes = TENTH) -> Decoded:
    return told(dialect, "input_audio_buffer.append", audio=base64.b64encode(data).decode())


def updated(dialect: Dialect, **session: Any) -> Decoded:
    return told(dialect, "session.update", session=session)


def heard(answer: Decoded | list[str]) -> list[dict[str, Any]]:
    """What a client reads."""
    return [json.loads(frame) for frame in (answer.replies if isinstance(answer, Decoded) else answer)]


# -- golden conversations: the first line tells how the client connects, {"upgrade": {...}}, and whether "responds"


def golden(*dialects: str) -> list[Path]:
    return [path for name in dialects for path in conversations(name)]


def replay(path: Path) -> tuple[list[Line], list[Line]]:
    """A conversation as it is written and as it is spoken."""
    head, *written = lines(path)
    told = head["upgrade"]
    asked = Upgrade(
        told.get("query", {}), told.get("headers", {}), tuple(told.get("subprotocols", ())), told.get("session")
    )
    return written, replayed(written, dialect(asked, connection(responds=head.get("responds", False))), write=_write)


def _write(frame: Any) -> str | bytes:
    """Clients send JSON, or what only looks like it, or bytes."""
    match frame:
        case {"raw": raw}:
            return str(raw)
        case {"binary": binary}:
            return base64.b64decode(binary)
    return json.dumps(frame)
