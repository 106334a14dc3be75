"""Conversations over a socket that remember, know documents, and are kept."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from openai import AsyncOpenAI

from tests.assistant.kit import ScriptedModel
from tests.server.conftest import Running, running
from tests.server.test_conversation import Client
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.chat import Message, ToolCall
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.server.keys import ApiKey, hashed

KEYS = tuple(ApiKey(name, hashed(f"vx_{name}")) for name in ("me", "you"))


@pytest.fixture
def knowledge(tmp_path: Path, new_sqlite: Path) -> Knowledge:
    shutil.copy(new_sqlite, tmp_path / "voxtral.db")
    made = Knowledge(Database.open(f"sqlite:///{tmp_path / 'voxtral.db'}"), FileFolder(tmp_path / "documents"))
    made.memories.enable("me", True)
    return made


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel([["Good day."]], first=0.0)


@pytest.fixture
async def server(knowledge: Knowledge, model: ScriptedModel) -> AsyncIterator[Running]:
    assistant = Assistant(model, None, AssistantSettings("Be brief."), knowledge=knowledge)
    async with running(keys=KEYS, assistant=assistant, knowledge=knowledge) as state:
        yield state


@asynccontextmanager
async def talking(server: Running, key: str, **query: str) -> AsyncIterator[Client]:
    async with (
        AsyncOpenAI(api_key=f"vx_{key}", base_url=f"{server.url}/v1") as client,
        client.realtime.connect(model="gpt-realtime", extra_query=query) as connection,
    ):
        talk = Client(connection)
        await talk.until("session.created")
        await talk.update(output_modalities=["text"])
        yield talk


async def asked(talk: Client, text: str) -> str:
    await talk.write(text)
    await talk.connection.response.create()
    done = await talk.until("response.done")
    assert done.response.status == "completed"
    return str(done.response.output[-1].content[0].text)


async def test_what_was_said_in_one_conversation_is_known_in_the_next_and_to_nobody_else(
    server: Running, knowledge: Knowledge, model: ScriptedModel
) -> None:
    remember = ToolCall("c", "remember", '{"fact":"My dog is called Rex"}')
    model.scripts = [[remember], ["Noted."], ["Rex."]]
    async with talking(server, "me") as talk:
        assert await asked(talk, "Remember that my dog is called Rex.") == "Noted."
    [memory] = knowledge.memories.list("me")
    assert memory.source == "Remember that my dog is called Rex."
    async with talking(server, "me") as talk, talking(server, "you") as other:
        await asked(talk, "What is my dog called?")
        assert "- My dog is called Rex" in str(model.asked[-1][0].content)
        await asked(other, "What is my dog called?")
        assert "Rex" not in str(model.asked[-1])


async def test_a_conversation_in_a_project_follows_its_instructions_and_is_kept_there(
    server: Running, knowledge: Knowledge, model: ScriptedModel
) -> None:
    project = knowledge.projects.create("me", "Bicycles", instructions="You sell bicycles.")
    async with talking(server, "me", project=project.id) as talk:
        assert await asked(talk, "Good morning.") == "Good day."
    assert str(model.asked[-1][0].content[0]) == "Be brief.\n\nYou sell bicycles."
    async with asyncio.timeout(30):
        while not (listed := knowledge.conversations.list(project.id, "me")) or listed[0].turns < 2:
            await asyncio.sleep(0.02)
    kept, turns = knowledge.conversations.get(listed[0].id, project.id, "me")
    assert [(turn.role, turn.text) for turn in turns] == [("user", "Good morning."), ("assistant", "Good day.")]
    assert kept.opening == "Good morning."
    async with talking(server, "me") as talk:
        await asked(talk, "Good evening.")
    assert len(knowledge.conversations.list(project.id, "me")) == 1


@pytest.mark.parametrize("key", ["you", "me"])
async def test_a_project_must_be_ones_own(server: Running, knowledge: Knowledge, key: str) -> None:
    project = knowledge.projects.create("me", "Bicycles")
    name = project.id if key == "you" else "proj_none"
    headers = {"Authorization": f"Bearer vx_{key}"}
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"{server.ws}/v1/realtime?project={name}", additional_headers=headers)
    assert refused.value.response.status_code == 404
    assert b"project_not_found" in refused.value.response.body


async def test_what_a_client_takes_back_is_not_kept(knowledge: Knowledge) -> None:
    project = knowledge.projects.create("me", "Bicycles")
    keeper = knowledge.keeper("me", project.id)
    conversation = Conversation(told=keeper.put)
    for key in ("a", "b"):
        conversation.put(key, (Message("user", (f"Hello {key}",)),))
    conversation.put("c", (Message("system", ("Be kind.",)),))
    conversation.remove("a")
    conversation.remove("d")
    await keeper.written()
    [kept] = knowledge.conversations.list(project.id, "me")
    assert [turn.text for turn in knowledge.conversations.get(kept.id, project.id, "me")[1]] == ["Hello b"]
    await knowledge.stop()


async def test_a_conversation_that_is_deleted_while_it_is_held_is_kept_no_longer(knowledge: Knowledge) -> None:
    project = knowledge.projects.create("me", "Bicycles")
    keeper = knowledge.keeper("me", project.id)
    keeper.put("turn 1", (Message("user", ("Hello?",)),))
    await keeper.written()
    [kept] = knowledge.conversations.list(project.id, "me")
    knowledge.conversations.remove(kept.id, project.id, "me")
    for turn in (2, 3):
        keeper.put(f"turn {turn}", (Message("user", ("Hello?",)),))
        await keeper.written()
    assert not knowledge.conversations.list(project.id, "me")
    await knowledge.stop()
