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


def targets(inputs: Sequence[Input], output: Path | None, format: Format) -> list[Path | None]:
    """The file for each input; None is standard output.

    One input goes to `output` itself unless that is a folder. Several go below it, each under the name of its
    recording, with the recording's own suffix kept where two would collide. Raises InvalidOption when that cannot be.
    """
    if output is None:
        if len(inputs) > 1 and format in (Format.SRT, Format.VTT):
            raise InvalidOption(
                f"several recordings do not fit into one {format} on standard output; add --output FOLDER",
                field="output",
            )
        return [None] * len(inputs)
    if len(inputs) == 1 and not output.is_dir() and not str(output).endswith(os.sep):
        if not output.absolute().parent.is_dir():
            raise InvalidOption(f"there is no folder {output.parent} for the output; create it", field="output")
        return [output]
    if output.exists() and not output.is_dir():
        raise InvalidOption(f"{output} is a file; several transcripts need a folder", field="output")
    short = [item.relative.with_suffix("") for item in inputs]
    times = Counter(short)
    return [
        output / _with(stem if times[stem] == 1 else item.relative, format.suffix)
        for item, stem in zip(inputs, short, strict=True)
    ]


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
