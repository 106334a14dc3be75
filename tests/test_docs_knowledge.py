"""What docs/knowledge.md shows works against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.assistant import files
from tests.assistant.kit import ScriptedModel
from tests.server.conftest import Running, running
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.document_text import MAX_CHARACTERS, MAX_PAGES
from voxtral_service.assistant.knowledge import Knowledge, KnowledgeLimits
from voxtral_service.assistant.memories import MAX_TEXT
from voxtral_service.assistant.reading import MEMORY, SECONDS
from voxtral_service.chat import ToolCall
from voxtral_service.config import Settings
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder

PAGE = (Path(__file__).parents[1] / "docs" / "knowledge.md").read_text("utf-8")
MEMORIES, PROJECTS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(CONVERSATION,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
HANDBOOK = files.pdf(["Welcome to the handbook.", "The warranty of the frame lasts seven years."])


@pytest.fixture
def knowledge(tmp_path: Path, new_sqlite: Path) -> Knowledge:
    shutil.copy(new_sqlite, tmp_path / "voxtral.db")
    return Knowledge(Database.open(f"sqlite:///{tmp_path / 'voxtral.db'}"), FileFolder(tmp_path / "documents"))


@pytest.fixture
async def server(knowledge: Knowledge) -> AsyncIterator[Running]:
    search = ToolCall("c", "search_documents", '{"query":"How long does the warranty last?"}')
    model = ScriptedModel([[search], ["Seven years, says the handbook on page 2."]], first=0.0)
    assistant = Assistant(model, None, AssistantSettings(), knowledge=knowledge)
    async with running(assistant=assistant, knowledge=knowledge) as state:
        yield state


async def printed(server: Running, folder: Path, *command: str, **environment: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        [part.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}") for part in command],
        cwd=folder,
        env={**os.environ, "no_proxy": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_shell_commands(server: Running, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "handbook.pdf").write_bytes(HANDBOOK)
    said = await printed(server, here, "bash", "-euo", "pipefail", "-c", MEMORIES + PROJECTS)
    assert '{"enabled":true}' in said
    assert "Rex and Max" in said
    assert '"deleted":true' in said
    assert '{"object":"memories","deleted":0}' in said
    assert '"source":"handbook.pdf, pages 1-2"' in said
    assert '"text":"The warranty of the frame lasts seven years."' in said
    assert "error" not in said
    assert json.loads((here / "memories.json").read_text())["memories"][0]["text"].endswith("Rex and Max")
    assert (here / "copy.pdf").read_bytes() == HANDBOOK


async def test_a_conversation_in_a_project(server: Running, knowledge: Knowledge, tmp_path: Path) -> None:
    project = knowledge.projects.create("anonymous", "Bicycles")
    with knowledge.folder.incoming() as incoming:
        incoming.write_bytes(HANDBOOK)
        await knowledge.take_in(project.id, "anonymous", "handbook.pdf", incoming)
    said = await printed(server, tmp_path, sys.executable, "-W", "ignore", "-c", CONVERSATION, PROJECT=project.id)
    assert said == "Seven years, says the handbook on page 2."


def test_its_figures_are_those_there_are() -> None:
    limits = KnowledgeLimits()
    table = PAGE.partition("## Settings")[2]
    names = re.findall(r"`(\w+)`", table)
    assert set(names) <= Settings.model_fields.keys()
    for name, value in {
        "memories_most": limits.memories,
        "projects_most": limits.projects,
        "documents_most": limits.documents,
    }.items():
        assert Settings.model_fields[name].default == value
        assert re.search(rf"`{name}` \|.*: {value:,} \|", table)
    assert Settings.model_fields["max_document"].default == limits.document_bytes == 100 * 2**20
    assert f"{MAX_PAGES:,} pages, {MAX_CHARACTERS // 1_000_000} million characters" in PAGE
    assert f"at most {MAX_TEXT} characters" in PAGE
    assert (MEMORY, SECONDS) == (2**30, 180)
