"""`voxtral` as its users meet it: what is said where, and with which exit status."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests import hub, tiny
from tests.detectors import LoudnessDetector
from voxtral_service import __version__
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.audio.write import write_wav
from voxtral_service.cli.app import app

VOXTRAL = Path(sys.executable).with_name("voxtral")

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny.write_model(folder / "tiny", tiny.SHAPES["small"])
    (folder / "tiny" / "README.md").write_text("---\nlanguage: [en]\nlicense: mit\n---\n")
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, seconds in {"a": 2.0, "b": 4.0, "sub/a": 3.0, ".hidden": 1.0}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_wav(folder / f"{name}.wav", tiny.sound(seconds, seed=len(name)))
    (folder / "notes.txt").write_text("not sound")
    return folder


@pytest.fixture
def run(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, with one tiny model to choose from."""
    monkeypatch.setenv("VOXTRAL_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("VOXTRAL_MODEL", "tiny")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(models_dir / "no cache"))

    def run(*arguments: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture(autouse=True)
def loudness_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model speaks over noises that no voice activity network takes for speech."""
    monkeypatch.setattr("voxtral_service.audio.vad.SileroModel.detector", lambda _: LoudnessDetector())


@pytest.fixture
def environment(models_dir: Path, tmp_path: Path) -> dict[str, str]:
    """Variables for a `voxtral` of its own process."""
    return {
        **os.environ,
        "VOXTRAL_MODELS_DIR": str(models_dir),
        "VOXTRAL_MODEL": "tiny",
        "HF_HOME": str(tmp_path / "hub"),
    }


# -- transcribe: what goes in


def test_a_file_becomes_text_on_standard_output(run: Run, clips: Path) -> None:
    result = run("transcribe", clips / "a.wav")
    assert result.exit_code == 0
    assert result.stdout.strip()
    assert result.stdout.endswith("\n")
    assert not result.stderr


def test_standard_input_gives_what_the_file_gives(run: Run, clips: Path) -> None:
    by_name = run("transcribe", clips / "a.wav").stdout
    assert run("transcribe", "-", stdin=(clips / "a.wav").read_bytes()).stdout == by_name


def test_raw_samples_give_what_the_file_gives(run: Run, clips: Path) -> None:
    by_name = run("transcribe", clips / "a.wav").stdout
    raw = encode_s16le(tiny.sound(2.0, seed=1))
    assert run("transcribe", "--raw", "s16le:16000:1", "-", stdin=raw).stdout == by_name


def test_several_files_come_in_the_order_given_and_alike_however_many(run: Run, clips: Path) -> None:
    names = [clips / "b.wav", clips / "a.wav", clips / "sub" / "a.wav"]
    alone = [f"==> {name} <==\n" + run("transcribe", name).stdout for name in names]
    for places in (1, 2, 8):
        assert run("transcribe", "--max-streams", places, *names).stdout == "".join(alone)


def test_a_folder_stands_for_the_recordings_below_it(run: Run, clips: Path) -> None:
    lines = run("transcribe", clips).stdout.splitlines()
    headings = [line for line in lines if line.startswith("==>")]
    assert headings == [f"==> {clips / name} <==" for name in ("a.wav", "b.wav", "sub/a.wav")]


def test_a_pattern_that_the_shell_left_alone_is_expanded(run: Run, clips: Path) -> None:
    result = run("transcribe", f"{clips}/**/a.*", "--format", "json")
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [
        str(clips / "a.wav"),
        str(clips / "sub" / "a.wav"),
    ]


def test_a_file_named_twice_is_transcribed_once(run: Run, clips: Path) -> None:
    once = run("transcribe", clips / "a.wav").stdout
    assert run("transcribe", clips / "a.wav", clips / "a.wav").stdout == once


def test_realtime_takes_the_time_of_the_sound(run: Run, clips: Path) -> None:
    started = time.monotonic()
    result = run("transcribe", "--realtime", clips / "a.wav")
    assert time.monotonic() - started >= 1.9
    assert result.exit_code == 0


# -- transcribe: what comes out


def test_json_tells_all(run: Run, clips: Path) -> None:
    document = json.loads(run("transcribe", "--format", "json", "--delay", "80", clips / "b.wav").stdout)
    words = document.pop("words")
    assert document.pop("text") == run("transcribe", "--delay", "80", clips / "b.wav").stdout.strip()
    assert document == {
        "file": str(clips / "b.wav"),
        "duration": 4.0,
        "language": "en",
        "model": "tiny",
        "delay_ms": 80,
        "warnings": [],
    }
    assert words
    assert all(0 <= word["start"] <= word["end"] <= 4.0 + 80 for word in words)


@pytest.mark.parametrize(("format", "beginning"), [("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n\n00:00:0")])
def test_subtitles(run: Run, clips: Path, format: str, beginning: str) -> None:
    assert run("transcribe", "-f", format, clips / "b.wav").stdout.startswith(beginning)


def test_output_to_a_file(run: Run, clips: Path, tmp_path: Path) -> None:
    result = run("transcribe", "-o", tmp_path / "out.txt", clips / "a.wav")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (tmp_path / "out.txt").read_text() == run("transcribe", clips / "a.wav").stdout
    assert [file.name for file in tmp_path.iterdir()] == ["out.txt"]


def test_output_of_several_goes_below_a_folder(run: Run, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copytree(clips, tmp_path / "in", dirs_exist_ok=True)
    shutil.copy(clips / "a.wav", tmp_path / "in" / "a.wave")
    assert run("transcribe", "-f", "vtt", "-o", tmp_path / "out", tmp_path / "in").exit_code == 0
    written = sorted(str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.vtt"))
    assert written == ["a.wav.vtt", "a.wave.vtt", "b.vtt", "sub/a.vtt"]


def test_subtitles_of_several_files_need_a_folder(run: Run, clips: Path) -> None:
    result = run("transcribe", "-f", "srt", clips)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: several recordings do not fit into one srt on standard output; add --output FOLDER\n"
    )


# -- transcribe: what can go wrong


def test_a_truncated_file_is_transcribed_with_a_warning(run: Run, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.wav").write_bytes((clips / "b.wav").read_bytes()[:64_000])
    result = run("transcribe", tmp_path / "cut.wav")
    assert result.exit_code == 0
    assert result.stdout.strip()
    assert result.stderr == (
        f"warning: {tmp_path / 'cut.wav'}: input ends early after 2.0 s: its header announces 4.0 s\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "there is nothing in it (0 bytes)"),
        (b"just some text\n", "it is text, not sound"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "it is a PNG picture, not sound"),
        (None, "there is no such file; check the path"),
    ],
)
def test_one_unreadable_file_is_one_line_and_status_2(
    run: Run, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "file.wav"
    if content is not None:
        path.write_bytes(content)
    result = run("transcribe", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {path}: {message}")
    assert result.stderr.count("\n") == 1


def test_the_others_are_done_when_one_fails(run: Run, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("text")
    result = run("transcribe", tmp_path / "bad.wav", clips / "a.wav", tmp_path / "gone.wav", f"{tmp_path}/*.ogg")
    assert result.exit_code == 1
    assert f"==> {clips / 'a.wav'} <==\n" in result.stdout
    assert "bad.wav <==" not in result.stdout
    *errors, summary = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in errors] == ["error"] * 3
    assert summary.startswith("1 transcribed, 2 failed; 0:00:02 of audio in 0:00:0")


def test_status_2_when_all_are_unreadable(run: Run, tmp_path: Path) -> None:
    assert run("transcribe", tmp_path / "a.wav", tmp_path / "b.wav").exit_code == 2
    assert run("transcribe", tmp_path).exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "voxtral-mini-4b-realtime"], "fetch it with: voxtral models pull voxtral-mini-4b-realtime"),
        (["--delay", "100"], "--delay is 100; it should be a multiple of 80"),
        (["--raw", "s17"], "'s17' is no PCM encoding"),
        (["--language", "xx"], "tiny does not know the language 'xx'; it knows en"),
        (["--output", "no/such/folder/out.txt"], "there is no folder no/such/folder for the output; create it"),
        (["--format", "xml"], "'xml' is not one of"),
        (["--bogus"], "No such option: --bogus"),
    ],
)
def test_bad_options_are_status_2_and_no_traceback(run: Run, clips: Path, options: list[str], message: str) -> None:
    result = run("transcribe", *options, clips / "a.wav")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_that_cannot_be_written_is_an_error(run: Run, clips: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    result = run("transcribe", "-o", tmp_path, clips / "a.wav")
    assert result.exit_code == 2
    assert f"cannot write {tmp_path / 'a.txt'}: " in result.stderr


def test_a_model_that_is_chosen_is_named(run: Run, clips: Path) -> None:
    result = run("transcribe", "--model", "auto", "--device", "cpu", clips / "a.wav")
    assert result.exit_code == 0
    assert result.stderr.startswith("using ")
    assert result.stderr.count("\n") == 1
    assert not run("transcribe", "--model", "auto", "--quiet", clips / "a.wav").stderr


# -- transcribe: as a process among others


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `voxtral` with all its streams in pipes, and ends it with the test."""
    with ExitStack() as running:

        def start(*arguments: object) -> subprocess.Popen[bytes]:
            command = [str(argument) for argument in (VOXTRAL, *arguments)]
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            )  # a shell that runs the tests in the background has its children ignore interruptions
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield start


def test_a_closed_pipe_is_no_complaint(start: Callable[..., subprocess.Popen[bytes]], clips: Path) -> None:
    process = start("transcribe", clips)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_words_leave_a_pipe_while_more_sound_is_to_come(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = start("transcribe", "--raw", "s16le", "-")
    assert process.stdin
    assert process.stdout
    process.stdin.write(encode_s16le(tiny.sound(3)))
    process.stdin.flush()
    first = process.stdout.read(1)
    text, complaints = process.communicate(encode_s16le(tiny.sound(2)))
    assert (process.returncode, complaints) == (0, b"")
    assert len(first + text) > 20


@pytest.mark.parametrize("moment", ["waiting for input", "in the middle of a file"])
def test_an_interruption_is_tidy(start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, moment: str) -> None:
    if moment == "waiting for input":
        process = start("transcribe", "--raw", "s16le", "-")
        assert process.stdin
        process.stdin.write(encode_s16le(tiny.sound(3)))
        process.stdin.flush()
    else:
        write_wav(tmp_path / "long.wav", np.tile(tiny.sound(10), 6))
        process = start("transcribe", "--realtime", tmp_path / "long.wav")
    assert process.stdout
    assert process.stderr
    process.stdout.read(1)  # the first word is there
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert process.stderr.read() == b"interrupted\n"
    assert process.stdout.read().endswith(b"\n")


# -- the program and its models


def test_help_is_quick_and_loads_no_model_code() -> None:
    code = "import sys; from voxtral_service.cli import app; print({'torch', 'av', 'pydantic'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout == f"voxtral {__version__}\n"
    for command in ((), ("transcribe",), ("models",), ("models", "pull"), ("models", "rm")):
        assert "Usage: " in run(*command, "--help").stdout


def test_models_are_listed_for_programs(run: Run) -> None:
    rows = [line.split("\t") for line in run("models").stdout.splitlines()]
    assert rows[0] == ["name", "where", "size", "parameters", "languages", "licence"]
    assert ["tiny", "folder", "0.3 MB", "0.1 M", "en", "mit"] in rows
    assert ["voxtral-mini-4b-realtime", "not here", "8.9 GB", "4.4 B"] in [row[:4] for row in rows]
    assert all(len(row) == 6 for row in rows)
    assert run("models", "list").stdout == run("models").stdout


def test_info_of_one_model(run: Run, models_dir: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in run("models", "info", "tiny").stdout.splitlines())
    assert lines["folder"] == str(models_dir / "tiny")
    assert lines["delay"].startswith("480 ms")
    assert run("models", "info", "nothing").exit_code == 2


def test_a_model_is_removed_when_that_is_confirmed(run: Run, models_dir: Path) -> None:
    folder = shutil.copytree(models_dir / "tiny", models_dir / "org" / "copy")
    assert run("models", "rm", "org/copy", stdin=b"n\n").exit_code == 0
    assert folder.is_dir()
    assert run("models", "rm", "--yes", "org/copy").exit_code == 0
    assert not folder.exists()


def test_no_network_is_one_line_and_status_1(run: Run) -> None:
    result = run("models", "pull", "org/name")
    assert result.exit_code == 1
    assert result.stderr == "error: cannot fetch org/name: HF_HUB_OFFLINE is set; unset it and try again\n"


@pytest.fixture
def pull(environment: dict[str, str], tmp_path: Path) -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    def pull(name: str, address: str) -> subprocess.CompletedProcess[str]:
        online = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "VOXTRAL_MODELS_DIR": str(tmp_path / "pulled")}
        command = [str(VOXTRAL), "models", "pull", name]
        return subprocess.run(command, env=environment | online, capture_output=True, text=True, check=False)

    return pull


def test_an_unreachable_hub_is_one_line_and_status_1(
    pull: Callable[[str, str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    result = pull("voxtral-mini-4b-realtime", "http://127.0.0.1:9")
    assert result.returncode == 1
    assert result.stderr.startswith("error: cannot fetch voxtral-mini-4b-realtime from the hub (")
    assert f"copy the model's folder to {tmp_path / 'pulled' / 'voxtral-mini-4b-realtime'}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_model_is_pulled_once_and_in_one_layout(
    pull: Callable[[str, str], subprocess.CompletedProcess[str]], models_dir: Path, tmp_path: Path
) -> None:
    source = Path(shutil.copytree(models_dir / "tiny", tmp_path / "source"))
    (source / "params.json").write_text("{}")
    (source / "consolidated.safetensors").write_bytes(bytes(100))
    with hub.serving("org/tiny", source) as (address, fetched):
        result = pull("org/tiny", address)
        assert result.returncode == 0, result.stderr
        assert result.stdout == f"org/tiny is in {tmp_path / 'pulled' / 'org' / 'tiny'}\n"
        assert not result.stderr
        assert {"model.safetensors", "tekken.json"} <= set(fetched)
        assert "consolidated.safetensors" not in fetched
        fetched.clear()
        assert "is here already" in pull("org/tiny", address).stdout
        assert not fetched
        (tmp_path / "pulled" / "org" / "tiny" / "model.safetensors").unlink()
        assert pull("org/tiny", address).returncode == 0
        assert "tekken.json" not in fetched


def test_what_cannot_run_here_is_not_fetched(
    pull: Callable[[str, str], subprocess.CompletedProcess[str]], models_dir: Path, tmp_path: Path
) -> None:
    source = Path(shutil.copytree(models_dir / "tiny", tmp_path / "source"))
    (source / "config.json").write_text('{"model_type": "whisper"}')
    with hub.serving("org/whisper", source) as (address, fetched):
        result = pull("org/whisper", address)
    assert result.returncode == 2
    assert result.stderr.startswith("error: org/whisper does not run here: its config.json describes a 'whisper' model")
    assert set(fetched) <= {"config.json"}
    with hub.serving("org/another", source) as (address, _):
        assert "the hub has no model org/whisper" in pull("org/whisper", address).stderr


@pytest.mark.parametrize("command", ["transcribe", "listen", "serve", "bench", "ask", "say", "models pull"])
def test_help_flows_to_the_width_of_the_terminal(run: Run, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = [line.rstrip() for line in run(*command.split(), "--help").stdout.splitlines()]
    prose = lines[lines.index(" Examples:") - 2 :: -1]
    assert all(len(line) <= 80 for line in lines)
    for line, before in itertools.pairwise(prose):
        if line and before:  # a line ends where the next word would not fit
            assert len(before) + len(line.split()[0]) + 1 > 78, (before, line)
    examples = [line for line in lines if line.startswith(" $ ")]
    assert examples
    assert all("voxtral" in line for line in examples)
