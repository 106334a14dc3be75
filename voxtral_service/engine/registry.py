"""Which models are on this machine, and where.

Three places are searched, in this order: the models that come with the package, the user's models folder, the
Hugging Face cache. Nothing here imports torch, reads weights or touches the network.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from voxtral_service.engine.catalog import CATALOG, known
from voxtral_service.engine.kinds import Kind, Layout, configs, layout_of
from voxtral_service.engine.weights import parameters, weight_files
from voxtral_service.engine.whisper_files import whisper_languages
from voxtral_service.errors import CheckpointError, ModelNotFound, VoxtralError
from voxtral_service.voxtral.config import SAMPLE_RATE, SAMPLES_PER_TOKEN
from voxtral_service.voxtral.config_files import HUGGING_FACE_CONFIG, read_hugging_face_config, read_mistral_config

CARD = "README.md"
_PACKAGE = Path(__file__).parents[1]


class Origin(StrEnum):
    """Where a model lies."""

    BUNDLED = "bundled"
    FOLDER = "folder"
    HUB_CACHE = "hub cache"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A complete model folder; `name` is what finds it again."""

    name: str
    folder: Path
    origin: Origin
    parameters: int
    size: int
    """Bytes of its weights."""
    languages: tuple[str, ...]
    licence: str | None
    delay_ms: int | None
    """The delay that it has unless asked for another; None where words have no set delay."""
    kind: Kind = Kind.VOXTRAL_REALTIME


def bundled_folder() -> Path:
    """The models that come with the package: inside it when installed, beside it in a checkout."""
    inside = _PACKAGE / "models"
    return inside if inside.is_dir() else _PACKAGE.parent / "models"


