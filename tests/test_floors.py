"""Imports go down the floors of the house, and neighbours never import each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "voxtral_service"
FLOORS = [
    {"config", "events", "errors", "metrics", "chat", "tool_servers"},
    {"audio", "subtitles", "render", "running_text", "fetch", "hosts", "database"},
    {"voxtral"},
    {"engine"},
    {"session", "assistant", "wire", "jobs"},
    {"server"},
    {"cli"},
]
FLOOR = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}
TOGETHER = {frozenset(FLOORS[0]), frozenset({"subtitles", "render"}), frozenset({"fetch", "hosts"})}
"""Single files that share a room."""


def imports(file: Path) -> set[str]:
    """The rooms that a file imports, also late or for types only."""
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("voxtral_service.")}
    return rooms - {"__version__"}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_down(file: Path) -> None:
    room = room_of(file)
    if room == "__init__":
        assert not imports(file)
        return
    for other in imports(file) - {room}:
        same_room = any({room, other} <= rooms for rooms in TOGETHER)
        assert FLOOR[other] < FLOOR[room] or same_room, f"{room} imports {other}"


@pytest.mark.parametrize("folder", ["clients", "benchmarks"])
def test_the_wire_is_proved_from_outside(folder: str) -> None:
    inside = {"server", "session", "wire"}
    for file in (PACKAGE.parent / folder).glob("*.py"):
        assert not imports(file) & inside, file.name
