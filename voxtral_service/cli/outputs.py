"""Where transcripts go."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

from voxtral_service.cli.inputs import Input
from voxtral_service.errors import CallerError, InvalidOption
from voxtral_service.render import Format

Targets = dict[Format, Path]
"""A file for each format that was asked for."""


def targets(
    inputs: Sequence[Input], output: Path | None, formats: Sequence[Format], *, in_folder: bool = False
) -> list[Targets | None]:
    """The files for each input; None is standard output.

    One input in one format goes to `output` itself unless that is a folder, or to be one (`in_folder`). Several go
    below it, each under the name of its recording, with the recording's own suffix kept where two would collide. Raises
    InvalidOption when that cannot be.
    """
    if output is None:
        _check_standard_output(inputs, formats)
        return [None] * len(inputs)
    if len(inputs) == len(formats) == 1 and not output.is_dir() and not in_folder:
        if not output.absolute().parent.is_dir():
            raise InvalidOption(f"there is no folder {output.parent} for the output; create it", field="output")
        return [{formats[0]: output}]
    if output.exists() and not output.is_dir():
        raise InvalidOption(f"{output} is a file; several transcripts need a folder", field="output")
    short = [item.relative.with_suffix("") for item in inputs]
    times = Counter(short)
    names = (stem if times[stem] == 1 else item.relative for item, stem in zip(inputs, short, strict=True))
    return [{format: output / _with(name, format.suffix) for format in formats} for name in names]


def are_newer(targets: Targets, source: Path) -> bool:
    """Whether all files of a transcript are there and newer than the recording."""
    try:
        made = source.stat().st_mtime_ns
        return all(target.stat().st_mtime_ns > made for target in targets.values())
    except OSError:
        return False


def _check_standard_output(inputs: Sequence[Input], formats: Sequence[Format]) -> None:
    if len(formats) > 1:
        raise InvalidOption("several formats do not fit into standard output; add --output FOLDER", field="output")
    if len(inputs) > 1 and formats[0] in (Format.SRT, Format.VTT):
        raise InvalidOption(
            f"several recordings do not fit into one {formats[0]} on standard output; add --output FOLDER",
            field="output",
        )


def write(target: Path, text: str) -> None:
    """Write a whole file or none; raises CallerError when the system refuses."""
    scratch = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced
            target.write_text(text, "utf-8")
            return
        scratch.write_text(text, "utf-8", newline="\n")
        scratch.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise CallerError(f"cannot write {target}: {error.strerror or error}", field="output") from error


def _with(path: PurePath, suffix: str) -> PurePath:
    return path.with_name(path.name + suffix)
