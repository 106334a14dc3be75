"""The page's conversation: asked in writing and aloud, answered in words and sound, interrupted, remembered."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from playwright.async_api import Browser, FilePayload

from tests.assistant.kit import ScriptedModel, SlowTool
from tests.server.browser import PATIENCE_MS, Tab, in_a_browser, launched, talk, visit
from tests.server.conftest import Serve
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.setup import Nobody
from voxtral_service.chat import Tool, ToolCall
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.server.keys import ANONYMOUS

LONG = "This answer goes on and on, with one word after another, and then some more of them. " * 6
FOUND = "Quoted.\nlease.pdf, page 3:\n> The rent is due on the fifth."


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question of a second, six seconds for its answer, another question."""
    path = tmp_path_factory.mktemp("microphone") / "talk.wav"
    gap = np.zeros(16_000, np.float32)
    soundfile.write(path, np.concatenate([gap, talk(1), *[gap] * 6, talk(1), *[gap] * 3]), 16_000)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(microphone: Path) -> AsyncIterator[Browser]:
    async with launched(microphone) as browser:
        yield browser


def assistant(*scripts: Any, tool: SlowTool | None = None) -> Assistant:
    model = ScriptedModel(scripts, first=0)
    more = (lambda owner: (tool,),) if tool else ()
    return Assistant(model, Espeak(""), AssistantSettings("Be brief."), more_tools=more)


async def ask(tab: Tab, question: str) -> None:
    await tab.page.fill("#question", question)
    await tab.page.press("#question", "Enter")


async def talked(tab: Tab, state: str) -> None:
    await tab.page.wait_for_selector(f"body[data-talk={state}]", timeout=PATIENCE_MS)


async def answers(tab: Tab, count: int) -> list[str]:
    """The finished answers' words, once there are so many."""
    done = tab.page.locator(".answer:not(.draft)")
    await done.nth(count - 1).wait_for(timeout=PATIENCE_MS)
    return [" ".join(await one.locator("p.text").all_inner_texts()) for one in await done.all()]


@in_a_browser
async def test_a_question_in_writing_is_answered_with_its_tools_and_sources(serve: Serve, chromium: Browser) -> None:
    tool = SlowTool(output=FOUND)
    tool.tool = Tool("search_documents", "Looks it up.", {"type": "object", "properties": {}})
    call = ToolCall("c", "search_documents", '{"query": "rent"}')
    answering = assistant((call,), ("On the fifth.",), tool=tool)
    async with serve(assistant=answering) as server, visit(chromium, server) as tab:
        await tab.page.click("#tab-talk")
        await ask(tab, "When is my rent due?")
        assert await answers(tab, 1) == ["On the fifth."]
        assert await tab.page.inner_text(".person") == "When is my rent due?"
        assert await tab.page.inner_text(".sources") == "From lease.pdf, page 3"
        folded = tab.page.locator(".tool pre.output")
        assert not await folded.is_visible()
        await tab.page.click(".tool summary")
        assert await folded.inner_text() == FOUND
        await talked(tab, "ready")  # all of it has been played
        assert tab.frames("response.output_audio.delta", received=True)
        assert tab.frames("conversation.item.truncate") == []
        assert tab.errors_but_missing == []


@in_a_browser
async def test_speaking_interrupts_an_answer_where_it_was_heard(serve: Serve, chromium: Browser) -> None:
    async with serve(assistant=assistant((LONG,))) as server, visit(chromium, server) as tab:
        await tab.page.click("#tab-talk")
        await tab.page.click("#talk-toggle")
        await talked(tab, "answering")
        assert await tab.page.locator("#interrupt").is_visible()
        await tab.page.locator(".person").nth(1).wait_for(timeout=PATIENCE_MS)
        await tab.page.locator(".unheard").wait_for(timeout=PATIENCE_MS)
        [cut] = tab.frames("conversation.item.truncate")
        [done] = tab.frames("response.done", received=True)[:1]
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert 1_000 < cut["audio_end_ms"] < 8_000
        rest = await tab.page.inner_text(".unheard")
        assert LONG.strip().endswith(rest)
        assert len(rest) < len(LONG) - 10
        await talked(tab, "answering")  # the second question's answer
        await tab.page.click("#tab-captions")
        await tab.state("idle")
        assert await tab.page.get_attribute("body", "data-talk") == "idle"
        assert await tab.page.locator("#captions").is_visible()
        assert tab.errors_but_missing == []
    assert server.state.seats.taken == 0


