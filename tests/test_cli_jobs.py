"""`voxtral jobs` and `voxtral db`, beside a real server."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.jobs.slow import SAMPLE
from tests.server.conftest import Running, running
from tests.server.test_jobs import KEYS, MakeJobs, make_jobs  # noqa: F401
from voxtral_service.cli.app import app


@pytest.fixture
async def server(make_jobs: MakeJobs) -> AsyncIterator[Running]:  # noqa: F811
    async with running(keys=KEYS, jobs=make_jobs) as state:
        yield state


async def voxtral(server: Running, *arguments: str, key: str | None = "vx_me") -> Result:
    options = ["--server", server.url, *(["--key", key] if key else [])]
    return await asyncio.to_thread(CliRunner().invoke, app, ["jobs", *arguments, *options])


async def test_a_recording_is_sent_watched_and_fetched(server: Running, tmp_path: Path) -> None:
    shutil.copy(SAMPLE, tmp_path / "talk.wav")
    sent = await voxtral(server, "submit", str(tmp_path / "talk.wav"), "--format", "srt", "--format", "json")
    assert sent.exit_code == 0, sent.output
    id = sent.stdout.strip()
    async with asyncio.timeout(30):
        while json.loads((await voxtral(server, "show", id)).stdout)["status"] != "succeeded":
            await asyncio.sleep(0.3)
    assert (await voxtral(server, "result", id)).stdout.startswith("1\n00:00:0")
    assert len((await voxtral(server, "result", id, "--format", "text")).stdout.split()) > 50
    listed = (await voxtral(server, "list", "--status", "succeeded")).stdout.splitlines()
    assert [line.split("\t") for line in listed[1:]] == [[id, "succeeded", "100%", "spelling", "talk.wav"]]
    assert (await voxtral(server, "cancel", id)).stdout == "succeeded\n"
    assert (await voxtral(server, "rm", id)).exit_code == 0
    assert (await voxtral(server, "show", id)).exit_code == 2


async def test_refusals_are_one_line(server: Running, tmp_path: Path) -> None:
    for arguments, key, says in [
        (["list"], None, "VOXTRAL_API_KEY"),
        (["show", "job_none"], "vx_me", "there is no job"),
        (["submit", "http://192.0.2.1/talk.wav"], "vx_me", "list of hosts"),
        (["submit", str(tmp_path / "none.wav")], "vx_me", "No such file"),
    ]:
        done = await voxtral(server, *arguments, key=key)
        assert done.exit_code in (1, 2)
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_server_that_is_not_there() -> None:
    done = CliRunner().invoke(app, ["jobs", "list", "--server", "http://127.0.0.1:1"])
    assert (done.exit_code, "voxtral serve" in done.stderr) == (1, True)


def test_the_database_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXTRAL_DATA_DIR", str(tmp_path / "new"))
    assert CliRunner().invoke(app, ["db", "upgrade"]).stdout == "from revision none to 0002\n"
    assert CliRunner().invoke(app, ["db", "upgrade"]).stdout == "at revision 0002\n"
    monkeypatch.setenv("VOXTRAL_DATABASE_URL", "mysql://localhost/x")
    refused = CliRunner().invoke(app, ["db", "upgrade"])
    assert (refused.exit_code, "SQLite and PostgreSQL" in refused.stderr) == (2, True)
