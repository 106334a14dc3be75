"""Transcribe files from a Python program of your own: no server, no command line.

    python clients/transcribe.py talk.mp3 interview.m4a

The model is loaded once; all files share it. Copy what you need.
"""

from __future__ import annotations

import asyncio
import sys

from voxtral_service import config
from voxtral_service.audio.decode import AudioReader
from voxtral_service.engine import loading
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.registry import Registry


async def main(paths: list[str]) -> None:
    """Print each file's text, then its words with their times."""
    settings = config.load()
    model = Registry(settings.models_dir).find("wren-en")
    device = loading.pick_device("auto")
    engine = loading.load(model, device=device, slots=len(paths))
    try:
        readers = [AudioReader(path) for path in paths]
        options = StreamOptions(delay_ms=960, bulk=True)
        for transcript in await asyncio.gather(*(transcribe(engine, reader, options) for reader in readers)):
            print(transcript.text)
            for word in transcript.words:
                print(f"  {word.start:7.2f} {word.end:7.2f}  {word.text}")
    finally:
        engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
