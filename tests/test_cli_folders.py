"""`voxtral transcribe` over folders: what is done stays done, and an interruption costs little."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests import tiny
from tests.detectors import LoudnessDetector
from voxtral_service.audio.write import write_wav
from voxtral_service.cli.app import app
from voxtral_service.cli.sidecar import Sidecar
from voxtral_service.events import Score, Token, TranscriptSegment, Word

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny.write_model(folder / "tiny", tiny.SHAPES["small"])
    tiny.write_model(folder / "other", tiny.SHAPES["small"], seed=1)
    return folder


@pytest.fixture
def run(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("VOXTRAL_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("VOXTRAL_MODEL", "tiny")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(models_dir / "no cache"))
    monkeypatch.setattr("voxtral_service.audio.vad.SileroModel.detector", lambda _: LoudnessDetector())

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["transcribe", *map(str, arguments)])

    return run


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("a", "b", "sub/c")):
        write_wav(folder / f"{name}.wav", tiny.sound(1.0 + number, number))
    return folder


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """70 s with a pause every 7: four segments."""
    (tmp_path / "in").mkdir(exist_ok=True)
    pause = np.zeros(8000, np.float32)
    sound = np.concatenate([part for i in range(10) for part in (tiny.sound(6.5, i), pause)])
    write_wav(tmp_path / "in" / "long.wav", sound)
    return tmp_path / "in" / "long.wav"


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_what_is_done_is_left_alone_until_its_recording_changes(run: Run, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run("-o", out, recordings)
    assert first.exit_code == 0
    assert first.stderr.startswith("3 transcribed; 0:00:06 of audio in 0:00:0")
    assert "hours of audio an hour" in first.stderr
    (out / "a.txt").write_text("mine")
    again = run("-o", out, recordings)
    assert (again.exit_code, again.stderr) == (0, "0 transcribed, 3 done before (--force does them again)\n")
    os.utime(recordings / "b.wav", ns=((out / "b.txt").stat().st_mtime_ns + 1,) * 2)
    (out / "b.txt").write_text("")
    os.utime(out / "b.txt", ns=(0, 0))
    assert run("-o", out, recordings).stderr.startswith("1 transcribed, 2 done before")
    assert (out / "a.txt").read_text() == "mine"
    assert (out / "b.txt").read_text()
    assert run("--force", "-o", out, recordings).stderr.startswith("3 transcribed;")
    assert (out / "a.txt").read_text() != "mine"
    assert files(out) == ["a.txt", "b.txt", "sub/c.txt"]


def test_one_pass_writes_every_format(run: Run, recordings: Path, tmp_path: Path) -> None:
    formats = [part for name in ("json", "srt", "vtt", "text") for part in ("-f", name)]
    assert run("-q", *formats, "-o", tmp_path / "out", recordings).exit_code == 0
    assert len(files(tmp_path / "out")) == 12
    text = json.loads((tmp_path / "out" / "a.json").read_text())["text"]
    assert (tmp_path / "out" / "a.txt").read_text() == text + "\n"
    (tmp_path / "out" / "b.vtt").unlink()
    assert "1 transcribed, 2 done" in run(*formats, "-o", tmp_path / "out", recordings).stderr
    result = run("-f", "json", "-f", "srt", recordings)
    assert (result.exit_code, result.stderr) == (
        2,
        "error: several formats do not fit into standard output; add --output FOLDER\n",
    )


def test_workers_change_nothing_but_the_order_of_work(run: Run, recordings: Path, tmp_path: Path) -> None:
    for workers in (1, 2, 3):
        assert run("--workers", workers, "-f", "json", "-o", tmp_path / str(workers), recordings).exit_code == 0
    for name in files(tmp_path / "1"):
        assert len({(tmp_path / str(workers) / name).read_text() for workers in (1, 2, 3)}) == 1


def test_an_unreadable_file_does_not_stop_the_rest(run: Run, recordings: Path, tmp_path: Path) -> None:
    (recordings / "aa.wav").write_text("text")
    result = run("-o", tmp_path / "out", recordings)
    assert result.exit_code == 1
    assert files(tmp_path / "out") == ["a.txt", "b.txt", "sub/c.txt"]
    assert f"error: {recordings / 'aa.wav'}: it is text" in result.stderr
    assert "3 transcribed, 1 failed;" in result.stderr


def test_words_are_lines_with_times(run: Run, recordings: Path) -> None:
    lines = run("--words", recordings / "b.wav").stdout.splitlines()
    words = json.loads(run("-f", "json", recordings / "b.wav").stdout)["words"]
    assert [line.split("\t")[2] for line in lines] == [word["text"].strip() for word in words]
    assert all(float(start) <= float(end) for start, end, _ in (line.split("\t") for line in lines))


class Interrupt:
    """Ctrl-C behind so many finished segments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.left, add = after, Sidecar.add
        self.kept: list[int] = []

        def keep(sidecar: Sidecar, segment: TranscriptSegment) -> None:
            add(sidecar, segment)
            self.kept.append(segment.id)
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        monkeypatch.setattr(Sidecar, "add", keep)


