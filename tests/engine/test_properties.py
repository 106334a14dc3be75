"""What must hold for any way of cutting, joining, cancelling and reusing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import tiny
from tests.engine.conftest import RecordingRunner
from voxtral_service.audio import Samples
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.events import Transcript

MakeEngine = Callable[..., tuple[VoxtralRealtimeEngine, RecordingRunner]]

# Engines are cheap to keep and each example starts fresh streams in them.
shared_engine = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def clip(seed: int) -> Samples:
    return tiny.sound(3 + seed % 3 * 0.77, seed)


def cut(samples: Samples, at: list[int]) -> list[Samples]:
    edges = [0, *sorted(at), len(samples)]
    return [samples[a:b] for a, b in pairwise(edges)]


@given(at=st.lists(st.integers(0, 48_000), max_size=40))
@settings(shared_engine, max_examples=15)
def test_any_split_into_pushes_gives_the_same_tokens(make_engine: MakeEngine, at: list[int]) -> None:
    engine, runner = make_engine()

    async def both() -> None:
        for blocks in ([clip(0)], cut(clip(0), at)):
            await transcribe(engine, blocks, StreamOptions())

    asyncio.run(both())
    assert runner.written[-1] == runner.written[-2]


@given(
    leaves=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=6, max_size=6),
    seed=st.integers(0, 5),
)
@settings(shared_engine, max_examples=15)
def test_cancelling_some_streams_changes_nothing_for_the_others(
    make_engine: MakeEngine, leaves: list[float | None], seed: int
) -> None:
    engine, _ = make_engine("deep", slots=6)

    async def person(i: int) -> Transcript | None:
        leave = leaves[i]
        if leave is None:
            return await transcribe(engine, cut(clip(seed + i), list(range(0, 48_000, 3000))), StreamOptions())
        stream = engine.open(StreamOptions())
        for block in cut(clip(seed + i), list(range(0, int(leave * 48_000), 1280)))[:-1]:
            await stream.push(block)
            await asyncio.sleep(0)
        stream.cancel()
        assert [h async for h in stream] == []
        return None

    async def together() -> list[Transcript | None]:
        return list(await asyncio.gather(*(person(i) for i in range(6))))

    got = asyncio.run(together())
    for i, transcript in enumerate(got):
        if transcript is not None:
            assert transcript == asyncio.run(transcribe(engine, [clip(seed + i)], StreamOptions()))


def test_a_slot_reused_a_thousand_times_never_leaks(folders: dict[str, Path]) -> None:
    runner = RecordingRunner(folders["small"], slots=1)
    engine = VoxtralRealtimeEngine(runner)
    short = [tiny.sound(0.3, seed) for seed in range(4)]

    async def run() -> None:
        expected: dict[tuple[int, int], Transcript] = {}
        rng = np.random.default_rng(0)
        for _ in range(1000):
            which, delay = int(rng.integers(4)), int(rng.choice([80, 480]))
            if rng.random() < 0.3:
                stream = engine.open(StreamOptions(delay_ms=delay))
                await stream.push(short[which])
                stream.cancel()
                continue
            said = await transcribe(engine, [short[which]], StreamOptions(delay_ms=delay))
            assert expected.setdefault((which, delay), said) == said

    asyncio.run(run())
    engine.close()
    fresh = VoxtralRealtimeEngine(RecordingRunner(folders["small"], slots=1))
    last = asyncio.run(transcribe(fresh, [short[1]], StreamOptions(delay_ms=480)))
    fresh.close()
    again = VoxtralRealtimeEngine(runner)
    assert asyncio.run(transcribe(again, [short[1]], StreamOptions(delay_ms=480))) == last
    again.close()


def test_a_stream_past_every_window_equals_the_full_pass(folders: dict[str, Path]) -> None:
    """Rings that have wrapped many times still hold exactly what the sliding window of a full pass sees."""
    runner = RecordingRunner(folders["deep"], slots=2)
    engine = VoxtralRealtimeEngine(runner)
    samples = tiny.sound(12, 3)

    async def run() -> None:
        stream = engine.open(StreamOptions(delay_ms=160))
        for at in range(0, len(samples), 1280):
            await stream.push(samples[at : at + 1280])
            while stream.audio_seconds < (at - 2560) / 16000:
                await asyncio.sleep(0)
        stream.cancel()

    asyncio.run(run())
    engine.close()
    written = runner.written[0]
    prompt = runner.tokenizer.prompt(2)
    ids = (prompt + written[len(prompt) - 1 - 31 :])[: 31 + len(written)]
    padded = torch.from_numpy(np.concatenate([np.zeros(32 * 1280, np.float32), samples]))
    model = runner.model
    with torch.inference_mode():
        mel = model.log_mel.whole(padded)[None, : 8 * len(ids)]
        logits = model(mel, torch.tensor([ids]), torch.tensor([2]))
    assert logits.argmax(-1)[0, 31:].tolist() == written
