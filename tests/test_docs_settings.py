"""The page of settings knows them all, with values that they may have."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from voxtral_service.config import Settings

PAGE = (Path(__file__).parents[1] / "docs" / "settings.md").read_text("utf-8")


def test_its_settings_are_those_there_are() -> None:
    [text] = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    values = tomllib.loads(text)
    assert set(values) == set(Settings.model_fields)
    Settings(**values)
