"""What docs/assistant-models.md shows is taken by the program, and its snippet runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.fakes import SpellingEngine, spelling_pool
from voxtral_service.assistant import setup
from voxtral_service.assistant.llm_endpoint import Endpoint
from voxtral_service.assistant.llm_local import WAITING, WRITING
from voxtral_service.config import Settings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "assistant-models.md").read_text("utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if "voxtral serve" in line
]
(SNIPPET,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", [command for command in COMMANDS if "--llm-url" in command])
def test_a_server_is_plugged_in(command: str) -> None:
    words = shlex.split(command)
    options = dict(pairwise(words))
    given = Settings(llm_url=options["--llm-url"], llm_model=options["--llm-model"])
    model = setup.language_model(given, spelling_pool(SpellingEngine())).model
    assert isinstance(model, Endpoint)
    assert "/chat/completions" not in model.settings.base_url


def test_the_commands_are_there() -> None:
    assert len(COMMANDS) == 5
    assert {word for command in COMMANDS for word in shlex.split(command) if word.startswith("--")} == {
        "--llm-url",
        "--llm-model",
    }
    assert (WRITING, WAITING) == (2, 16)  # "two answers are written at once, sixteen more wait"


def test_the_snippet_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SNIPPET],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )
    assert "391" in done.stdout, done.stderr
