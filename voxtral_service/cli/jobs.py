"""`voxtral jobs`: recordings that a server transcribes in the background."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxtral_service.cli.command import Command
from voxtral_service.errors import CallerError, Overloaded, Unauthorized, UpstreamError

if TYPE_CHECKING:
    import httpx2

app = typer.Typer(no_args_is_help=True, help="Recordings that a server transcribes in the background.")

COLUMNS = ("id", "status", "progress", "model", "source")
Server = Annotated[str, typer.Option("--server", "-s", metavar="URL", help="Whose jobs.")]
Key = Annotated[str | None, typer.Option("--key", envvar="VOXTRAL_API_KEY", help="The server's key.", show_envvar=True)]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `voxtral jobs submit` printed it.")]
HERE = "http://127.0.0.1:8000"


@app.command("submit", cls=Command)
def submit(
    recordings: Annotated[list[str], typer.Argument(metavar="RECORDING...", help="Files, or http and https URLs.")],
    server: Server = HERE,
    key: Key = None,
    model: Annotated[str, typer.Option("--model", "-m", help="A model of the server; none for the served one.")] = "",
    language: Annotated[str | None, typer.Option("--language", "-l", help="What is spoken, such as en.")] = None,
    format: Annotated[
        list[str] | None, typer.Option("--format", "-f", help="json, text, srt, vtt or verbose_json; the first counts.")
    ] = None,
    priority: Annotated[int, typer.Option("--priority", help="-100 to 100; higher goes first.")] = 0,
    webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Who is told of the end.")] = None,
) -> None:
    """Send recordings and print the ids of their jobs, one a line."""
    asked: dict[str, Any] = {"model": model, "language": language, "formats": format, "webhook_url": webhook}
    fields = {name: value for name, value in {**asked, "priority": priority}.items() if value}
    with _client(server, key) as http:
        for recording in recordings:
            if recording.startswith(("http://", "https://")):
                answer = http.post("/v1/jobs", json={**fields, "url": recording})
            else:
                with Path(recording).open("rb") as file:
                    answer = http.post("/v1/jobs", data=fields, files={"file": (Path(recording).name, file)})
            typer.echo(_checked(answer).json()["id"])


@app.command("list", cls=Command)
def list_jobs(
    server: Server = HERE,
    key: Key = None,
    status: Annotated[
        str | None, typer.Option("--status", help="queued, running, succeeded, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many; the newest.")] = 20,
) -> None:
    """Show the newest jobs of the key: columns parted by tabs."""
    wanted: dict[str, str | int] = {"limit": limit, **({"status": status} if status else {})}
    with _client(server, key) as http:
        found = _checked(http.get("/v1/jobs", params=wanted)).json()["data"]
    typer.echo("\t".join(COLUMNS))
    for job in found:
        job["progress"] = f"{job['progress']:.0%}"
        typer.echo("\t".join(str(job[name]) for name in COLUMNS))


@app.command("show", cls=Command)
def show(id: Id, server: Server = HERE, key: Key = None) -> None:
    """Show all that is known of a job, as JSON."""
    with _client(server, key) as http:
        typer.echo(json.dumps(_checked(http.get(f"/v1/jobs/{_quoted(id)}")).json(), indent=2, ensure_ascii=False))


@app.command("result", cls=Command)
def result(
    id: Id,
    server: Server = HERE,
    key: Key = None,
    format: Annotated[str | None, typer.Option("--format", "-f", help="Another than the job's first.")] = None,
) -> None:
    """Print what was said."""
    with _client(server, key) as http:
        path = f"/v1/jobs/{_quoted(id)}/result"
        answer = _checked(http.get(path, params={"format": format} if format else None))
    sys.stdout.write(answer.text if answer.text.endswith("\n") else answer.text + "\n")


@app.command("cancel", cls=Command)
def cancel(id: Id, server: Server = HERE, key: Key = None) -> None:
    """End a job, and say how it ended."""
    with _client(server, key) as http:
        typer.echo(_checked(http.post(f"/v1/jobs/{_quoted(id)}/cancel")).json()["status"])


@app.command("rm", cls=Command)
def remove(id: Id, server: Server = HERE, key: Key = None) -> None:
    """Cancel a job if need be, and forget it."""
    with _client(server, key) as http:
        _checked(http.delete(f"/v1/jobs/{_quoted(id)}"))


@contextmanager
def _client(server: str, key: str | None) -> Iterator[httpx2.Client]:
    import httpx2

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx2.Client(base_url=server, headers=headers, timeout=60) as client:
            yield client
    except httpx2.InvalidURL as error:
        raise CallerError(f"{server} is no address of a server: {error}") from error
    except httpx2.TransportError as error:
        raise UpstreamError(f"{server} does not answer ({error}); is `voxtral serve` running there?") from error


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """The answer, unless it is a refusal; raises what stands for it here."""
    if answer.is_success:
        return answer
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = f"the server answers {answer.status_code}; is it one of `voxtral serve`, with jobs?"
    if answer.status_code == 401:
        raise Unauthorized(f"{message} (--key or VOXTRAL_API_KEY)")
    if answer.status_code in (429, 503):
        raise Overloaded(message)
    raise (UpstreamError if answer.status_code >= 500 else CallerError)(message)


def _quoted(id: str) -> str:
    from urllib.parse import quote

    return quote(id, safe="")