@in_a_browser
async def test_a_key_silences_it_and_settings_are_kept(serve: Serve, chromium: Browser) -> None:
    async with serve(assistant=assistant((LONG,), ("Yes.",))) as server, visit(chromium, server) as tab:
        await tab.page.click("#tab-talk")
        await tab.page.locator("#voice option[value=de]").wait_for(state="attached", timeout=PATIENCE_MS)
        await tab.page.select_option("#voice", "de")
        await tab.page.click("text=What is 17 times 23?")
        await talked(tab, "answering")
        await tab.page.locator(".answer p.text").wait_for(timeout=PATIENCE_MS)
        await tab.page.keyboard.press("Escape")
        await talked(tab, "ready")
        await tab.page.locator(".answer .aside", has_text="interrupted").wait_for(timeout=PATIENCE_MS)
        assert tab.frames("response.cancel")
        assert tab.frames("session.update")[-1]["session"]["audio"]["output"]["voice"] == "de"
        await tab.page.uncheck("#spoken")
        await ask(tab, "Really?")
        assert (await answers(tab, 2))[1] == "Yes."
        assert await tab.page.text_content("#told") == "Yes."  # what is not spoken is told to screen readers
        await tab.page.reload()
        assert await tab.page.locator("#talk").is_visible()
        assert not await tab.page.is_checked("#spoken")


@in_a_browser
async def test_what_was_said_survives_a_lost_connection(serve: Serve, chromium: Browser) -> None:
    model = ScriptedModel((("Hello.",), ("Again.",)), first=0)
    talking = Assistant(model, None, AssistantSettings("Be brief."))
    async with serve(assistant=talking) as server, visit(chromium, server) as tab:
        await tab.page.click("#tab-talk")
        await ask(tab, "Hello?")
        await answers(tab, 1)
        for session in list(server.state.open):
            await session.stop()
        await tab.notice("The connection was lost.")
        await ask(tab, "And now?")
        assert await answers(tab, 2) == ["Hello.", "Again."]
        said = [part for message in model.asked[1] for part in message.content]
        assert said == ["Be brief.", "Hello?", "Hello.", "And now?"]


@in_a_browser
async def test_a_failure_is_told_in_words_with_what_to_do(serve: Serve, chromium: Browser) -> None:
    nobody = Assistant(Nobody(), None, AssistantSettings("Be brief."))
    async with serve(assistant=nobody) as server, visit(chromium, server) as tab:
        await tab.page.click("#tab-talk")
        await ask(tab, "Hello?")
        failure = tab.page.locator(".failure")
        await failure.wait_for(timeout=PATIENCE_MS)
        assert "llm_url" in await failure.inner_text()
        assert await failure.get_attribute("role") == "alert"


@in_a_browser
async def test_tabs_are_moved_between_with_arrows(serve: Serve, chromium: Browser) -> None:
    async with serve(assistant=assistant(("Yes.",))) as server, visit(chromium, server) as tab:
        await tab.page.focus("#tab-captions")
        await tab.page.keyboard.press("ArrowRight")
        await tab.page.locator("#talk").wait_for()
        assert await tab.page.get_attribute("#tab-talk", "aria-selected") == "true"
        assert not await tab.page.locator("#captions").is_visible()
        await tab.page.keyboard.press("ArrowLeft")
        await tab.page.locator("#captions").wait_for()


@pytest.fixture
def knowledge(tmp_path: Path, new_sqlite: Path) -> Knowledge:
    shutil.copy(new_sqlite, tmp_path / "voxtral.db")
    return Knowledge(Database.open(f"sqlite:///{tmp_path / 'voxtral.db'}"), FileFolder(tmp_path / "documents"))


