"""Fetching models from the Hugging Face hub, and removing them again."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from voxtral_service.engine.catalog import known
from voxtral_service.engine.kinds import CHAT_TEMPLATES, LAYOUTS, layout_of
from voxtral_service.engine.registry import InstalledModel, Origin, Registry, examine
from voxtral_service.errors import CallerError, CheckpointError, ModelNotFound, UpstreamError

SPARE = 1_000_000_000
"""Bytes to leave free on the disk."""
_COMMON = ("README.md", "LICENSE*")


def pull(registry: Registry, name: str) -> InstalledModel:
    """Fetch a model into the models folder, with progress on standard error; what broke off before is carried on.

    Raises ModelNotFound when the hub has no such model or it is none that runs here, UpstreamError when the hub cannot
    be reached or breaks off, CallerError when the disk is too small.
    """
    # Its import takes a while and nothing else needs it.
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        HFValidationError,
        HTTPError,  # of its HTTP client, another one in each of its versions; not listed as its own
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    alias = known(name)
    repository = alias.repository if alias else name
    if repository is None:
        raise ModelNotFound(f"{name} only comes with this package; install it again to get it back")
    if repository.count("/") != 1:
        raise ModelNotFound(f"{name} is neither a known model nor a hub id such as org/name; see `voxtral models`")
    target = registry.folder_for(alias.name if alias else name)
    try:
        info = HfApi().model_info(repository, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        files = wanted_files(sizes)
        _check_architecture(repository, info.sha, files)
        _check_room(target, sum(sizes[file] for file in files))
        with _bars(shown=sys.stderr.isatty()):
            snapshot_download(repository, revision=info.sha, local_dir=target, allow_patterns=files)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelNotFound(
            f"the hub has no model {repository}, or it is private; check the name, or set HF_TOKEN"
        ) from error
    except OfflineModeIsEnabled as error:
        raise UpstreamError(f"cannot fetch {name}: HF_HUB_OFFLINE is set; unset it and try again") from error
    except (HTTPError, ConnectionError, TimeoutError) as error:
        raise UpstreamError(
            f"cannot fetch {name} from the hub ({_first_line(error)}); connect and run the same command again, or "
            f"copy the model's folder to {target}"
        ) from error
    return examine(target, target.relative_to(registry.models_dir).as_posix(), Origin.FOLDER)


def wanted_files(names: Iterable[str]) -> list[str]:
    """The files of a repository that this project reads: one layout, not both; none if it has none that runs here."""
    names = sorted(names)
    for layout in LAYOUTS:
        weights = any(fnmatch(name, pattern) for name in names for pattern in layout.weights)
        if weights and {layout.config, *layout.needed} <= set(names):
            # Kinds that look alike by the names of their files are fetched alike.
            like = [other for other in LAYOUTS if (other.config, other.weights) == (layout.config, layout.weights)]
            patterns = [p for other in like for p in (other.config, *other.weights, *other.needed, *other.also)]
            return [name for name in names if any(fnmatch(name, pattern) for pattern in (*patterns, *_COMMON))]
    return []


def _check_architecture(repository: str, revision: str | None, files: list[str]) -> None:
    """Look at the configuration alone before gigabytes of something else are fetched."""
    from huggingface_hub import snapshot_download

    if not files:
        raise ModelNotFound(
            f"{repository} does not run here: it has not the files of a Voxtral model, of a Whisper model for "
            "CTranslate2, nor of a language model"
        )
    with tempfile.TemporaryDirectory() as scratch, _bars(shown=False):
        configs = sorted({*(layout.config for layout in LAYOUTS), *CHAT_TEMPLATES})
        snapshot_download(repository, revision=revision, local_dir=scratch, allow_patterns=configs)
        try:
            layout_of(Path(scratch))
        except CheckpointError as error:
            why = str(error).replace(f"{scratch}/", "its ")
            raise ModelNotFound(f"{repository} does not run here: {why}") from error


def _check_room(target: Path, needed: int) -> None:
    existing = next(folder for folder in (target, *target.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed + SPARE > free:
        raise CallerError(
            f"the disk of {existing} has {free / 1e9:.1f} GB free and the model takes {needed / 1e9:.1f} GB; "
            "free some, or set VOXTRAL_MODELS_DIR to a folder on a larger disk"
        )


@contextlib.contextmanager
def _bars(*, shown: bool) -> Iterator[None]:
    """Whether the hub's client draws progress; it knows only one switch for the whole process."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented there, though not listed as its own
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    were_disabled = are_progress_bars_disabled()
    if not shown:
        disable_progress_bars()
    try:
        yield
    finally:
        if not were_disabled:
            enable_progress_bars()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
