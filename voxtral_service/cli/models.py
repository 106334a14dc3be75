"""`voxtral models`: what is here, and how to get more."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from voxtral_service.cli.command import Command

if TYPE_CHECKING:
    from voxtral_service.engine.base import Capabilities
    from voxtral_service.engine.catalog import KnownModel
    from voxtral_service.engine.registry import InstalledModel, Registry

app = typer.Typer(invoke_without_command=True, no_args_is_help=False, help="List, fetch and remove models.")

NOT_HERE = "not here"
MOST_LANGUAGES = 14
"""How many are shown in a table."""
COLUMNS = ("name", "where", "size", "parameters", "languages", "licence")

Name = Annotated[str, typer.Argument(metavar="NAME", help="An alias or a hub id, such as org/name.")]


@app.callback()
def models(context: typer.Context) -> None:
    """List, fetch and remove models; the list if nothing else is said."""
    if context.invoked_subcommand is None:
        show_list()


@app.command("list", cls=Command)
def show_list() -> None:
    """Show the models of this machine and those that can be fetched: a table, or columns parted by tabs in a pipe."""
    from voxtral_service.engine.catalog import CATALOG

    found, faults = _registry().installed()
    here = {model.name for model in found}
    rows = [_row(model) for model in found]
    rows += [_known_row(model) for model in CATALOG if model.name not in here]
    for fault in faults:
        typer.echo(f"warning: {fault}", err=True)
    if sys.stdout.isatty():
        _print_table(rows)
    else:
        for row in (COLUMNS, *rows):
            typer.echo("\t".join(row))


@app.command("info", cls=Command)
def info(name: Name) -> None:
    """Show all that is known of one model, here or not: its kind, what it can do, and the memory it takes."""
    from voxtral_service.engine.catalog import known
    from voxtral_service.errors import ModelNotFound

    alias = known(name)
    try:
        facts = _facts(_registry().find(name))
    except ModelNotFound:
        if alias is None:
            raise
        facts = {**dict(zip(COLUMNS, _known_row(alias), strict=True)), "kind": str(alias.kind)}
        facts["fetch"] = f"voxtral models pull {alias.name}"
    if alias:
        facts |= {"hub id": alias.repository or "", "needs": alias.needs}
    for key, value in facts.items():
        if value:
            typer.echo(f"{key:<12}{value}")


@app.command("pull", cls=Command, no_args_is_help=True)
def pull(name: Name) -> None:
    """Fetch a model from the Hugging Face hub into the models folder; a transfer that broke off is carried on.

    Examples:

    \b
      voxtral models pull voxtral-mini-4b-realtime
      VOXTRAL_MODELS_DIR=/data/models voxtral models pull org/name
    """  # noqa: D301
    from voxtral_service.engine import download
    from voxtral_service.errors import CheckpointError, ModelNotFound

    registry = _registry()
    try:
        model = registry.find(name)
    except (ModelNotFound, CheckpointError):  # CheckpointError: an earlier transfer left only a part of it
        model = download.pull(registry, name)
        typer.echo(f"{model.name} is in {model.folder}")
    else:
        typer.echo(f"{model.name} is here already ({model.origin}: {model.folder})")


@app.command("rm", cls=Command, no_args_is_help=True)
def remove(name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Delete a model that was pulled."""
    folder = _registry().pulled(name)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if yes or typer.confirm(f"delete {folder} ({_gigabytes(size)})?", err=True):
        shutil.rmtree(folder)


def _registry() -> Registry:
    from voxtral_service import config
    from voxtral_service.engine.registry import Registry

    return Registry(config.load().models_dir)


def _row(model: InstalledModel) -> tuple[str, ...]:
    return (
        model.name,
        str(model.origin),
        _gigabytes(model.size),
        _count(model.parameters),
        " ".join(model.languages),
        model.licence or "",
    )


def _known_row(model: KnownModel) -> tuple[str, ...]:
    size, parameters = _gigabytes(model.size), _count(model.parameters)
    return model.name, NOT_HERE, size, parameters, " ".join(model.languages), model.licence


def _facts(model: InstalledModel) -> dict[str, str]:
    from voxtral_service.engine import loading
    from voxtral_service.engine.abilities import capabilities

    facts = {**dict(zip(COLUMNS, _row(model), strict=True)), "kind": str(model.kind), "folder": str(model.folder)}
    if (card := model.folder / "README.md").is_file():
        facts["card"] = str(card)
    if model.delay_ms is not None:
        facts["delay"] = f"{model.delay_ms} ms unless --delay says otherwise"
    can = ", ".join(_abilities(capabilities(model))) if model.kind.hears else "answer in the assistant, in words"
    facts["can"] = can
    device = loading.pick_device("auto")
    facts["memory"] = f"about {_gigabytes(loading.need(model, device=device))} on {device}"
    return facts


def _abilities(able: Capabilities) -> list[str]:
    """What a model can do, in words."""
    said = {
        "write while somebody speaks": able.live,
        "translate into English": able.translates,
        "tell the language": able.detects_language,
        "say how sure it is": able.logprobs,
        "follow a prompt": able.uses_prompt,
        "look out for given words": able.uses_vocabulary,
    }
    return [ability for ability, has in said.items() if has]


def _gigabytes(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _count(parameters: int | None) -> str:
    if parameters is None:
        return ""
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.1f} M"


def _print_table(rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column(column, no_wrap=column != "languages", overflow="fold")
    for *most, languages, licence in rows:
        spoken = languages.split()
        shown = languages if len(spoken) <= MOST_LANGUAGES else f"{' '.join(spoken[:MOST_LANGUAGES])} … ({len(spoken)})"
        row = (*most, shown, licence)
        table.add_row(*row, style="dim" if NOT_HERE in row else "")
    Console(highlight=False).print(table)