@in_a_browser
async def test_memories_are_switched_on_read_edited_and_forgotten(
    serve: Serve, chromium: Browser, knowledge: Knowledge
) -> None:
    async with serve(assistant=assistant(("Yes.",)), knowledge=knowledge) as server, visit(chromium, server) as tab:
        page, memories, owner = tab.page, knowledge.memories, ANONYMOUS.name
        await page.click("#tab-talk")
        await page.check("#remember")
        await page.locator("#memories-help", has_text="kept on this server").wait_for(timeout=PATIENCE_MS)
        assert memories.enabled(owner)
        for text in ("I live in Lyon.", "My cat is called Ada."):
            memories.add(owner, text, "remember this")
        await page.reload()
        items = page.locator("#memory-list li")
        await items.nth(1).wait_for(timeout=PATIENCE_MS)
        await items.nth(1).locator("[title^=Edit]").click()
        await page.fill("#memory-list input", "I live in Paris.")
        await page.keyboard.press("Enter")
        await items.filter(has_text="Paris").wait_for(timeout=PATIENCE_MS)
        async with page.expect_download() as started:
            await page.click("#export-memories")
        saved = await (await started.value).path()
        kept = json.loads(await asyncio.to_thread(Path(saved).read_text, "utf-8"))
        assert [memory["text"] for memory in kept["memories"]] == ["My cat is called Ada.", "I live in Paris."]
        await items.filter(has_text="Ada").locator("[title^=Forget]").click()
        await items.filter(has_text="Ada").wait_for(state="detached", timeout=PATIENCE_MS)
        await page.click("#wipe-memories")
        assert len(memories.list(owner)) == 1  # not before it is said again
        await page.click("text=Forget them")
        await tab.notice("Forgotten: 1.")
        assert memories.list(owner) == []
        assert tab.errors == []


@in_a_browser
async def test_documents_are_put_into_projects(serve: Serve, chromium: Browser, knowledge: Knowledge) -> None:
    call = ToolCall("c", "search_documents", '{"query": "when is the rent due"}')
    knowing = Assistant(ScriptedModel(((call,), ("Yes.",))), None, AssistantSettings(), knowledge=knowledge)
    async with serve(assistant=knowing, knowledge=knowledge) as server, visit(chromium, server) as tab:
        page = tab.page
        await page.click("#tab-talk")
        await page.select_option("#project", "new", timeout=PATIENCE_MS)
        await page.fill("#project-name", "House")
        await page.press("#project-name", "Enter")
        await page.locator("#drop").wait_for(timeout=PATIENCE_MS)
        good = FilePayload(name="lease.md", mimeType="text/markdown", buffer=b"The rent is due on the fifth.")
        bad = FilePayload(name="noise.pdf", mimeType="application/pdf", buffer=b"no PDF at all")
        await page.set_input_files("#upload", [good, bad])
        await page.locator("#document-list li", has_text="lease.md 1 part").wait_for(timeout=PATIENCE_MS)
        await page.locator("#uploads .failure", has_text="noise.pdf: ").wait_for(timeout=PATIENCE_MS)
        [project] = knowledge.projects.list(ANONYMOUS.name)
        assert [one.name for one in knowledge.documents.list(project.id, ANONYMOUS.name)] == ["lease.md"]
        await ask(tab, "Hello?")
        assert await answers(tab, 1) == ["Yes."]
        assert await page.inner_text(".sources") == "From lease.md, part 1"
        await page.click("#new-talk")
        await page.click("#document-list [title^=Delete]")
        await page.locator("#document-list li").wait_for(state="detached", timeout=PATIENCE_MS)
        while not (kept := knowledge.conversations.list(project.id, ANONYMOUS.name)):
            await asyncio.sleep(0.05)
        assert kept[0].opening == "Hello?"
        await page.click("#remove-project")
        await page.click("text=Delete it")
        await page.locator("#drop").wait_for(state="hidden", timeout=PATIENCE_MS)
        assert knowledge.projects.list(ANONYMOUS.name) == []
