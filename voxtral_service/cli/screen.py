"""What the user sees: words as they come and progress on a terminal, plain text everywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from voxtral_service.cli.batch import Job

LONG = 10.0
"""Seconds; shorter recordings are over before a bar is of use."""
REFRESHES = 12
"""A second."""


class Screen:
    """Standard output for results, standard error for everything else; a context manager.

    On a terminal the last lines are live: the sentence being heard, with its unsure end dimmed, and a bar for each long
    recording. Lines that are full move up out of the live part and stay.
    """

    def __init__(self, out: TextIO, err: TextIO, jobs: Sequence[Job] = (), *, quiet: bool = False) -> None:
        """`jobs` have bars while they run; `quiet` leaves out the bars."""
        self._out, self._err = out, err
        self._jobs, self._quiet = jobs, quiet
        self._line, self._tail = "", ""
        self._bars = _Bars()
        # Only one hand can draw on a terminal: there bars join the words, elsewhere standard error is theirs.
        on_out = self._out.isatty()
        console = _console(self._out if on_out else self._err)
        self._live: Live | None = None
        self._words: Live | None = None  # the same one, if words move on it
        if console.is_terminal and not console.is_dumb_terminal and (on_out or not quiet):
            self._live = Live(
                console=console,
                get_renderable=self._render,
                refresh_per_second=REFRESHES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
        if on_out:
            self._words = self._live

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not BrokenPipeError:
            self.end_line()  # what was heard before an interruption is worth keeping
        if self._live:
            self._live.stop()

    def say(self, delta: str, tail: str = "") -> None:
        """Add to the text on standard output; `tail` is shown behind it until the next call, on terminals only."""
        if self._words is None:
            self._line = (self._line + delta)[-1:]  # only whether there is one matters
            self.write(delta)
            return
        *full, self._line = _wrap(self._line + delta, self._words.console)
        self._tail = tail
        for line in full:
            self.write(line + "\n")

    def end_line(self) -> None:
        """Finish the text that `say` began, if any."""
        line, self._line, self._tail = self._line, "", ""
        if line:
            self.write(line + "\n" if self._words else "\n")

    def note(self, message: str, style: str = "") -> None:
        """A line about what happened, on standard error; it has a style, such as "dim", on terminals only."""
        if self._live and self._err.isatty():
            _above(self._live, message + "\n", style)
            return
        if self._out.isatty():
            self.end_line()  # else the two would run into each other
        print(message, file=self._err, flush=True)

    def write(self, text: str) -> None:
        """Put finished text, with its newline, on standard output."""
        if not text:
            return
        if self._words:
            _above(self._words, text)
        else:
            self._out.write(text)
            self._out.flush()

    def refresh(self) -> None:
        """Draw now; it happens by itself several times a second."""
        if self._live:
            self._live.refresh()

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._words and (self._line or self._tail):
            parts.append(Text.assemble(self._line, (self._tail, "dim")))
        if not self._quiet:
            parts.append(self._bars.render(self._jobs))
        return Group(*parts)


class _Bars:
    """A bar for all recordings together, if there are several, and one for each long one that is being worked on.

    How much there is to be done is told by the files' sizes: their lengths are not known before they are opened.
    """

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeRemainingColumn()
        )
        self._all: TaskID | None = None
        self._tasks: dict[Job, TaskID] = {}
        self._sizes: dict[Job, int] = {}

    def render(self, jobs: Sequence[Job]) -> Progress:
        if len(jobs) > 1:
            if self._all is None:
                self._sizes = {job: job.recording.size for job in jobs}
                self._all = self._progress.add_task("", total=float(sum(self._sizes.values())))
            ended = sum(job.ended for job in jobs)
            done = sum(job.progress * self._sizes[job] for job in jobs)
            self._progress.update(self._all, completed=done, description=f"{ended} of {len(jobs)} recordings")
        running = [job for job in jobs if job.running and (job.recording.duration or 0) > LONG]
        for job in self._tasks.keys() - set(running):
            self._progress.remove_task(self._tasks.pop(job))
        for job in running:
            if job not in self._tasks:
                name = Text(job.recording.input.name).markup
                self._tasks[job] = self._progress.add_task(name, total=job.recording.duration)
            self._progress.update(self._tasks[job], completed=job.heard)
        return self._progress


def _above(live: Live, text: str, style: str = "") -> None:
    live.refresh()  # or else what stood in the live part before would be drawn once more
    live.console.print(Text(text, style=style), end="", soft_wrap=True)


def _console(stream: TextIO) -> Console:
    # Said explicitly, because FORCE_COLOR and its like make rich take pipes for terminals.
    return Console(file=stream, force_terminal=stream.isatty(), highlight=False)


def _wrap(text: str, console: Console) -> list[str]:
    """Lines as wide as the terminal; only the last may still grow."""
    return [line.plain.rstrip("\n") for line in Text(text).wrap(console, console.width)] or [""]
