"""The bundled language model: whole, loadable by stock transformers, and it holds conversations with the real tools."""

from __future__ import annotations

import hashlib
import importlib
import json
import random
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.llm_local import LocalModel
from voxtral_service.assistant.tools import Toolbox
from voxtral_service.assistant.tools_calculator import CALCULATOR
from voxtral_service.assistant.tools_clock import clock_tool
from voxtral_service.assistant.tools_timers import Timers
from voxtral_service.assistant.tools_units import UNITS
from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerOptions, AnswerText, Message, ToolCall
from voxtral_service.database.database import Database
from voxtral_service.database.folder import FileFolder
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.registry import Origin, Registry

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models" / "wren-chat"
MAX_BYTES = 16_000_000
NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


def test_sums_cover_every_file_and_hold() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == {p.name for p in FOLDER.iterdir() if p.suffix in {".json", ".safetensors", ".jinja"}}
    for name, digest in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_is_small_enough_for_a_repository() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= MAX_BYTES


def test_is_found_by_its_name(tmp_path: Path) -> None:
    model = Registry(tmp_path).find("wren-chat")
    assert (model.kind, model.origin, model.languages, model.licence) == (
        Kind.CHAT,
        Origin.BUNDLED,
        ("en",),
        "apache-2.0",
    )
    assert f"{model.parameters / 1e6:.1f} M" in (FOLDER / "README.md").read_text("utf-8")


def test_stock_transformers_holds_a_conversation() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForCausalLM.from_pretrained(FOLDER)
    tools = [{"type": "function", "function": {"name": "calculate", "description": "", "parameters": {}}}]
    messages = [{"role": "user", "content": "what is seventeen times twenty three"}]
    told = {"tools": tools, "add_generation_prompt": True, "return_dict": True, "return_tensors": "pt"}
    prompt = tokenizer.apply_chat_template(messages, **told)
    written = model.generate(**prompt, max_new_tokens=40)[0, prompt["input_ids"].shape[1] :]
    message = tokenizer.parse_response(written, prefix="<assistant>")
    expected = {"name": "calculate", "arguments": {"expression": "seventeen times twenty three"}}
    assert message["tool_calls"] == [{"type": "function", "function": expected}]


