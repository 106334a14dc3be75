"""The engine writes the token ids that stock transformers writes, alone or in company."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from tests.engine.conftest import RecordingRunner
from voxtral_service.audio import Samples
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.model_runner import SILENT_POSITIONS
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.voxtral.config import LEFT_PAD_TOKENS, SAMPLES_PER_TOKEN
from voxtral_service.voxtral.tokenizer import Tokenizer

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]


@cache
def reference_tokens(folder: Path, seconds: float, seed: int, delay: int) -> list[int]:
    """What transformers generates after the prompt, over the same padding as ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import VoxtralRealtimeFeatureExtractor, VoxtralRealtimeForConditionalGeneration
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        model = VoxtralRealtimeForConditionalGeneration.from_pretrained(folder).eval()
        extractor = VoxtralRealtimeFeatureExtractor.from_pretrained(folder)
        audio = tiny.sound(seconds, seed)
        frames = -(-len(audio) // SAMPLES_PER_TOKEN)
        padded = np.zeros((LEFT_PAD_TOKENS + frames + delay + 1 + 10) * SAMPLES_PER_TOKEN, np.float32)
        start = LEFT_PAD_TOKENS * SAMPLES_PER_TOKEN
        padded[start : start + len(audio)] = audio
        prompt = Tokenizer.from_folder(folder).prompt(delay)
        ids = model.generate(
            input_ids=torch.tensor([prompt]),
            input_features=extractor(padded, sampling_rate=16000, return_tensors="pt").input_features,
            num_delay_tokens=delay,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=11,
        )
    return [int(token) for token in ids[0, len(prompt) :]]


def blocks(samples: Samples, size: int) -> list[Samples]:
    return [samples[i : i + size] for i in range(0, len(samples), size)]


def ours(runner: RecordingRunner, stream: int, delay: int) -> list[int]:
    """The generated tokens of a stream; the first positions' outputs stand where the prompt does."""
    return runner.written[stream][LEFT_PAD_TOKENS + delay - SILENT_POSITIONS :]


def is_all_of(got: list[int], expected: list[int], eos: int) -> bool:
    """Whether a stream wrote what it should: an end-of-text token after its last sample may end it early.

    transformers was told to go on.
    """
    return got == expected[: len(got)] and (len(got) == len(expected) or got[-1] == eos)


@pytest.mark.parametrize("shape", tiny.SHAPES)
@pytest.mark.parametrize("delay", [1, 6, 30])
async def test_one_stream_alone(make_engine: MakeEngine, folders: dict[str, Path], shape: str, delay: int) -> None:
    engine, runner = make_engine(shape)
    expected = reference_tokens(folders[shape], 9.3, 1, delay)
    assert len(set(expected)) >= 8, "the tiny model says too little for the comparison to mean anything"
    # 1,000 samples at a time takes single steps, one block takes chunks.
    for size in (1000, 160_000):
        options = StreamOptions(delay_ms=delay * 80)
        await transcribe(engine, blocks(tiny.sound(9.3, 1), size), options)
        got = ours(runner, -1, delay)
        assert is_all_of(got, expected, runner.tokenizer.eos)


@pytest.mark.parametrize("shape", tiny.SHAPES)
async def test_32_streams_with_different_delays_that_join_at_different_times(
    make_engine: MakeEngine, folders: dict[str, Path], shape: str
) -> None:
    engine, runner = make_engine(shape, slots=32)
    delays = [(1, 6, 30)[i % 3] for i in range(32)]
    started: list[int] = []

    async def person(i: int) -> None:
        stream = engine.open(StreamOptions(delay_ms=delays[i] * 80))
        samples = tiny.sound(3 + i % 4, seed=i % 4)
        for at in range(0, len(samples), 1280):
            await stream.push(samples[at : at + 1280])
            if at == 2560:
                started.append(i)
            # The engine must work off what is there before the next frame comes: streams stay in lockstep, and those
            # that start later meet others in the middle.
            while stream.audio_seconds < (at - 1280) / 16000:
                await asyncio.sleep(0.001)
        stream.finish()
        async for _ in stream:
            pass

    async def late(i: int) -> None:
        while len(started) < i // 4 * 3:
            await asyncio.sleep(0.001)
        await person(i)

    await asyncio.gather(*(late(i) for i in range(32)))
    assert max(runner.batches) > 8
    expected = {
        (delay, seconds): reference_tokens(folders[shape], seconds, seconds - 3, delay)
        for delay in (1, 6, 30)
        for seconds in (3, 4, 5, 6)
    }
    seen = []
    for stream in range(32):
        matches = [
            key
            for key, tokens in expected.items()
            if is_all_of(ours(runner, stream, key[0]), tokens, runner.tokenizer.eos)
        ]
        seen.append(matches[0] if matches else None)
    assert sorted(map(str, seen)) == sorted(str((delays[i], 3 + i % 4)) for i in range(32))
