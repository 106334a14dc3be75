"""`voxtral say`: a text as a sound file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxtral_service.errors import InvalidOption

if TYPE_CHECKING:
    from voxtral_service.assistant.speech import SpeechOptions, Synthesizer
    from voxtral_service.audio.encode import SoundFormat

SAMPLE_RATE = 24_000
SUFFIXES = {"ogg": "opus"}


def say(
    text: Annotated[str, typer.Argument(help="What to say; - for standard input.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Its ending is the format: wav, mp3, opus, ogg, aac, flac, pcm."),
    ] = Path("speech.wav"),
    voice: Annotated[str, typer.Option("--voice", help="Such as heart, en-gb, de or fr-fr+f2.")] = "",
    speed: Annotated[float, typer.Option("--speed", help="0.25 to 4.")] = 1.0,
) -> None:
    """Speak a text into a file.

    Examples:

    \b
      voxtral say "It is nine in the evening."
      voxtral say --voice de+f2 --output gruss.mp3 "Guten Abend."
      voxtral say --output chapter.opus - < chapter.txt
    """  # noqa: D301
    import asyncio

    from voxtral_service import config
    from voxtral_service.assistant.espeak_library import MISSING
    from voxtral_service.assistant.setup import synthesizer
    from voxtral_service.assistant.speech import SpeechOptions
    from voxtral_service.audio.encode import SoundFormat

    ending = output.suffix.removeprefix(".").lower()
    formats = [str(each) for each in SoundFormat]
    if (name := SUFFIXES.get(ending, ending)) not in formats:
        raise InvalidOption(f"{output} ends in no format that can be written; name it speech.wav", field="output")
    speaker = synthesizer(config.load())
    if speaker is None:
        raise InvalidOption(MISSING)
    said = sys.stdin.read() if text == "-" else text
    if not said.strip():
        raise InvalidOption("there is nothing to say; give a text", field="text")
    options = SpeechOptions(voice, speed=speed, sample_rate=SAMPLE_RATE)
    seconds = asyncio.run(_write(speaker, said, options, output, SoundFormat(name)))
    typer.echo(f"{output}: {seconds:.1f} s", err=True)


async def _write(
    synthesizer: Synthesizer, text: str, options: SpeechOptions, output: Path, format: SoundFormat
) -> float:
    """Speak into a file and tell for how many seconds. Nothing is written unless speech begins."""
    from voxtral_service.audio.encode import encoder

    encode, seconds = encoder(format, SAMPLE_RATE), 0.0
    speech = synthesizer.speak(text, options)
    try:
        first = await anext(speech)
        with output.open("wb") as file:
            file.write(encode.push(first.samples))
            seconds += first.duration
            async for chunk in speech:
                file.write(encode.push(chunk.samples))
                seconds += chunk.duration
            file.write(encode.finish())
    finally:
        await speech.aclose()
        await synthesizer.close()
    return seconds