def test_its_weights_begin_with_copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random tokens said twice: before any training most of the second time is foreseen."""
    import torch
    from transformers import AutoConfig, MistralForCausalLM

    monkeypatch.syspath_prepend(str(FOLDER / "recipe"))
    start = importlib.import_module("start")
    monkeypatch.delitem(sys.modules, "start")
    torch.manual_seed(0)
    model = MistralForCausalLM._from_config(AutoConfig.from_pretrained(FOLDER), dtype=torch.float32)
    once = torch.randint(20, 2048, (32, 15))

    def foreseen() -> float:
        with torch.no_grad():
            written = model(input_ids=torch.cat((once, once), 1)).logits.argmax(-1)
        return float((written[:, 15:-1] == once[:, 1:]).float().mean())

    assert foreseen() < 0.05
    start.start_copying(model)
    assert foreseen() > 0.6


def test_patterns_leave_no_slot_unfilled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER / "recipe"))
    before = set(sys.modules)
    sayings, grammar = importlib.import_module("sayings"), importlib.import_module("grammar")
    outside, wants = importlib.import_module("outside"), importlib.import_module("wants")
    said = sayings.Sayings(random.Random(0), grammar.Part(held_out=False), [])
    said.begin(sayings.Style(typed=False, digits=False, rate=0.0), wants.State())
    for name in set(sys.modules) - before:
        monkeypatch.delitem(sys.modules, name)
    for kind, patterns in outside.OUTSIDE.items():
        said._patterns[f"outside_{kind}"] = patterns
        texts = [said.say(f"outside_{kind}").text() for _ in range(1500)]
        assert not [text for text in texts if set("{}()|") & set(text)]


# -- conversations


class Talk:
    """Somebody who talks with the model, and the tools that it has."""

    def __init__(self, model: LocalModel, toolbox: Toolbox) -> None:
        self._model, self._toolbox = model, toolbox
        self._messages: list[Message[Samples]] = [Message("system", ("You are a voice assistant.",))]
        self.calls: list[str] = []

    async def say(self, text: str) -> str:
        """What is answered."""
        self._messages.append(Message("user", (text,)))
        self.calls = []
        for _ in range(4):
            said, calls = "", []
            options = AnswerOptions(tools=self._toolbox.tools)
            async with aclosing(self._model.answer(self._messages, options)) as events:
                async for event in events:
                    if isinstance(event, AnswerText):
                        said += event.text
                    if isinstance(event, ToolCall):
                        calls.append(event)
            self._messages.append(Message("assistant", (said,), tuple(calls)))
            if not calls:
                return said
            for call in calls:
                self.calls.append(f"{call.name} {' '.join(map(str, json.loads(call.arguments).values()))}".strip())
                outcome = await self._toolbox.run(call)
                self._messages.append(Message("tool", (outcome.output,), call_id=call.id))
        raise AssertionError("it calls tools without end")


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return LocalModel(FOLDER, device="cpu")


@pytest.fixture
async def talk(model: LocalModel, tmp_path: Path) -> AsyncIterator[Callable[[], Talk]]:
    database = Database.open(f"sqlite:///{tmp_path / 'memories.db'}")
    database.upgrade()
    knowledge = Knowledge(database, FileFolder(tmp_path / "files"))
    knowledge.memories.enable("me", enabled=True)

    async def announce(_: str) -> None:
        pass

    timers = Timers(announce)
    clock = clock_tool(ZoneInfo("Europe/Paris"), lambda: NOW)
    toolbox = Toolbox((clock, CALCULATOR, UNITS, *timers.tools(), *knowledge.tools("me")))
    yield lambda: Talk(model, toolbox)
    timers.close()
    await knowledge.stop()


CONVERSATIONS: list[list[tuple[str, str, str]]] = [
    [
        ("what time is it in tokyo", "get_time tokyo", "It is 23:13 in Tokyo."),
        ("and in london", "get_time london", "It is 15:13 in London."),
    ],
    [
        ("what day is it", "get_time", "Today is Monday, 21 September 2026."),
        ("and tomorrow", "get_time 1", "Tomorrow is Tuesday, 22 September 2026."),
    ],
    [
        ("what is seventeen times twenty three", "calculate seventeen times twenty three", "391"),
        ("times two", "calculate 391 times two", "782"),
    ],
    [("What's 15% of 80?", "calculate 15% of 80", "12")],
    [("how many kilometers are five miles", "convert_units five miles kilometers", "8.04672 kilometers")],
    [
        ("set a timer for five minutes", "set_timer five minutes", "Timer 1 is set for 5 minutes."),
        ("and another one for ten minutes", "set_timer ten minutes", "Timer 2 is set for 10 minutes."),
        ("cancel it", "cancel_timer last", "Timer 2 is cancelled."),
        ("which timers are set", "list_timers", r"Timer 1 rings in (5 minutes|4 minutes 5\d seconds)"),
    ],
    [("remind me in half an hour to call anna", "set_timer half an hour call anna", "30 minutes")],
    [
        ("remember that my locker code is four two seven", "remember my locker code is four two seven", "remember"),
        ("what is my locker code", "recall .*locker code", "Your locker code is four two seven."),
        ("forget my locker code", "forget my locker code", "forgotten"),
    ],
    [("hello", "", "Hello."), ("what can you do", "", "timers"), ("thank you", "", "welcome")],
    [("goodbye", "", "Goodbye.")],
    [("what will the weather be like tomorrow", "", "I can't look that up. .*--llm-url")],
    [("who painted the mona lisa", "", "I don't know that. .*--llm-url")],
    [("how can i connect a larger model", "", "--llm-url")],
]  # fmt: skip


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda c: c[0][0].replace(" ", "-"))
async def test_a_conversation(talk: Callable[[], Talk], conversation: list[tuple[str, str, str]]) -> None:
    person = talk()
    for said, called, answered in conversation:
        answer = await person.say(said)
        assert re.fullmatch(called, " & ".join(person.calls)), (said, person.calls, answer)
        assert re.search(answered, answer), (said, answer)
