"""Words move on terminals and nowhere else."""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePath

import numpy as np
import pytest

from voxtral_service.audio.write import write_wav
from voxtral_service.cli.batch import Job
from voxtral_service.cli.inputs import Input
from voxtral_service.cli.recording import Recording
from voxtral_service.cli.screen import Screen
from voxtral_service.engine.base import StreamOptions

WIDTH = 20


class Terminal(io.StringIO):
    """Takes everything, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """What is left on it: control sequences carried out as far as this test needs them."""
        rows = [""]
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.getvalue()):
            if part == "\n":
                rows.append("")
            elif part == "\x1b[1A":
                rows.pop()
            elif part == "\x1b[2K":
                rows[-1] = ""
            elif not part.startswith(("\x1b", "\r")):
                rows[-1] += part
        return rows


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_lines_fill_up_and_stay(out: Terminal) -> None:
    with Screen(out, out) as screen:
        for delta in ("Now", " is the", " time for all", " good men to", " come."):
            screen.say(delta, " maybe")
        screen.end_line()
        screen.write("a whole line that is longer than the terminal\n")
    text = "\n".join(out.lines())
    assert text.split("\n") == [
        "Now is the time for ",
        "all good men to ",
        "come.",
        "a whole line that is longer than the terminal",
        "",
    ]


def test_an_unsure_end_is_dimmed(out: Terminal) -> None:
    with Screen(out, out) as screen:
        screen.say("sure", " unsure")
        screen.refresh()
    assert "sure\x1b[2m unsure\x1b[0m" in out.getvalue()


def test_no_colour_is_honoured(out: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with Screen(out, out) as screen:
        screen.say("word")
    assert not re.search(r"\x1b\[3\dm", out.getvalue())


def test_notes_come_above_the_line_being_heard(out: Terminal) -> None:
    with Screen(out, out) as screen:
        screen.say("one two")
        screen.note("warning: beware")
        screen.say(" three")
    assert out.lines() == ["warning: beware", "one two three", ""]


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_pipe_gets_plain_text_at_once(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    pipe = io.StringIO()
    monkeypatch.setenv(variable, "1")
    with Screen(pipe, io.StringIO()) as screen:
        screen.say("one", " two?")
        assert pipe.getvalue() == "one"
        screen.say(" two")
        screen.end_line()
        screen.end_line()
    assert pipe.getvalue() == "one two\n"


def test_a_dumb_terminal_gets_plain_text(out: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with Screen(out, out) as screen:
        screen.say("one two three four five six")
        screen.note("note")
    assert out.getvalue() == "one two three four five six\nnote\n"


def test_long_recordings_have_bars_while_they_run(
    out: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    jobs = []
    for name, seconds in (("[long].wav", 12), ("short.wav", 1), ("waiting.wav", 12)):
        write_wav(tmp_path / name, np.zeros(seconds * 16_000, np.float32))
        recording = Recording(Input(name, tmp_path / name, PurePath(name)))
        recording.open()
        jobs.append(Job(recording, StreamOptions()))
    long, short, _ = jobs
    long.running = short.running = True
    long.heard = 6.0
    with Screen(out, out, jobs) as screen:
        screen.refresh()
        assert re.search(r"\[long\]\.wav .* 50%", out.lines()[-1])
        assert re.search(r"0 of 3 recordings .* 24%", out.lines()[-2])  # of 25 s, not of three equal parts
        long.running = False
        screen.refresh()
        assert "long" not in out.lines()[-1]
    assert not re.search("short|waiting", out.getvalue())
    for job in jobs:
        job.recording.stop()


def test_words_in_a_pipe_do_not_show_beside_the_bars(out: Terminal) -> None:
    with Screen(io.StringIO(), out) as screen:
        screen.say("secret", "unsure")
        screen.refresh()
    assert not re.search("[a-z]{2}", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()))


def test_quiet_leaves_out_the_bars_only(out: Terminal) -> None:
    with Screen(out, out, quiet=True) as screen:
        screen.say("word")
    assert out.lines()[0] == "word"
    with Screen(io.StringIO(), out, quiet=True) as screen:
        screen.refresh()
    assert out.getvalue().count("\x1b[?25l") == 1  # the cursor is hidden only where something moves
