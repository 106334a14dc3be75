"""What the arguments of `voxtral transcribe` stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from voxtral_service.errors import InvalidAudio

STANDARD_INPUT = "-"
_SUFFIXES = (
    "3g2 3gp aac ac3 aif aifc aiff amr ape au avi caf dsf dts eac3 flac flv gsm m4a m4b m4v mka mkv mov mp2 mp3 mp4 "
    "mpeg mpg mpga oga ogg ogv opus snd tta voc w64 wav wave weba webm wma wmv wv"
)
RECORDINGS = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
"""What is taken for a recording when a folder is searched; a file that is named may be called anything."""


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to transcribe; `name` is what messages call it."""

    name: str
    path: Path | None
    """None for standard input."""
    relative: PurePath
    """Where it lies below the folder that was named: its place below an output folder."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that could be found, each once, in the order of the arguments; and what is wrong with the rest."""

    found: tuple[Input, ...]
    faults: tuple[InvalidAudio, ...]


def expand(arguments: Iterable[str]) -> Inputs:
    """Files as they are, folders with all recordings below them, patterns that the shell left alone, `-`."""
    found: dict[object, Input] = {}
    faults: list[InvalidAudio] = []
    for argument in arguments:
        try:
            for item in _expand(argument):
                found.setdefault(item.path and item.path.absolute(), item)
        except InvalidAudio as error:
            faults.append(error)
    return Inputs(tuple(found.values()), tuple(faults))


def _expand(argument: str) -> Iterator[Input]:
    path = Path(argument)
    if argument == STANDARD_INPUT:
        yield Input("standard input", None, PurePath("stdin"))
    elif path.is_dir():
        inside = sorted(_recordings(path))
        if not inside:
            raise InvalidAudio(f"{argument}: there are no recordings in this folder or below it; name a file")
        for file in inside:
            yield Input(str(file), file, file.relative_to(path))
    elif path.exists() or not glob.has_magic(argument):
        # A file that is not there is reported where it is opened, like one that cannot be read.
        yield Input(argument, path, PurePath(path.name))
    else:
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  (may be absolute)
        if not matches:
            raise InvalidAudio(f"{argument}: no file matches this pattern")
        for match in matches:
            yield from _expand(match)


def _recordings(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            # The dot: metadata that macOS leaves beside a recording has its suffix too.
            if not name.startswith(".") and PurePath(name).suffix.lower() in RECORDINGS:
                yield Path(parent, name)
