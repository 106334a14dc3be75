"""Golden conversations: what a client says and what happens in the session, with what a dialect makes of it.

A file holds one JSON object a line, in the order of the conversation:

    {"client": FRAME}     the client sends a frame
    {"event": VALUE}      the session has something to say
    {"command": VALUE}    what the dialect makes of the line above, for the session
    {"server": FRAME}     ... and for the client; before the first line of the client, the opening, frames first

House values are written {"Name": {"field": value}}, fields with their default left out, bytes in base64.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from voxtral_service import chat, events

FOLDER = Path(__file__).parents[1] / "golden"
Line = dict[str, Any]


class Understood(Protocol):
    @property
    def commands(self) -> Sequence[events.Command | events.AssistantCommand]: ...

    @property
    def replies(self) -> Sequence[Any]: ...


class Speaker(Protocol):
    def opening(self) -> Understood: ...

    def decode(self, frame: Any) -> Understood: ...

    def encode(self, event: Any) -> Sequence[Any]: ...


def conversations(dialect: str) -> list[Path]:
    """The files of a dialect; never none, so that a renamed folder is noticed."""
    found = sorted((FOLDER / dialect).glob("*.jsonl"))
    assert found, f"no conversations in {FOLDER / dialect}"
    return found


def lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def replayed(
    conversation: list[Line],
    dialect: Speaker,
    *,
    read: Callable[[Any], Any] = json.loads,
    write: Callable[[Any], Any] = json.dumps,
) -> list[Line]:
    """The conversation again, with the dialect's own answers; `read` and `write` turn frames into JSON and back."""
    opening = dialect.opening()
    told: list[Line] = [{"server": read(frame)} for frame in opening.replies]
    told += [{"command": to_json(command)} for command in opening.commands]
    for line in conversation:
        if "client" in line:
            understood = dialect.decode(write(line["client"]))
            told.append(line)
            told += [{"command": to_json(command)} for command in understood.commands]
            told += [{"server": read(frame)} for frame in understood.replies]
        elif "event" in line:
            told.append(line)
            told += [{"server": read(frame)} for frame in dialect.encode(from_json(line["event"]))]
    return told


def from_json(value: Any) -> Any:
    """A house value from its JSON form."""
    match value:
        case list():
            return tuple(from_json(item) for item in value)
        case dict():
            name, fields = next(iter(value.items()), ("", {}))
            kind = getattr(events, name, None) or getattr(chat, name, None)
            if not (name[:1].isupper() and kind):
                return value  # JSON inside of a value, such as a schema
            sound = {field.name for field in dataclasses.fields(kind) if field.type == "bytes"}
            return kind(
                **{key: base64.b64decode(item) if key in sound else from_json(item) for key, item in fields.items()}
            )
    return value


def to_json(value: Any) -> Any:
    """A house value in its JSON form."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if not dataclasses.is_dataclass(value):
        return value
    fields = {
        field.name: to_json(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != _default(field)
    }
    return {type(value).__name__: fields}


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
