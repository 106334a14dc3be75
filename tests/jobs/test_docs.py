"""What docs/jobs.md shows works against a real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests import snippets
from tests.jobs.conftest import ROOT as SECRET
from tests.jobs.slow import SAMPLE
from tests.server.conftest import Running, running
from tests.server.test_run import free_port
from voxtral_service.config import Settings
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.runner import Pace
from voxtral_service.jobs.service import Jobs

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text("utf-8")
(SHELL,) = snippets.blocks(PAGE, "sh")
(RECEIVER,) = snippets.blocks(PAGE, "python")


@pytest.fixture
def hook_port() -> int:
    return free_port()


@pytest.fixture
async def server(tmp_path: Path, new_sqlite: Path, hook_port: int) -> AsyncIterator[Running]:
    shutil.copy(new_sqlite, tmp_path / "jobs.db")
    fetcher = Fetcher((f"127.0.0.1:{hook_port}",), max_bytes=10**6)

    def jobs(pool: object) -> Jobs:
        database = Database.open(f"sqlite:///{tmp_path / 'jobs.db'}")
        folder = FileFolder(tmp_path / "jobs")
        return Jobs(database, folder, pool, fetcher, fetcher, SECRET, pace=Pace(poll=0.05))  # type: ignore[arg-type]

    async with running(jobs=jobs) as state:
        yield state


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_shell_commands(server: Running, tmp_path: Path) -> None:
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    bash = ("bash", "-euo", "pipefail", "-c", SHELL)
    said = await snippets.printed(*bash, folder=tmp_path, port=server.port, no_proxy="127.0.0.1")
    assert (tmp_path / "talk.srt").read_text().startswith("1\n00:00:0")
    assert "event: segment" in said
    assert '"status": "succeeded"' in said
    assert '"deleted":true' in said


async def test_the_receiver(server: Running, hook_port: int, tmp_path: Path) -> None:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as http:
        secret = (await http.get("/v1/webhooks/secret")).json()["secret"]
        program = RECEIVER.replace("whsec_...", secret).replace("9000", str(hook_port))
        receiver = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            assert receiver.stdout is not None
            url = f"http://127.0.0.1:{hook_port}/hook"
            form = {"webhook_url": url}
            job = (await http.post("/v1/jobs", files={"file": ("talk.wav", SAMPLE.read_bytes())}, data=form)).json()
            line = await asyncio.wait_for(receiver.stdout.readline(), 60)
            assert line.decode().split() == ["job.succeeded", job["id"]]
            forged = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
            assert (await http.post(url, content=b"{}", headers=forged)).status_code == 400
        finally:
            receiver.kill()
            await receiver.wait()


def test_the_settings_are_there() -> None:
    table = PAGE.partition("## Settings")[2]
    names = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(names) == 7
    assert set(names) <= Settings.model_fields.keys()
