from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests import tiny
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.model import VoxtralRealtime


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """`tests.reference`, that is stock transformers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("tests.reference")


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A float32 folder of each shape in the Hugging Face layout."""
    root = tmp_path_factory.mktemp("models")
    return {name: tiny.write_model(root / name, config) for name, config in tiny.SHAPES.items()}


@pytest.fixture(scope="session")
def models(folders: dict[str, Path]) -> dict[str, VoxtralRealtime]:
    return {name: checkpoint.load(folder, dtype=torch.float32) for name, folder in folders.items()}


@pytest.fixture(scope="session")
def theirs(reference: ModuleType, folders: dict[str, Path]) -> dict[str, object]:
    """The same models, loaded by transformers."""
    return {name: reference.load(folder) for name, folder in folders.items()}
