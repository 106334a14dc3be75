"""Memories and projects over HTTP, on a real socket."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute

from tests.assistant import files
from tests.server.conftest import Running, Serve
from voxtral_service.assistant.knowledge import Knowledge, KnowledgeLimits
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.server import memories, projects
from voxtral_service.server.keys import ApiKey, hashed

KEYS = tuple(ApiKey(name, hashed(f"vx_{name}")) for name in ("me", "you"))


@pytest.fixture
def knowledge(tmp_path: Path, new_sqlite: Path) -> Knowledge:
    shutil.copy(new_sqlite, tmp_path / "voxtral.db")
    limits = KnowledgeLimits(memories=3, projects=2, documents=2, document_bytes=100_000)
    database = Database.open(f"sqlite:///{tmp_path / 'voxtral.db'}")
    return Knowledge(database, FileFolder(tmp_path / "documents"), limits=limits)


@pytest.fixture
async def server(serve: Serve, knowledge: Knowledge) -> AsyncIterator[Running]:
    async with serve(keys=KEYS, knowledge=knowledge) as state:
        yield state


def client(server: Running, key: str = "me") -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer vx_{key}"}
    return httpx2.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=60)


def refused(answer: httpx2.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["code"], error["param"]


async def switched_on(http: httpx2.AsyncClient) -> None:
    assert (await http.put("/v1/memories/settings", json={"enabled": True})).json() == {"enabled": True}


async def make_project(http: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    made = await http.post("/v1/projects", json={"name": "Bicycles", **fields})
    assert made.status_code == 201
    project: dict[str, Any] = made.json()
    return project


async def send(http: httpx2.AsyncClient, project: str, name: str, data: bytes) -> httpx2.Response:
    return await http.post(f"/v1/projects/{project}/documents", files={"file": (name, data)})


async def test_memories(server: Running) -> None:
    async with client(server) as http:
        assert (await http.get("/v1/memories/settings")).json() == {"enabled": False}
        off = await http.post("/v1/memories", json={"text": "My dog is called Rex"})
        assert refused(off) == (409, "memory_off", None)
        await switched_on(http)
        made = await http.post("/v1/memories", json={"text": " My dog is\ncalled Rex ", "source": "remember my dog"})
        assert made.status_code == 201
        dog = made.json()
        assert (dog["object"], dog["text"], dog["source"]) == ("memory", "My dog is called Rex", "remember my dog")
        other = (await http.post("/v1/memories", json={"text": "I live in Elm Street"})).json()
        assert (await http.get(f"/v1/memories/{dog['id']}")).json() == dog
        found = (await http.get("/v1/memories", params={"q": "where do I live"})).json()
        assert (found["data"], found["has_more"]) == ([other], False)
        page = (await http.get("/v1/memories", params={"limit": 1})).json()
        assert (page["data"], page["has_more"]) == ([other], True)
        rest = (await http.get("/v1/memories", params={"after": page["last_id"]})).json()
        assert (rest["data"], rest["has_more"]) == ([dog], False)
        edited = (await http.patch(f"/v1/memories/{dog['id']}", json={"text": "My cat is called Tom"})).json()
        assert (edited["id"], edited["text"], edited["source"]) == (dog["id"], "My cat is called Tom", dog["source"])
        export = await http.get("/v1/memories/export")
        assert export.headers["content-disposition"] == 'attachment; filename="memories.json"'
        assert (export.json()["enabled"], export.json()["memories"]) == (True, [other, edited])
        gone = await http.delete(f"/v1/memories/{dog['id']}")
        assert gone.json() == {"id": dog["id"], "object": "memory", "deleted": True}
        assert refused(await http.delete(f"/v1/memories/{dog['id']}")) == (404, "memory_not_found", "id")
        assert (await http.delete("/v1/memories")).json() == {"object": "memories", "deleted": 1}
        assert (await http.get("/v1/memories")).json()["data"] == []


async def test_memories_that_cannot_be(server: Running) -> None:
    async with client(server) as http:
        await switched_on(http)
        assert refused(await http.post("/v1/memories", json={"text": "x" * 501}))[::2] == (422, "text")
        assert refused(await http.post("/v1/memories", json={"text": " "})) == (400, "invalid_option", "text")
        assert refused(await http.post("/v1/memories", json={"text": "x", "owner": "you"}))[::2] == (422, "owner")
        assert refused(await http.post("/v1/memories", content=b"\xff"))[0] in (400, 422)
        for number in range(3):
            await http.post("/v1/memories", json={"text": f"Fact {number}"})
        assert refused(await http.post("/v1/memories", json={"text": "Fact 3"})) == (409, "store_full", None)


async def test_a_project_and_its_documents(server: Running, knowledge: Knowledge) -> None:
    async with client(server) as http:
        project = await make_project(http, instructions="Be brief.", retention_days=30)
        assert (project["object"], project["instructions"], project["retention_days"]) == ("project", "Be brief.", 30)
        path = f"/v1/projects/{project['id']}"
        changed = (await http.patch(path, json={"name": "Bikes", "retention_days": None})).json()
        assert changed == {**project, "name": "Bikes", "retention_days": None}
        assert (await http.get(path)).json() == changed
        assert (await http.get("/v1/projects")).json()["data"] == [changed]
        data = files.pdf(["Welcome.", "The warranty of the frame lasts seven years."])
        sent = await send(http, project["id"], "hand book.pdf", data)
        assert sent.status_code == 201
        document = sent.json()
        assert (document["name"], document["kind"], document["pages"]) == ("hand book.pdf", "pdf", 2)
        assert (document["paged"], document["bytes"]) == (True, len(data))
        documents = f"{path}/documents"
        assert (await http.get(documents)).json()["data"] == [document]
        here = f"{documents}/{document['id']}"
        assert (await http.get(here)).json() == document
        assert (await http.get(f"{here}/pages/2")).json()["text"] == "The warranty of the frame lasts seven years."
        assert refused(await http.get(f"{here}/pages/3")) == (404, "document_not_found", "page")
        assert refused(await http.get(f"{here}/pages/0")) == (404, "document_not_found", "page")
        content = await http.get(f"{here}/content")
        assert content.content == data
        assert content.headers["content-type"] == "application/octet-stream"
        assert content.headers["content-disposition"].startswith("attachment")
        assert (content.headers["x-content-type-options"], content.headers["content-security-policy"]) == (
            "nosniff",
            "sandbox",
        )
        [passage] = (await http.get(f"{path}/search", params={"q": "how long is the waranty?"})).json()["data"]
        assert passage["source"] == "hand book.pdf, pages 1-2"
        assert "seven years" in passage["text"]
        second = (await send(http, project["id"], "notes.md", b"# Notes\n\nNothing yet.")).json()
        assert refused(await send(http, project["id"], "third.md", b"text")) == (409, "store_full", None)
        assert (await http.delete(here)).json() == {"id": document["id"], "object": "document", "deleted": True}
        assert (await http.delete(path)).json() == {"id": project["id"], "object": "project", "deleted": True}
        assert refused(await http.get(documents)) == (404, "project_not_found", "id")
        assert not knowledge.folder.file(second["id"]).exists()


async def test_files_that_are_not_taken(server: Running, knowledge: Knowledge) -> None:
    async with client(server) as http:
        id = (await make_project(http))["id"]
        assert refused(await send(http, id, "tool.exe", b"MZ")) == (400, "unreadable_document", "file")
        assert refused(await send(http, id, "x.pdf", b"%PDF-1.4 ")) == (400, "unreadable_document", "file")
        assert refused(await send(http, id, "long.txt", b"x" * 2_000_000)) == (413, "payload_too_large", "file")
        nothing = await http.post(f"/v1/projects/{id}/documents", data={"a": "b"})
        assert refused(nothing) == (400, "invalid_value", "file")
        bare = await http.post(f"/v1/projects/{id}/documents", content=b"text")
        assert refused(bare) == (400, "invalid_value", None)
        assert "with the document in the part named file" in bare.json()["error"]["message"]
        assert refused(await http.post("/v1/projects", json={"name": "\x00 "})) == (400, "invalid_option", "name")
        await make_project(http)
        assert refused(await http.post("/v1/projects", json={"name": "third"})) == (409, "store_full", None)
    assert [file for file in knowledge.folder.path.rglob("*") if file.is_file()] == []


async def test_conversations(server: Running, knowledge: Knowledge) -> None:
    async with client(server) as http:
        id = (await make_project(http))["id"]
        conversation = knowledge.conversations.begin(id, "me")
        knowledge.conversations.put(conversation, id, "me", "turn 1", "user", "Hello?")
        knowledge.conversations.put(conversation, id, "me", "response 1", "assistant", "Good day.")
        path = f"/v1/projects/{id}/conversations"
        [shown] = (await http.get(path)).json()["data"]
        assert (shown["id"], shown["opening"], shown["turns"]) == (conversation, "Hello?", 2)
        whole = (await http.get(f"{path}/{conversation}")).json()
        assert [(turn["role"], turn["text"]) for turn in whole["data"]] == [
            ("user", "Hello?"),
            ("assistant", "Good day."),
        ]
        gone = await http.delete(f"{path}/{conversation}")
        assert gone.json() == {"id": conversation, "object": "conversation", "deleted": True}
        assert refused(await http.get(f"{path}/{conversation}")) == (404, "conversation_not_found", "conversation")


ROUTES = [
    (method, route.path)
    for route in [*memories.routes.routes, *projects.routes.routes]
    if isinstance(route, APIRoute)
    for method in route.methods or ()
]


async def test_no_route_reaches_what_is_anothers(server: Running, knowledge: Knowledge) -> None:
    """Every route there is, with every id of somebody else's."""
    secret = "swordfish"
    nobody = httpx2.AsyncClient(base_url=server.url, trust_env=False)
    async with client(server) as mine, client(server, "you") as yours, nobody:
        await switched_on(mine)
        memory = (await mine.post("/v1/memories", json={"text": f"My password is {secret}"})).json()
        project = await make_project(mine, instructions=secret)
        document = (await send(mine, project["id"], f"{secret}.txt", secret.encode())).json()
        conversation = knowledge.conversations.begin(project["id"], "me")
        knowledge.conversations.put(conversation, project["id"], "me", "turn 1", "user", secret)
        own = await make_project(yours)
        before = await everything(mine, project["id"])
        for method, route in ROUTES:
            for place in (project["id"], own["id"]):
                ids = {"document": document["id"], "conversation": conversation, "page": 1}
                path = route.format(id=place if "projects" in route else memory["id"], **ids)
                body: dict[str, Any] = {"enabled": True} if route.endswith("settings") else {"text": "mine now"}
                if route in ("/v1/projects", "/v1/projects/{id}"):
                    body = {"name": "mine now"}
                sent: dict[str, Any] = {"json": body} if method in ("POST", "PUT", "PATCH") else {}
                if method == "POST" and route.endswith("documents"):
                    sent = {"files": {"file": ("trap.txt", b"text")}}
                answer = await yours.request(method, path, params={"q": secret, "after": memory["id"]}, **sent)
                assert secret not in answer.text, path
                if place == project["id"] and "{id}" in route:
                    assert answer.status_code == 404, path
            assert (await nobody.request(method, path)).status_code == 401, path
        assert await everything(mine, project["id"]) == before


async def everything(http: httpx2.AsyncClient, project: str) -> list[Any]:
    paths = ["/v1/memories", "/v1/memories/settings", "/v1/projects"]
    paths += [f"/v1/projects/{project}/{what}" for what in ("documents", "conversations")]
    return [(await http.get(path)).json() for path in paths]


async def test_a_server_that_keeps_nothing_has_no_such_routes(serve: Serve) -> None:
    async with serve() as bare, httpx2.AsyncClient(base_url=bare.url, trust_env=False) as http:
        for path in ("/v1/memories", "/v1/projects"):
            assert (await http.get(path)).status_code == 404


async def test_without_keys_there_is_one_owner(serve: Serve, knowledge: Knowledge) -> None:
    async with serve(knowledge=knowledge) as local, httpx2.AsyncClient(base_url=local.url, trust_env=False) as http:
        await switched_on(http)
        made = (await http.post("/v1/memories", json={"text": "My dog is called Rex"})).json()
        assert (await http.get("/v1/memories")).json()["data"] == [made]
