"""Jobs over HTTP, on a real socket."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.jobs.conftest import ROOT
from tests.jobs.slow import SAMPLE, SECONDS
from tests.server.conftest import Running, Serve
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.engine.base import Capabilities
from voxtral_service.engine.pool import EnginePool
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.runner import Pace
from voxtral_service.jobs.service import JobLimits, Jobs
from voxtral_service.server.keys import ApiKey, hashed
from voxtral_service.server.state import FileSettings

SPEECH = SAMPLE.read_bytes()
KEYS = tuple(ApiKey(name, hashed(f"vx_{name}")) for name in ("me", "you"))
MakeJobs = Callable[[EnginePool], Jobs]


@pytest.fixture
def make_jobs(tmp_path: Path, new_sqlite: Path) -> MakeJobs:
    shutil.copy(new_sqlite, tmp_path / "jobs.db")

    def make(pool: EnginePool) -> Jobs:
        fetcher = Fetcher(("127.0.0.1:1",), max_bytes=10_000_000)
        database = Database.open(f"sqlite:///{tmp_path / 'jobs.db'}")
        folder = FileFolder(tmp_path / "jobs")
        pace, limits = Pace(poll=0.05, retry=0.05), JobLimits(most=3)
        return Jobs(database, folder, pool, fetcher, fetcher, ROOT, pace=pace, limits=limits)

    return make


@pytest.fixture
async def server(serve: Serve, make_jobs: MakeJobs) -> AsyncIterator[Running]:
    capabilities = Capabilities(live=True, longest_segment=3.0)
    async with serve(
        keys=KEYS, jobs=make_jobs, capabilities=capabilities, files=FileSettings(max_upload=10**6)
    ) as state:
        yield state


def client(server: Running, key: str = "me") -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer vx_{key}"}
    return httpx2.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=30)


async def ended(http: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            job: dict[str, Any] = (await http.get(f"/v1/jobs/{id}")).json()
            if job["status"] in ("succeeded", "failed", "cancelled"):
                return job
            await asyncio.sleep(0.05)


async def send(
    http: httpx2.AsyncClient, content: bytes = SPEECH, *, headers: dict[str, str] | None = None, **fields: Any
) -> httpx2.Response:
    return await http.post("/v1/jobs", files={"file": ("talk.wav", content)}, data=fields, headers=headers)


async def test_a_form_makes_a_job_whose_result_comes_in_every_format(server: Running) -> None:
    async with client(server) as http:
        made = await send(http, formats=["srt", "json"], language="en", priority="5")
        assert made.status_code == 201
        job = made.json()
        assert made.headers["location"] == f"/v1/jobs/{job['id']}"
        assert (job["object"], job["model"], job["source"], job["priority"]) == ("job", "spelling", "talk.wav", 5)
        done = await ended(http, job["id"])
        assert (done["status"], done["progress"], done["audio_seconds"]) == ("succeeded", 1.0, SECONDS)
        assert done["error"] is None
        assert list(done["results"]) == ["srt", "json"]
        first = await http.get(f"/v1/jobs/{job['id']}/result")
        assert first.text.startswith("1\n00:00:0")
        assert first.headers["content-type"] == "text/plain; charset=utf-8"
        plain = (await http.get(done["results"]["json"])).json()
        assert len(plain["text"].split()) > 50
        verbose = (await http.get(f"/v1/jobs/{job['id']}/result", params={"format": "verbose_json"})).json()
        assert verbose["text"] == plain["text"]
        assert (verbose["duration"], verbose["language"]) == (SECONDS, "english")
        assert verbose["segments"][-1]["end"] == pytest.approx(SECONDS, abs=0.1)  # the fake's words are that long
        for format in ("text", "vtt"):
            assert (await http.get(f"/v1/jobs/{job['id']}/result", params={"format": format})).status_code == 200


async def test_a_key_sees_its_own_jobs_and_no_others(server: Running) -> None:
    async with client(server) as http, client(server, "you") as other:
        ids = [(await send(http)).json()["id"] for _ in range(3)]
        for method, path in [
            ("GET", ""),
            ("GET", "/result"),
            ("GET", "/events"),
            ("POST", "/cancel"),
            ("DELETE", ""),
        ]:
            refused = await other.request(method, f"/v1/jobs/{ids[0]}{path}")
            assert (refused.status_code, refused.json()["error"]["code"]) == (404, "job_not_found")
        assert (await other.get("/v1/jobs")).json()["data"] == []
        page = (await http.get("/v1/jobs", params={"limit": 2})).json()
        assert ([job["id"] for job in page["data"]], page["has_more"]) == ([ids[2], ids[1]], True)
        rest = (await http.get("/v1/jobs", params={"after": page["last_id"]})).json()
        assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([ids[0]], False)
        for id in ids:
            await ended(http, id)
        assert len((await http.get("/v1/jobs", params={"status": "succeeded"})).json()["data"]) == 3
        nobody = httpx2.AsyncClient(base_url=server.url, trust_env=False)
        assert (await nobody.get("/v1/jobs")).status_code == 401
        await nobody.aclose()


async def test_a_request_sent_again_makes_no_second_job(server: Running) -> None:
    async with client(server) as http:
        key = {"Idempotency-Key": "monday"}
        first = await send(http, headers=key)
        again = await send(http, headers=key)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        other = await send(http, headers=key, language="de")
        assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
        assert len((await http.get("/v1/jobs")).json()["data"]) == 1
        await ended(http, first.json()["id"])


async def test_deleting_cancels_and_forgets(server: Running) -> None:
    server.engine.hold = asyncio.Event()
    async with client(server) as http:
        id = (await send(http)).json()["id"]
        early = await http.get(f"/v1/jobs/{id}/result")
        assert (early.status_code, early.json()["error"]["code"]) == (409, "job_not_finished")
        cancelled = (await http.post(f"/v1/jobs/{id}/cancel")).json()
        assert cancelled["status"] == "cancelled"
        assert (await http.delete(f"/v1/jobs/{id}")).json() == {"id": id, "object": "job", "deleted": True}
        assert (await http.get(f"/v1/jobs/{id}")).status_code == 404


async def test_a_watcher_hears_each_segment_once_and_then_the_end(server: Running) -> None:
    async with client(server) as http:
        id = (await send(http)).json()["id"]
        events = (await http.get(f"/v1/jobs/{id}/events")).text.strip().split("\n\n")
        fields = [dict(line.split(": ", 1) for line in event.split("\n")) for event in events]
        segments = [event for event in fields if event["event"] == "segment"]
        assert [int(event["id"]) for event in segments] == list(range(len(segments)))
        assert fields[-1]["event"] == "end"
        end = json.loads(fields[-1]["data"])
        assert (end["status"], end["segments"]) == ("succeeded", len(segments))
        late = (await http.get(f"/v1/jobs/{id}/events", headers={"Last-Event-ID": "1"})).text
        assert late.startswith("id: 2\n")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"formats": "docx"}, "formats.0"),
        ({"priority": "1000"}, "priority"),
        ({"temperature": "warm"}, "temperature"),
        ({"color": "blue"}, "color"),
        ({"webhook_url": "http://10.0.0.1/"}, "webhook_url"),
        ({"webhook_url": "file:///etc/passwd"}, "webhook_url"),
        ({"url": "http://127.0.0.1:1/"}, "file"),
    ],
)
async def test_fields_that_cannot_be_are_named(server: Running, fields: dict[str, Any], param: str) -> None:
    async with client(server) as http:
        refused = await send(http, **fields)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
        assert server.state.jobs is not None
        assert [file for file in server.state.jobs.folder.path.rglob("*") if file.is_file()] == []


async def test_bodies_that_are_no_job(server: Running) -> None:
    async with client(server) as http:
        json_type = {"Content-Type": "application/json"}
        for body in (b"{", b"[]", b"{}", b'{"url": 1}', b'{"url": "http://[::1"}', b"[" * 100_000, b'"\\ud800"'):
            refused = await http.post("/v1/jobs", content=body, headers=json_type)
            assert refused.status_code == 400, body[:20]
        large = await http.post("/v1/jobs", content=b" " * (2**20 + 1), headers=json_type)
        assert large.status_code == 413
        assert (await send(http, b"0" * 3 * 10**6)).status_code == 413
        assert (await http.post("/v1/jobs", content=b"x")).status_code == 400
        assert (await send(http, model="someone/else")).status_code == 404
        away = await http.post("/v1/jobs", json={"url": "http://192.0.2.1/talk.wav"})
        assert (away.status_code, away.json()["error"]["param"]) == (400, "url")


async def test_a_key_may_have_so_many_open_jobs(server: Running) -> None:
    server.engine.hold = asyncio.Event()
    async with client(server) as http, client(server, "you") as other:
        for _ in range(3):
            assert (await send(http)).status_code == 201
        full = await send(http)
        assert (full.status_code, full.json()["error"]["code"]) == (503, "overloaded")
        assert (await send(other)).status_code == 201


async def test_an_address_is_fetched_when_the_jobs_turn_comes_and_failures_are_told(server: Running) -> None:
    async with client(server) as http:
        made = await http.post("/v1/jobs", json={"url": "http://127.0.0.1:1/a/talk.wav?x=1", "formats": ["vtt"]})
        assert (made.status_code, made.json()["source"]) == (201, "talk.wav")
        failed = await ended(http, made.json()["id"])
        assert (failed["status"], failed["error"]["code"]) == ("failed", "upstream_error")
        none = await http.get(f"/v1/jobs/{failed['id']}/result")
        assert none.status_code == 409
        assert failed["error"]["message"] in none.json()["error"]["message"]


async def test_webhooks_are_signed_with_the_keys_own_secret(server: Running) -> None:
    async with client(server) as http, client(server, "you") as other:
        mine = (await http.get("/v1/webhooks/secret")).json()["secret"]
        assert mine.startswith("whsec_")
        assert (await other.get("/v1/webhooks/secret")).json()["secret"] != mine
        made = await send(http, webhook_url="http://127.0.0.1:1/hook")
        await ended(http, made.json()["id"])
        async with asyncio.timeout(20):
            while not (sent := (await http.get("/v1/webhooks")).json()["data"]) or not sent[0]["failed_attempts"]:
                await asyncio.sleep(0.05)
        assert (sent[0]["status"], sent[0]["event"]) == ("pending", "job.succeeded")
        assert sent[0]["next_attempt_at"] is not None
        assert (await other.get("/v1/webhooks")).json()["data"] == []
        assert (await other.post(f"/v1/webhooks/{sent[0]['id']}/retry")).status_code == 404
        assert (await http.post(f"/v1/webhooks/{sent[0]['id']}/retry")).json()["status"] == "pending"


async def test_a_server_without_jobs_has_no_such_routes(serve: Serve) -> None:
    async with serve() as state, client(state) as http:
        assert (await http.get("/v1/jobs")).status_code == 404
        assert "/v1/jobs" not in (await http.get("/openapi.json")).json()["paths"]


async def test_the_openapi_page_has_the_routes(server: Running) -> None:
    async with client(server) as http:
        page = await http.get("/openapi.json")
        wrong = (await http.get("/v1/jobs", params={"limit": 0})).json()
    paths = page.json()["paths"]
    assert {"multipart/form-data", "application/json"} == paths["/v1/jobs"]["post"]["requestBody"]["content"].keys()
    assert {"200", "201", "400", "413", "422", "503"} <= paths["/v1/jobs"]["post"]["responses"].keys()
    assert {"200", "404", "409"} <= paths["/v1/jobs/{id}/result"]["get"]["responses"].keys()
    told = paths["/v1/jobs"]["get"]["responses"]["422"]["content"]["application/json"]["schema"]
    assert set(told["required"]) == wrong.keys() == {"error", "detail"}
    assert "HTTPValidationError" not in page.text  # FastAPI's own shape, which nothing here has
