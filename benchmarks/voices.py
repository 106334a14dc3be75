"""How soon and how fast the voices of this machine speak, each on one core, one after the other in one run.

    python -m benchmarks.voices

First sound is from asking until the first samples, the model loaded; the factor is CPU time over seconds of sound.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import aclosing

from voxtral_service.assistant import hibari_model
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.sentence_speech import SentenceSynthesizer
from voxtral_service.assistant.speech import SpeechOptions, Synthesizer

TEXTS = (
    "It is nine in the evening.",
    "Twenty-three times seventeen is three hundred and ninety-one.",
    "Your timer of five minutes is set. I will tell you when it is due.",
    "The contract may be ended by either side with three months' notice, says the second page of the agreement.",
)
ROUNDS = 10


async def measure(voice: Synthesizer) -> tuple[list[float], float]:
    """Milliseconds to the first sound of each text, and CPU seconds a second of sound."""
    for text in TEXTS:
        await speak(voice, text)  # loads the model
    firsts, made, used = [], 0.0, time.process_time()
    for _ in range(ROUNDS):
        for text in TEXTS:
            first, seconds = await speak(voice, text)
            firsts.append(first)
            made += seconds
    return firsts, (time.process_time() - used) / made


async def speak(voice: Synthesizer, text: str) -> tuple[float, float]:
    """Milliseconds to the first sound, seconds of sound."""
    began, first, seconds = time.perf_counter(), 0.0, 0.0
    async with aclosing(voice.speak(text, SpeechOptions(sample_rate=24_000))) as chunks:
        async for chunk in chunks:
            if len(chunk.samples) and not seconds:
                first = (time.perf_counter() - began) * 1000
            seconds += chunk.duration
    return first, seconds


async def main() -> None:
    voices: list[Synthesizer] = [Espeak()]
    if hibari_model.installed():
        voices.append(SentenceSynthesizer(hibari_model.Hibari()))
    print(f"{'voice':12}{'first sound, ms: p50':>22}{'p95':>8}{'CPU s a second of sound':>26}")
    for voice in voices:
        firsts, factor = await measure(voice)
        p95 = statistics.quantiles(firsts, n=20)[-1]
        print(f"{voice.name:12}{statistics.median(firsts):22.1f}{p95:8.1f}{factor:26.4f}")
        await voice.close()


if __name__ == "__main__":
    asyncio.run(main())
