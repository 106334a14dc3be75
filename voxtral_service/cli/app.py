"""The commands together, and what all of them do about errors."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from voxtral_service import __version__
from voxtral_service.cli import ask, bench, database, jobs, listen, models, say, serve, transcribe
from voxtral_service.cli.command import Command
from voxtral_service.errors import CallerError, VoxtralError

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What shells report for programs that the signals SIGINT and SIGPIPE end."""


class Commands(TyperGroup):
    """Ends every command with one line instead of a traceback when the failure is not a defect of this program.

    Exit status 2: the request was wrong; 1: it was right and could not be done.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a reader that has gone away shows here, not in the interpreter's last breath
            return result
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            status = INTERRUPTED
        except BrokenPipeError:
            # What is still buffered would fail again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            status = BROKEN_PIPE
        except (VoxtralError, OSError) as error:
            typer.echo(f"error: {_sentence(error)}", err=True)
            if ctx.params.get("verbose"):
                raise
            status = 2 if isinstance(error, CallerError) else 1
        raise typer.Exit(status)


def _sentence(error: VoxtralError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Speech to text on your own machine.",
)
app.command("transcribe", cls=Command, no_args_is_help=True)(transcribe.transcribe)
app.command("listen", cls=Command)(listen.listen)
app.command("serve", cls=Command)(serve.serve)
app.command("bench", cls=Command)(bench.bench)
app.command("ask", cls=Command, no_args_is_help=True)(ask.ask)
app.command("say", cls=Command, no_args_is_help=True)(say.say)
app.add_typer(models.app, name="models")
app.add_typer(serve.keys_app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.add_typer(database.app, name="db")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voxtral {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show logs, and tracebacks of errors.")] = False,
) -> None:
    """What goes before any command."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.CRITICAL, format="%(name)s: %(message)s")
