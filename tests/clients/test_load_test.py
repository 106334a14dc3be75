"""The load test, against a server whose text shows what it was given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clients import load_test
from clients.live_dialects import DIALECTS
from clients.live_streams import Clip, Pace, StreamLog, Utterance
from tests.server.conftest import running
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.audio.write import write_wav


def clip(percent: int, seconds: float = 0.4) -> Clip:
    return Clip(f"{percent}", encode_s16le(np.full(round(16_000 * seconds), percent / 100, np.float32)), first_word=0.1)


@pytest.mark.parametrize("name", DIALECTS)
async def test_five_streams_at_once_hear_what_one_hears(name: str) -> None:
    async with running(places=5) as server:
        result = await load_test.measure(
            server.ws, DIALECTS[name](), [clip(20), clip(40)], 5, Pace(seconds=0.6, pause=0.1)
        )
        assert server.engine.most_open >= 3
    assert result.clean, result
    assert result.utterances == 10
    assert 0 < result.first_word["p50"] < 0.4
    assert 0 < result.final["p50"] <= result.final["p99"] < 0.4
    assert result.growth is not None


async def test_streams_that_find_no_place_are_counted() -> None:
    async with running(places=2) as server:
        result = await load_test.measure(server.ws, DIALECTS["openai"](), [clip(20, 1.0)], 4, Pace(0.1))
    assert result.refused == 2
    assert not result.errors
    assert not result.clean


async def test_a_server_that_is_not_there_ends_it() -> None:
    async with running() as server:
        pass
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1"):
        await load_test.references(server.ws, DIALECTS["openai"](), [clip(20)])


def said(text: str, started: float, lag: float) -> Utterance:
    spoken = clip(20, 1.0)
    return Utterance(spoken, started, first_text=started + 0.35, final_text=started + 1.0 + lag, text=text)


def test_the_figures() -> None:
    logs = [
        StreamLog([said("a", at, 0.1 + at / 100) for at in range(30)]),
        StreamLog([said("b", 5, 0.15)], errors=["broken"]),
        StreamLog(refused=True),
    ]
    result = load_test.report(logs, {"20": "a"})
    assert (result.streams, result.utterances, result.refused) == (3, 31, 1)
    assert result.errors == ("broken",)
    assert result.different == ("b",)
    assert result.first_word["p50"] == pytest.approx(0.25)  # 0.35 after the first sample, 0.25 after the first word
    assert result.final["p99"] == pytest.approx(0.39)
    assert result.growth == pytest.approx(0.2, abs=0.02)


def test_clips_of_a_folder_with_the_times_of_their_words(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_wav(tmp_path / f"{name}.wav", np.full(8000, 0.1, np.float32))
    word = {"text": "hello", "start": 0.1, "end": 0.3}
    (tmp_path / "b.json").write_text(json.dumps({"words": [word]}))
    assert [(c.name, c.seconds, c.first_word) for c in load_test.load([tmp_path])] == [
        ("a.wav", 0.5, None),
        ("b.wav", 0.5, 0.3),
    ]


@pytest.mark.parametrize(
    "arguments", [["--streams", "0"], ["--streams", "100000"], ["--seconds", "1e9"], ["--url", "ws://example.org"]]
)
def test_it_is_bounded(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        load_test.options(arguments)
    assert load_test.options(["--url", "ws://example.org", "--allow-remote"]).allow_remote


def test_from_the_command_line_to_the_table_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measured(*_: object, **__: object) -> load_test.Report:
        return load_test.report([StreamLog([said("a", 0, 0.1)])], {"20": "a"})

    write_wav(tmp_path / "a.wav", np.zeros(1600, np.float32))
    monkeypatch.setattr(load_test, "measure", measured)
    assert load_test.main([str(tmp_path / "a.wav"), "--json", str(tmp_path / "out.json"), "--key", "sk-secret"]) == 0
    assert "first word" in capsys.readouterr().out
    written = (tmp_path / "out.json").read_text()
    assert json.loads(written)["final"]["p50"] == pytest.approx(0.1)
    assert "sk-secret" not in written
    assert load_test.main([str(tmp_path / "missing.wav")]) == 2
