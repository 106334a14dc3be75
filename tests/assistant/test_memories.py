"""Memories, and the tools that keep and find them, on both kinds of database."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from voxtral_service.assistant.memories import MAX_SOURCE, Memories
from voxtral_service.assistant.tools import Toolbox
from voxtral_service.assistant.tools_memories import memory_tools
from voxtral_service.chat import ToolCall
from voxtral_service.database.database import Database
from voxtral_service.errors import MemoryNotFound, MemoryOff, StoreFull

NOW = 1_790_000_000.0  # 2026-09-21


class Clock:
    now = NOW

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def memories(database: Database) -> Memories:
    made = Memories(database, most=6, clock=Clock())
    made.enable("me", True)
    return made


async def told(memories: Memories, name: str, owner: str = "me", **arguments: str) -> str:
    toolbox = Toolbox(memory_tools(memories, owner, lambda: "remember  that\nplease"))
    return (await toolbox.run(ToolCall("1", name, json.dumps(arguments)))).output


def test_nothing_is_remembered_until_that_is_switched_on(memories: Memories) -> None:
    with pytest.raises(MemoryOff):
        memories.add("you", "My cat is called Tom")
    memories.enable("you", True)
    memories.add("you", "My cat is called Tom")
    memories.enable("you", False)
    assert not memories.enabled("you")
    with pytest.raises(MemoryOff):
        memories.add("you", "My dog is called Rex")
    assert [memory.text for memory in memories.list("you")] == ["My cat is called Tom"]


def test_many_requests_may_switch_it_at_once(memories: Memories) -> None:
    for owner in ("you", "they", "others"):
        together = threading.Barrier(4)

        def switch(owner: str = owner, together: threading.Barrier = together) -> None:
            together.wait(30)
            memories.enable(owner, True)

        with ThreadPoolExecutor(4) as threads:
            for switched in [threads.submit(switch) for _ in range(4)]:
                switched.result()
        assert memories.enabled(owner)


def test_a_memory_is_kept_with_its_source_and_time_edited_and_deleted(memories: Memories) -> None:
    made = memories.add("me", "  My dog\n is called Rex\0 ", "remember my dog's name, " + "x" * MAX_SOURCE)
    assert (made.text, made.created_at) == ("My dog is called Rex", made.changed_at)
    assert made.source.startswith("remember my dog's name, x")
    assert len(made.source) == MAX_SOURCE
    assert memories.get(made.id, "me") == made
    assert memories.add("me", "My dog is called Rex") == made
    edited = memories.edit(made.id, "me", "My cat is called Tom")
    assert (edited.id, edited.created_at, edited.source) == (made.id, made.created_at, made.source)
    assert edited.changed_at > made.changed_at
    assert memories.search("me", "dog") == []
    assert memories.search("me", "cat") == [edited]
    assert memories.remove(made.id, "me") == edited
    assert memories.search("me", "cat") == memories.list("me") == []
    with pytest.raises(MemoryNotFound):
        memories.get(made.id, "me")


@pytest.mark.parametrize("text", ["", " \n", "x" * 501])
def test_a_text_that_is_no_memory(memories: Memories, text: str) -> None:
    made = memories.add("me", "My dog is called Rex")
    with pytest.raises(ValueError, match="1 to 500"):
        memories.add("me", text)
    with pytest.raises(ValueError, match="1 to 500"):
        memories.edit(made.id, "me", text)


def test_they_are_bounded_in_number(memories: Memories) -> None:
    for number in range(6):
        memories.add("me", f"Fact {number}")
    with pytest.raises(StoreFull):
        memories.add("me", "Fact 6")
    memories.remove(memories.list("me", limit=1)[0].id, "me")
    memories.add("me", "Fact 6")


def test_they_are_listed_newest_first_and_wiped(memories: Memories) -> None:
    ids = [memories.add("me", f"Fact {number}").id for number in range(5)][::-1]
    first = [memory.id for memory in memories.list("me", limit=2)]
    rest = [memory.id for memory in memories.list("me", after=first[-1], limit=None)]
    assert first + rest == ids
    assert memories.wipe("me") == 5
    assert memories.list("me") == memories.search("me", "fact") == []
    assert memories.wipe("me") == 0


def test_nobody_reaches_what_is_anothers(memories: Memories) -> None:
    mine = memories.add("me", "My dog is called Rex")
    memories.enable("you", True)
    for reach in (
        lambda: memories.get(mine.id, "you"),
        lambda: memories.edit(mine.id, "you", "mine now"),
        lambda: memories.remove(mine.id, "you"),
        lambda: memories.list("you", after=mine.id),
        lambda: memories.get("\0", "you"),
    ):
        with pytest.raises(MemoryNotFound):
            reach()
    assert memories.list("you") == memories.search("you", "My dog is called Rex", loose=True) == []
    assert memories.wipe("you") == 0
    assert memories.list("me") == [mine]


def fill(memories: Memories) -> None:
    for text in ("My dog is called Rex.", "I live in Kowalski Street 5", "My daughter's birthday is on 3 May"):
        memories.add("me", text)


async def test_a_tool_remembers_with_what_was_said(memories: Memories) -> None:
    assert await told(memories, "remember", fact="My dog is called Rex.") == "remembered: My dog is called Rex."
    assert memories.list("me")[0].source == "remember that please"
    assert "1 to 500" in await told(memories, "remember", fact="   ")
    assert "switched off" in await told(memories, "remember", "you", fact="My dog is called Rex.")
    assert "switched off" in await told(memories, "recall", "you", query="dog")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("what's my dog called?", "My dog is called Rex"),
        ("my dogs", "My dog is called Rex"),
        ("which street do I live in", "I live in Kowalski Street 5"),
        ("kowalsky", "I live in Kowalski Street 5"),  # a wrong letter
        ("cow all ski", "I live in Kowalski Street 5"),  # a word parted and misheard
        ("birth day", "My daughter's birthday is on 3 May"),
        ("my dotter", "My daughter's birthday is on 3 May"),
    ],
)
async def test_recall_takes_what_recognisers_make_of_words(memories: Memories, query: str, text: str) -> None:
    fill(memories)
    assert (await told(memories, "recall", query=query)).startswith(f"{text} (told on 21 September 2026)")


async def test_recall(memories: Memories) -> None:
    assert await told(memories, "recall") == "nothing is remembered yet"
    fill(memories)
    assert (
        await told(memories, "recall", query="my favourite colour") == "nothing is remembered about my favourite colour"
    )
    everything = await told(memories, "recall", query="what do you know about me?")
    assert everything.startswith("My daughter's birthday is on 3 May (told on ")
    assert everything.count("told on") == 3


async def test_forget(memories: Memories) -> None:
    fill(memories)
    memories.add("me", "My dog likes bones")
    assert await told(memories, "forget", query="a unicorn") == "nothing is remembered about a unicorn"
    which = await told(memories, "forget", query="my dog")
    assert "which of these?" in which
    assert "bones" in which
    assert await told(memories, "forget", query="the dog's bones") == "forgotten: My dog likes bones"
    assert "settings" in await told(memories, "forget", query="everything about me")
    assert await told(memories, "forget", "you", query="dog") == "nothing is remembered about dog"
    assert len(memories.list("me")) == 3
