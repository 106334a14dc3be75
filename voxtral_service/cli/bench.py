"""`voxtral bench`: how many live streams this machine serves in time."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from voxtral_service.errors import InvalidOption

if TYPE_CHECKING:
    from voxtral_service.engine.capacity import Capacity


def bench(
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="An alias, a folder or a hub id; `voxtral models` lists them.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = None,
    dtype: Annotated[str | None, typer.Option("--dtype", help="auto, float32 or bfloat16.")] = None,
    max_streams: Annotated[int | None, typer.Option("--max-streams", help="The largest batch to measure.")] = None,
    lag_bound: Annotated[
        float | None, typer.Option("--lag-bound", help="Seconds after speech in which the final text must come.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures for a program.")] = False,
) -> None:
    """Measure the engine's step and tell how many live streams it holds: what `voxtral serve` does when it starts.

    The first run compiles a small model's step for this processor, as a server does in the background; about a minute.
    Of each batch the best of five steps counts. A machine that is busy with other work still holds less.

    Examples:

    \b
      voxtral bench
      voxtral bench --dtype float32
      voxtral bench --lag-bound 0.3 --json
    """  # noqa: D301
    from rich.console import Console

    from voxtral_service import config
    from voxtral_service.engine import loading
    from voxtral_service.engine.base import Measured
    from voxtral_service.engine.choice import choose
    from voxtral_service.engine.registry import Registry

    settings = config.load(model=model, device=device, dtype=dtype, max_streams=max_streams, lag_bound=lag_bound)
    target = loading.pick_device(settings.device)
    chosen = choose(Registry(settings.models_dir), settings.model, target, live=True).model
    slots = settings.max_streams or loading.places(chosen, target)
    compiling: loading.Compiling = "first" if settings.compile else "never"
    with Console(stderr=True).status(f"loading {chosen.name}; the first time its step is compiled, for about a minute"):
        engine = loading.load(chosen, device=target, dtype=settings.dtype, slots=slots, compiling=compiling)
    try:
        if not isinstance(engine, Measured):
            raise InvalidOption(f"{chosen.name} does not work in steps of 80 ms, so there are none to measure")
        capacity = engine.measure(settings.lag_bound)
    finally:
        engine.close()
    if as_json:
        print(json.dumps({"model": chosen.name, "device": str(target), **asdict(capacity)}))
    else:
        _show(capacity, f"{chosen.name} on {target}")


def _show(capacity: Capacity, title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"a step of 80 ms: {title}")
    for column in ("live streams", "step ms", "a stream ms", "of real time"):
        table.add_column(column, justify="right")
    for step in capacity.steps:
        own = f"{1000 * step.seconds / step.streams:.2f}"
        table.add_row(str(step.streams), f"{1000 * step.seconds:.1f}", own, f"{step.seconds / 0.08:.0%}")
    console = Console()
    console.print(table)
    console.print(
        f"[bold]{capacity.streams}[/] live streams with their final text within {1000 * capacity.bound:g} ms"
        if capacity.streams
        else f"not one live stream with its final text within {1000 * capacity.bound:g} ms"
    )
