"""Settings that change while somebody speaks: from when they count, and that no sound is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LoudnessActivity, SpellingEngine, SpellingStream
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.audio.vad import SileroModel
from voxtral_service.engine import base
from voxtral_service.engine.base import Capabilities, Engine, StreamOptions
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.voxtral_realtime import VoxtralRealtimeEngine
from voxtral_service.events import (
    AppendAudio,
    Command,
    CommitTurn,
    Configure,
    EndAudio,
    SessionEvent,
    SessionSettings,
    TranscriptDelta,
    TranscriptFinal,
)
from voxtral_service.session.session import Activity, Session
from voxtral_service.session.vad import VoiceActivity
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.tokenizer import Tokenizer

WREN = Path(__file__).parents[2] / "models" / "wren-en"
BY_SILENCE = SessionSettings()
MANUAL = SessionSettings(turn_detection=None)


@dataclass
class KeepingEngine(SpellingEngine):
    """Keeps its streams, to be looked at."""

    kept: list[SpellingStream] = field(default_factory=list)

    def open(self, options: StreamOptions) -> SpellingStream:
        self.kept.append(super().open(options))
        return self.kept[-1]

    @property
    def delays(self) -> list[int | None]:
        return [options.delay_ms for options in self.opened]

    def heard(self) -> Samples:
        return np.concatenate([samples for stream in self.kept for samples in stream.heard])


def level(percent: int, seconds: float) -> Samples:
    return np.full(round(seconds * 16_000), percent / 100, np.float32)


def audio(samples: Samples, block: int = 1600) -> list[Command]:
    data = encode_s16le(samples)
    return [AppendAudio(data[i : i + 2 * block]) for i in range(0, len(data), 2 * block)]


async def converse(
    engine: Engine,
    start: SessionSettings,
    commands: Sequence[Command],
    activity: Callable[[], Activity] = LoudnessActivity,
) -> list[SessionEvent]:
    session = Session(engine, start, activity)

    async def speak() -> None:
        for command in [*commands, EndAudio()]:
            await session.send(command)
            await asyncio.sleep(0)

    speaker = asyncio.create_task(speak())
    events = [event async for event in session]
    await speaker
    return events


def finals(events: list[SessionEvent]) -> list[TranscriptFinal]:
    return [event for event in events if isinstance(event, TranscriptFinal)]


TALK = np.concatenate((level(20, 1.0), level(0, 0.3), level(40, 1.0)))
"""A pause that ends no turn."""


@pytest.mark.parametrize("start", [BY_SILENCE, MANUAL], ids=["by silence", "manual"])
async def test_a_delay_counts_from_the_next_pause_of_the_turn(start: SessionSettings) -> None:
    engine = KeepingEngine()
    change = Configure(replace(start, delay_ms=960))
    commands = audio(np.concatenate((TALK, level(0, 0.3), level(60, 0.5))))
    events = await converse(engine, start, [*commands[:5], change, *commands[5:]])
    assert engine.delays == [None, 960]
    assert engine.most_open == 1
    [turn] = finals(events)
    assert [word for word in dict.fromkeys(turn.text.split()) if word != "0"] == ["20", "40", "60"]
    assert "".join(event.text for event in events if isinstance(event, TranscriptDelta)) == turn.text
    assert [word.text for word in turn.words] == turn.text.split()
    assert all(before.start <= after.start for before, after in pairwise(turn.words))
    # The cut lies in the first pause after the change, and the second half has the session's clock.
    cut = sum(map(len, engine.kept[0].heard)) / 16_000 + turn.start
    assert 1.1 < cut < 1.3
    assert next(word for word in turn.words if word.text == "40").start == pytest.approx(1.3, abs=0.1)


async def test_without_a_pause_it_counts_from_the_next_turn() -> None:
    engine = KeepingEngine()
    commands = audio(level(20, 1.0))
    change = Configure(replace(MANUAL, delay_ms=960))
    await converse(engine, MANUAL, [*commands, change, *commands, CommitTurn(), *commands])
    assert engine.delays == [None, 960]
    assert [sum(map(len, stream.heard)) for stream in engine.kept] == [32_000, 16_000]


async def test_a_change_that_is_taken_back_changes_nothing() -> None:
    engine = KeepingEngine()
    commands = audio(TALK)
    there, back = Configure(replace(MANUAL, delay_ms=960)), Configure(MANUAL)
    await converse(engine, MANUAL, [*commands[:3], there, *commands[3:6], back, *commands[6:]])
    assert engine.delays == [None]


@pytest.mark.parametrize("uses", [False, True])
async def test_words_to_look_out_for_count_from_the_next_pause_where_the_engine_can(uses: bool) -> None:
    engine = KeepingEngine(capabilities=Capabilities(live=True, uses_vocabulary=uses))
    commands = audio(TALK)
    change = Configure(replace(MANUAL, vocabulary=("wren",)))
    await converse(engine, MANUAL, [*commands[:3], change, *commands[3:], CommitTurn(), *commands[:3]])
    assert [options.vocabulary for options in engine.opened] == [(), ("wren",), ("wren",)][:: 1 if uses else 2]


async def test_an_engine_is_told_all_that_it_may_use() -> None:
    engine = KeepingEngine()
    told = replace(MANUAL, languages=("en", "de"), vocabulary=("wren",), prompt="birds")
    await converse(engine, told, audio(TALK))
    assert engine.opened == [StreamOptions(languages=("en", "de"), vocabulary=("wren",), prompt="birds")]


@pytest.mark.parametrize("uses", [False, True])
async def test_what_the_engine_cannot_use_is_told_once(caplog: pytest.LogCaptureFixture, uses: bool) -> None:
    engine = SpellingEngine(capabilities=Capabilities(live=True, uses_vocabulary=uses, uses_prompt=uses))
    told = replace(MANUAL, vocabulary=("secret",))
    changes = [Configure(told), Configure(replace(told, language="en")), Configure(replace(told, prompt="secret"))]
    with caplog.at_level("INFO", logger="voxtral_service.session"):
        await converse(engine, MANUAL, [*changes, *audio(TALK)])
    assert caplog.messages == (
        []
        if uses
        else [
            "this model makes no use of a vocabulary; it is ignored",
            "this model makes no use of a vocabulary or a prompt; it is ignored",
        ]
    )


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(st.tuples(st.sampled_from([0, 30, 60]), st.floats(0.05, 0.8)), min_size=1, max_size=8),
    changes=st.lists(st.tuples(st.integers(0, 60), st.sampled_from([80, 480, 2400, None])), max_size=6),
    commits=st.lists(st.integers(0, 60), max_size=2),
)
def test_no_sound_is_lost_or_heard_twice(
    parts: list[tuple[int, float]], changes: list[tuple[int, int | None]], commits: list[int]
) -> None:
    """Whatever changes when, the streams together hear the sound as it was, one after the other."""
    sound = np.concatenate([level(*part) for part in parts])
    commands = audio(sound)
    more: list[tuple[int, Command]] = [(at, Configure(replace(MANUAL, delay_ms=delay))) for at, delay in changes]
    more += [(at, CommitTurn()) for at in commits]
    for at, command in sorted(more, key=lambda entry: -entry[0]):
        commands.insert(min(at, len(commands)), command)
    engine = KeepingEngine()
    events = asyncio.run(converse(engine, MANUAL, commands))
    assert engine.most_open == 1
    np.testing.assert_allclose(engine.heard(), sound, atol=1e-3)
    said = "".join(event.text for event in events if isinstance(event, TranscriptDelta))
    assert said == "".join(event.text for event in finals(events))


# -- with a network that listens


@pytest.fixture(scope="module")
def runner() -> ModelRunner:
    return ModelRunner(checkpoint.load(WREN, dtype=torch.float32), Tokenizer.from_folder(WREN), slots=1)


async def test_a_real_network_writes_every_word_once(runner: ModelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one place, too: the two streams of the turn follow each other."""
    sample, _ = soundfile.read(WREN / "sample.wav", dtype="float32", stop=16_000 * 4)
    silero = SileroModel()
    commands = audio(np.asarray(sample), block=1280)
    change = Configure(replace(MANUAL, delay_ms=240))
    delays: list[int] = []
    join = runner.join

    def noted(slot: int, delay: int) -> None:
        delays.append(delay)
        join(slot, delay)

    monkeypatch.setattr(runner, "join", noted)
    engine = VoxtralRealtimeEngine(runner)
    try:
        events = await converse(
            engine, MANUAL, [*commands[:8], change, *commands[8:]], activity=lambda: VoiceActivity(silero)
        )
        [turn] = finals(events)
        assert delays == [6, 3]
        assert turn.text == "good morning what time is it"
        assert [word.text for word in turn.words] == turn.text.split()
        ends = [word.end for word in turn.words]
        unchanged = await base.transcribe(engine, [np.asarray(sample)], StreamOptions(delay_ms=480))
        assert ends == pytest.approx([word.end for word in unchanged.words], abs=0.25)
    finally:
        engine.close()
