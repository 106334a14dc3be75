"""The compiled step is the step; what goes wrong with compiling costs speed and nothing else."""

from __future__ import annotations

import logging
import shutil
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny
from voxtral_service import config
from voxtral_service.engine import compiled_step
from voxtral_service.engine.compiled_step import Compilation, CompiledStep
from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.step import SAMPLES_PER_STEP
from voxtral_service.engine.vocabulary import Boost
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.tokenizer import Tokenizer

FLOAT32 = torch.float32
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_model(tmp_path_factory.mktemp("compiled"), tiny.SHAPES["small"])


@pytest.fixture(scope="module")
def compiled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CompiledStep:
    """Made as a server makes it, in a process of its own."""
    if not compiled_step.has_compiler():
        pytest.skip("there is no C++ compiler")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compiled_step, "YIELDING", [])  # the other tests would never let it run
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        shape = checkpoint.read_config(folder)
        assert compiled_step.find(folder, shape, FLOAT32) is None
        taken: list[CompiledStep] = []
        done = threading.Event()

        def take(made: CompiledStep) -> None:
            taken.append(made)
            done.set()

        compilation = Compilation(folder, FLOAT32, take)
        assert done.wait(500), "compiling did not end"
        compilation.stop()
        found = compiled_step.find(folder, shape, FLOAT32)
    assert found is not None
    return found


def test_it_writes_what_the_step_writes(folder: Path, compiled: CompiledStep) -> None:
    """Streams that join at different times, in batches of one to five, until their windows have wrapped."""
    plain, fast = (
        ModelRunner(checkpoint.load(folder, dtype=FLOAT32), Tokenizer.from_folder(folder), 5, step)
        for step in (None, compiled)
    )
    rng = np.random.default_rng(0)
    tokens = dict.fromkeys(range(5), plain.tokenizer.pad)
    told: list[set[int]] = []
    for at in range(70):
        if at in (0, 3, 20, 21, 40):
            slot = (0, 3, 20, 21, 40).index(at)
            for runner in (plain, fast):
                runner.join(slot, 2 + slot)
        joined = [slot for slot, start in enumerate((0, 3, 20, 21, 40)) if start <= at]
        slots = rng.permutation(joined)[: rng.integers(1, len(joined) + 1)]
        samples = 0.3 * rng.standard_normal((len(slots), SAMPLES_PER_STEP)).astype(np.float32)
        given = np.array([tokens[slot] for slot in slots.tolist()])
        penalties = rng.uniform(0, 0.2, len(slots)).astype(np.float32)
        one, other = (runner.encode(slots, samples) for runner in (plain, fast))
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
        boost = Boost(rng.permutation(tiny.TEXT_TOKENS)[:9], rng.uniform(0, 2, 9).astype(np.float32))
        boosts = [(int(rng.integers(len(slots))), boost)] if at % 3 == 0 else []
        written, also = (runner.decode(slots, one, given, penalties, boosts) for runner in (plain, fast))
        assert written.tolist() == also.tolist()
        told.append(set(written.tolist()))
        # What a random model writes hardly varies; what is fed back shall.
        for slot in slots.tolist():
            tokens[slot] = int(rng.integers(0, tiny.SPECIAL_TOKENS + tiny.TEXT_TOKENS))
    assert len(set.union(*told)) > 3


def test_it_can_be_taken_in_the_middle(folder: Path, compiled: CompiledStep) -> None:
    plain, changing = (
        ModelRunner(checkpoint.load(folder, dtype=FLOAT32), Tokenizer.from_folder(folder), 2) for _ in range(2)
    )
    rng = np.random.default_rng(1)
    slots = np.array([1])
    for runner in (plain, changing):
        runner.join(1, 6)
    for at in range(20):
        if at == 9:
            changing.use(compiled)
        samples = 0.3 * rng.standard_normal((1, SAMPLES_PER_STEP)).astype(np.float32)
        given = rng.integers(0, 400, 1)
        results = [runner.decode(slots, runner.encode(slots, samples), given).tolist() for runner in (plain, changing)]
        assert results[0] == results[1]


def test_other_weights_have_other_code(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    assert compiled_step.place_of(other, FLOAT32) == compiled_step.place_of(folder, FLOAT32)
    assert compiled_step.place_of(other, torch.bfloat16) != compiled_step.place_of(folder, FLOAT32)
    weights = checkpoint.weight_files(other)[0]
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert compiled_step.place_of(other, FLOAT32) != compiled_step.place_of(folder, FLOAT32)


def test_long_windows_are_left_alone() -> None:
    assert compiled_step.worth_compiling(tiny.SHAPES["small"])
    assert not compiled_step.worth_compiling(tiny.SHAPES["wide"])


def test_without_a_compiler_a_line_in_the_log_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled_step, "has_compiler", lambda: False)
    with caplog.at_level(logging.INFO):
        Compilation(folder, FLOAT32, lambda _: pytest.fail("taken")).wait()
    assert "no C++ compiler" in caplog.text
    assert not (tmp_path / config.APP).exists()


def test_a_compiler_that_fails_is_told_of(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled_step, "has_compiler", lambda: True)
    monkeypatch.setattr(compiled_step, "COMMAND", ["-c", "import sys; sys.exit('error: no room on the disk')"])
    Compilation(folder, FLOAT32, lambda _: pytest.fail("taken")).wait()
    assert "could not be compiled and stays slower: error: no room on the disk" in caplog.text
    assert list((tmp_path / config.APP / "compiled").iterdir()) == []


def test_stopping_ends_the_compiler(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled_step, "has_compiler", lambda: True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        tell = f"import socket, time; s = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"
        monkeypatch.setattr(compiled_step, "COMMAND", ["-c", f"{tell}; time.sleep(600)"])
        compilation = Compilation(folder, FLOAT32, lambda _: pytest.fail("taken"))
        running, _ = server.accept()
        compilation.stop()
        assert running.recv(1) == b""  # the other end is gone
        running.close()
    compilation.stop()
    assert "compiled" not in caplog.text
    assert list((tmp_path / config.APP / "compiled").iterdir()) == []


def test_code_that_cannot_be_loaded_is_left_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = compiled_step.place_of(folder, FLOAT32)
    place.mkdir(parents=True)
    for half in ("encode", "decode"):
        (place / f"{half}.pt2").write_bytes(b"nothing")
    assert compiled_step.find(folder, checkpoint.read_config(folder), FLOAT32) is None
    assert "cannot be used" in caplog.text
    assert not place.exists()  # or it would never be made again
