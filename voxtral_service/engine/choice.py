"""Which model to take when none was named."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.catalog import RECOMMENDED
from voxtral_service.engine.loading import fits
from voxtral_service.engine.registry import InstalledModel, Origin, Registry, hearing
from voxtral_service.errors import ModelNotFound

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model, and a line for the user when it was not they who chose it."""

    model: InstalledModel
    notice: str | None = None


def choose(registry: Registry, name: str, device: torch.device, *, live: bool = False) -> Choice:
    """The named model, or for `auto` the largest on this machine that fits the device; if `live`, that can be live.

    Raises like `Registry.find`, and ModelNotFound when there is nothing to choose from.
    """
    if name != AUTO:
        return Choice(hearing(registry.find(name)))
    here, _ = registry.installed()
    here = [model for model in here if model.kind.hears]
    models = [model for model in here if fits(model, device) and (capabilities(model).live or not live)]
    if not models:
        lack = f"none of the models on this machine fits {device}" if here else "there is no model on this machine"
        raise ModelNotFound(
            f"{lack}; fetch one with `voxtral models pull {RECOMMENDED.name}` (needs {RECOMMENDED.needs}) "
            "or name a folder with --model",
            field="model",
        )
    # Among equals the bundled one, which is the one whose quality is documented.
    model = max(models, key=lambda model: (model.parameters, model.origin is Origin.BUNDLED))
    return Choice(model, _notice(model, device))


def _notice(model: InstalledModel, device: torch.device) -> str:
    languages = ", ".join(model.languages) or "unknown languages"
    notice = f"using {model.name} ({model.origin}; {languages}) on {device}"
    if model.name == RECOMMENDED.name:
        return notice
    needs = "" if device.type == "cuda" else f" (needs {RECOMMENDED.needs})"
    return f"{notice}; for better transcripts: voxtral models pull {RECOMMENDED.name}{needs}"
