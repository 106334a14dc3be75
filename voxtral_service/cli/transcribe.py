"""`voxtral transcribe`: recordings in, transcripts out."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from voxtral_service.cli.options import Delay, Device, Dtype, Language, Model, Vocabulary
from voxtral_service.errors import CallerError
from voxtral_service.render import Format


def transcribe(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Recordings, folders of them, patterns; - is standard input.")
    ],
    format: Annotated[
        list[Format] | None, typer.Option("--format", "-f", help="What to write, text by default; several with -o.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A file, or a folder for several. Default: standard output.")
    ] = None,
    model: Model = None,
    language: Language = None,
    delay: Delay = None,
    vocabulary: Vocabulary = None,
    device: Device = None,
    dtype: Dtype = None,
    max_streams: Annotated[
        int | None, typer.Option("--max-streams", help="Recordings, or pieces of them, side by side. Default: 4.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Recordings read at once. Default: as many as --max-streams."),
    ] = None,
    refine: Annotated[
        str | None,
        typer.Option("--refine", metavar="MODEL", help="Go over everything again with a slower, better model."),
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="Text with a line for each word: start, end, word.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do again what is done.")] = False,
    raw: Annotated[
        str | None,
        typer.Option("--raw", metavar="ENCODING:RATE:CHANNELS", help="Input without header, such as s16le:16000:1."),
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Listen no faster than the sound would play.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notices, no progress.")] = False,
) -> None:
    """Write down what is said in recordings of any common format.

    On a terminal words appear as they are recognised. In a folder of several, recordings whose transcript is newer are
    left alone; after an interruption the same command goes on where it was.
    Exit status: 0 all done, 1 some recordings failed, 2 nothing could be done.

    Examples:

    \b
      voxtral transcribe interview.mp3
      voxtral transcribe --format srt --output film.srt film.mp4
      voxtral transcribe --vocabulary "Voxtral, Anna Wren" call.wav
      voxtral transcribe -f json -f srt --output transcripts/ recordings/
      arecord -q -t raw -f S16_LE -r 16000 | voxtral transcribe --raw s16le -
    """  # noqa: D301
    # Imports wait for what they are needed for: --help takes no time, and a mistyped name costs no loading of models.
    from voxtral_service import config
    from voxtral_service.audio.pcm import PcmFormat
    from voxtral_service.cli.inputs import expand
    from voxtral_service.cli.outputs import targets
    from voxtral_service.cli.recording import Recording

    settings = config.load(
        model=model, device=device, dtype=dtype, delay_ms=delay, vocabulary=vocabulary, max_streams=max_streams
    )
    pcm = PcmFormat.parse(raw) if raw else None
    inputs = expand(files)
    formats = tuple(dict.fromkeys(format or [Format.TEXT]))
    in_folder = bool(output) and (str(output).endswith((os.sep, "/")) or any(Path(name).is_dir() for name in files))
    places = targets(inputs.found, Path(output) if output else None, formats, in_folder=in_folder)
    errors: list[Exception] = list(inputs.faults)
    for fault in inputs.faults:
        typer.echo(f"error: {fault}", err=True)
    with ExitStack() as closing:
        recordings = [closing.enter_context(Recording(item, pcm=pcm, realtime=realtime)) for item in inputs.found]
        if len(recordings) == 1:
            recordings[0].open()
        if recordings:
            from voxtral_service.cli.transcription import Order, transcribe_all

            order = Order(formats, language, refine, workers, words, force, quiet)
            errors += transcribe_all(recordings, places, order, settings)
    raise typer.Exit(_status(errors, of=len(recordings) + len(inputs.faults)))


def _status(errors: list[Exception], of: int) -> int:
    if not errors:
        return 0
    return 2 if len(errors) == of and all(isinstance(error, CallerError) for error in errors) else 1
