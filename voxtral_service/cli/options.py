"""Options that several commands have, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[
    str | None, typer.Option("--model", "-m", help="An alias, a folder or a hub id; `voxtral models` lists them.")
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="The language spoken, such as en. Default: told by ear.")
]
Delay = Annotated[
    int | None,
    typer.Option("--delay", metavar="MS", help="Wait this long before each word: 80 to 2400, longer is surer."),
]
Vocabulary = Annotated[
    str | None,
    typer.Option("--vocabulary", metavar="WORDS", help="Names and words that are likely, with commas between them."),
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Dtype = Annotated[str | None, typer.Option("--dtype", help="auto, float32, bfloat16; for Whisper also float16, int8.")]