def hub_cache_folder() -> Path:
    """Where `huggingface_hub` keeps what it has fetched, by its own variables."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


@dataclass(frozen=True, slots=True)
class Registry:
    """The models of this machine."""

    models_dir: Path
    bundled_dir: Path = field(default_factory=bundled_folder)
    hub_cache: Path = field(default_factory=hub_cache_folder)

    def find(self, name: str) -> InstalledModel:
        """The model of an alias, a folder or a hub id.

        Raises ModelNotFound with the command that fetches it, CheckpointError when what is there is incomplete or of
        another kind.
        """
        path = Path(name).expanduser()
        try:
            return self.named(name)
        except ModelNotFound:
            if path.is_dir():
                return examine(path, path.resolve().name, Origin.FOLDER)
            if name.startswith(("~", ".", "/")) or name.count("/") > 1:
                raise ModelNotFound(f"there is no folder {name}; check the path", field="model") from None
            raise

    def named(self, name: str) -> InstalledModel:
        """The model of an alias or a hub id, as `find`; what merely lies in some folder is not looked at."""
        alias = known(name)
        wanted = alias.name if alias else name
        for candidate, folder, origin in self._candidates():
            if candidate == wanted:
                return examine(folder, candidate, origin)
        raise self._not_found(wanted)

    def installed(self) -> tuple[list[InstalledModel], list[CheckpointError]]:
        """All usable models, and what is wrong with the others; strangers in the Hugging Face cache do not count."""
        models: dict[str, InstalledModel] = {}
        faults: list[CheckpointError] = []
        for name, folder, origin in self._candidates():
            try:
                models.setdefault(name, examine(folder, name, origin))
            except CheckpointError as error:
                if origin is not Origin.HUB_CACHE:
                    faults.append(error)
        return list(models.values()), faults

    def pulled(self, name: str) -> Path:
        """The folder of a model that lies in the models folder, complete or not; raises ModelNotFound for any other."""
        alias = known(name)
        wanted = alias.name if alias else name
        for candidate, folder, origin in self._candidates():
            if candidate == wanted and origin is Origin.FOLDER:
                return folder
        where = self.find(name).origin
        raise ModelNotFound(
            f"{name} was not pulled into {self.models_dir} ({where}), so it is not removed", field="model"
        )

    def folder_for(self, name: str) -> Path:
        """Where a model is put when it is fetched."""
        return self.models_dir / name

    def _candidates(self) -> Iterator[tuple[str, Path, Origin]]:
        for folder in _model_folders(self.bundled_dir):
            yield folder.name, folder, Origin.BUNDLED
        for folder in _model_folders(self.models_dir):
            yield folder.relative_to(self.models_dir).as_posix(), folder, Origin.FOLDER
        for cached in sorted(self.hub_cache.glob("models--*--*")):
            repository = cached.name.removeprefix("models--").replace("--", "/", 1)
            alias = known(repository)
            if snapshot := _snapshot(cached):
                yield alias.name if alias else repository, snapshot, Origin.HUB_CACHE

    def _not_found(self, name: str) -> VoxtralError:
        alias = known(name)
        if alias and alias.repository is None:
            return ModelNotFound(
                f"{name} comes with this package and is missing from it; install it again", field="model"
            )
        if alias or name.count("/") == 1:
            return ModelNotFound(
                f"{name} is not on this machine; fetch it with: voxtral models pull {name}", field="model"
            )
        names = [model.name for model in CATALOG] + [candidate for candidate, _, _ in self._candidates()]
        meant = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {meant[0]}?" if meant else "`voxtral models` lists those there are"
        return ModelNotFound(f"there is no model called {name}; {hint}", field="model")


def examine(folder: Path, name: str, origin: Origin) -> InstalledModel:
    """What a model folder says about itself.

    Raises CheckpointError if it holds no model of a kind that runs here, or not all of its files.
    """
    layout = layout_of(folder)
    weights = weight_files(folder, layout)
    missing = [file.name for file in (*weights, *(folder / name for name in layout.needed)) if not file.is_file()]
    if missing:
        raise CheckpointError(f"the model in {folder} lacks {', '.join(missing)}; fetch it again")
    alias = known(name)
    languages, licence = (alias.languages, alias.licence) if alias else _card(folder / CARD)
    return InstalledModel(
        name=name,
        folder=folder,
        origin=origin,
        parameters=sum(map(parameters, weights)),
        size=sum(file.stat().st_size for file in weights),
        languages=languages or _languages(folder, layout),
        licence=licence,
        delay_ms=_delay(folder, layout),
        kind=layout.kind,
    )


def hearing(model: InstalledModel) -> InstalledModel:
    """A model that has an engine; raises ModelNotFound for one that only writes."""
    if not model.kind.hears:
        raise ModelNotFound(f"{model.name} is a language model: it answers, and transcribes nothing", field="model")
    return model


def _delay(folder: Path, layout: Layout) -> int | None:
    if layout.kind is not Kind.VOXTRAL_REALTIME:
        return None
    read = read_hugging_face_config if layout.config == HUGGING_FACE_CONFIG else read_mistral_config
    return read(folder / layout.config).default_delay_tokens * SAMPLES_PER_TOKEN * 1000 // SAMPLE_RATE


def _languages(folder: Path, layout: Layout) -> tuple[str, ...]:
    return whisper_languages(folder) if layout.kind is Kind.WHISPER else ()


def _model_folders(root: Path) -> Iterator[Path]:
    """Model folders in a folder, and one level down: hub ids have an organisation in front."""
    for depth in ("*", "*/*"):
        yield from sorted({file.parent for file in configs(root, depth)})


def _snapshot(cached: Path) -> Path | None:
    """The revision of a cached repository that its main branch points at, if it was fetched."""
    try:
        revision = (cached / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        return None
    folder = cached / "snapshots" / revision
    return folder if folder.is_dir() else None


def _card(path: Path) -> tuple[tuple[str, ...], str | None]:
    """Languages and licence from the front matter of a model card."""
    from huggingface_hub import metadata_load

    try:
        data = metadata_load(path) or {}
    except Exception:  # noqa: BLE001  (a card is prose: whatever is wrong with it, the model is not)
        return (), None
    languages = data.get("language") or []
    licence = data.get("license")
    return tuple(map(str, [languages] if isinstance(languages, str) else languages)), licence and str(licence)
