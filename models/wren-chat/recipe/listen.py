"""What a real recogniser makes of the requests: speak them with eSpeak NG and Flite, write down what wren-en hears.

    python listen.py --data DATA --most 300

Writes DATA/heard.jsonl from DATA/clean.jsonl: the first thing said in each conversation, for `evaluate.py --sets heard`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import tempfile
from contextlib import aclosing
from pathlib import Path

import numpy as np
import soundfile
import torch

from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.speech import SpeechOptions
from voxtral_service.audio import Samples
from voxtral_service.audio.resample import Resampler
from voxtral_service.engine import loading
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.registry import Registry

FLITE_VOICES = ("slt", "awb", "rms", "kal16")


def flite(text: str, voice: str) -> Samples:
    """A sentence in one of Flite's voices, at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(file)], check=True)
        samples, rate = soundfile.read(file, dtype="float32")
    return resampled(np.asarray(samples), rate)


def resampled(samples: Samples, rate: int) -> Samples:
    """At 16 kHz."""
    resampler = Resampler(rate)
    return np.concatenate((resampler.push(samples), resampler.finish()))


async def espeak(synthesizer: Espeak, text: str) -> Samples:
    """A sentence in eSpeak NG's voice, at 16 kHz."""
    pieces, rate = [], 22050
    async with aclosing(synthesizer.speak(text, SpeechOptions())) as chunks:
        async for chunk in chunks:
            pieces.append(chunk.samples)
            rate = chunk.sample_rate
    return resampled(np.concatenate(pieces), rate)


async def listen(data: Path, most: int) -> None:
    """Write the file."""
    engine = loading.load(Registry(Path("none")).find("wren-en"), device=torch.device("cpu"), slots=2)
    synthesizer = Espeak("")
    voices = ["espeak", *(FLITE_VOICES if shutil.which("flite") else ())]
    with (
        (data / "clean.jsonl").open(encoding="utf-8") as read,
        (data / "heard.jsonl").open("w", encoding="utf-8") as out,
    ):
        for number, line in enumerate(read):
            if number >= most:
                break
            dialogue = json.loads(line)
            turn = dialogue["turns"][0]
            voice = voices[number % len(voices)]
            samples = await espeak(synthesizer, turn["said"]) if voice == "espeak" else flite(turn["said"], voice)
            silence = np.zeros(8000, np.float32)
            heard = (await transcribe(engine, [np.concatenate((silence, samples, silence))], StreamOptions())).text
            turn["heard"] = turn["messages"][0]["content"] = " ".join(heard.split())
            out.write(json.dumps({"tools": dialogue["tools"], "turns": [turn], "voice": voice}) + "\n")
    engine.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    asyncio.run(listen(options.data, options.most))


if __name__ == "__main__":
    main()
