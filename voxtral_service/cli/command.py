"""A command whose help fits the terminal."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand


class Command(TyperCommand):
    r"""Lets the paragraphs of a docstring flow to the terminal's width, where Typer keeps the breaks of the source.

    A paragraph that begins with a line of ``\b`` (Click's mark) holds commands, one a line.
    """

    def __init__(self, *args: Any, help: str | None = None, **settings: Any) -> None:
        super().__init__(*args, help=flowing(help) if help else None, **settings)


def flowing(text: str) -> str:
    """A docstring with one line a paragraph."""
    flowed = ""
    for paragraph in cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            flowed += "".join(f"\n$ {line.strip()}" for line in paragraph.splitlines()[1:])
        else:
            flowed += "\n\n" + " ".join(paragraph.split())
    return flowed.strip()