@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_an_interrupted_recording_goes_on_where_it_was(
    run: Run, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bool
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    short = tmp_path / "short.wav"
    write_wav(short, tiny.sound(1.0))
    assert run("-f", "json", "-o", f"{tmp_path / 'whole'}/", long).exit_code == 0
    interrupt = Interrupt(monkeypatch, after=2)
    result = run("-f", "json", "-o", out, long)
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")
    assert files(out) == [".long.json.progress"]
    if torn:
        with (out / ".long.json.progress").open("a") as file:
            file.write('{"id": 2, "start":')
    resumed = run("-f", "json", "-o", out, long, short)
    assert resumed.exit_code == 0
    assert resumed.stderr.startswith("2 transcribed; 0:00:29 of audio")  # 42 of the 70 s were heard before
    assert sorted(interrupt.kept) == [0, 0, 1, 2, 3]
    assert files(out) == ["long.json", "short.json"]
    assert (out / "long.json").read_text() == (tmp_path / "whole" / "long.json").read_text()


def test_another_model_begins_anew(run: Run, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    interrupt = Interrupt(monkeypatch, after=1)
    assert run("-o", tmp_path / "out", long).exit_code == 130
    assert run("-o", tmp_path / "out", "--model", "other", long).exit_code == 0
    assert interrupt.kept == [0, 0, 1, 2, 3]


def test_a_second_pass_replaces_the_first(
    run: Run, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("--model", "other", "-o", tmp_path / "other", recordings).exit_code == 0
    assert run("--refine", "other", "-f", "json", "-f", "text", "-o", tmp_path / "out", recordings).exit_code == 0
    for name in files(tmp_path / "other"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "other" / name).read_text()
    assert json.loads((tmp_path / "out" / "a.json").read_text())["model"] == "other"
    only = run("--refine", "other", recordings / "a.wav")
    assert only.stdout == (tmp_path / "other" / "a.txt").read_text()
    assert run("--refine", "nothing", recordings).exit_code == 2


def test_an_interrupted_second_pass_is_not_taken_for_done(
    run: Run, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("voxtral_service.cli.batch.refine", interrupt)
        assert run("--workers", 1, "--refine", "other", "-o", out, recordings).exit_code == 130
    assert files(out) == [".a.txt.progress", "a.txt"]
    assert run("-o", tmp_path / "first", recordings).exit_code == 0
    assert (out / "a.txt").read_text() == (tmp_path / "first" / "a.txt").read_text()  # there to be read meanwhile
    assert run("--refine", "other", "-o", out, recordings).stderr.startswith("3 transcribed;")
    assert files(out) == ["a.txt", "b.txt", "sub/c.txt"]


def test_a_live_stream_cannot_be_refined(run: Run, recordings: Path) -> None:
    result = run("--realtime", "--refine", "other", recordings / "a.wav")
    assert (result.exit_code, "cannot be heard twice" in result.stderr) == (2, True)


def test_a_sidecar_gives_back_what_it_was_given(tmp_path: Path) -> None:
    segments = [
        TranscriptSegment(
            0, 0.0, 1.5, "Grüße", (Word("Grüße", 0.1, 0.6),), (Token(7, "Grüße", -0.1),), "de", Score(-0.1)
        ),
        TranscriptSegment(1, 1.5, 9.0, ""),
    ]
    sidecar = Sidecar(tmp_path / "new" / "a.txt", {"model": "m"})
    assert sidecar.load() == []
    for segment in segments:
        sidecar.add(segment)
    assert Sidecar(tmp_path / "new" / "a.txt", {"model": "m"}).load() == segments
    sidecar.path.write_bytes(b"\xff\xfe")
    assert sidecar.load() == []
    assert sidecar.path.read_bytes() == b"\xff\xfe"  # nothing is written before there is something to keep
    sidecar.add(segments[1])
    assert Sidecar(tmp_path / "new" / "a.txt", {"model": "m"}).load() == []  # its number is out of turn
    sidecar.remove()
    sidecar.remove()
    assert files(tmp_path) == []
