"""Conversations with the real tools: what is said, the calls that are right, what the tools told, the answer."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from closed import CLOSED, is_told_as_heard
from grammar import Part
from hearing import Ear, repaired
from outcomes import Outcomes
from sayings import Sayings, Style
from wants import (
    DAY_WORDS,
    HOW_LONG,
    SWITCHED_OFF,
    TOOLS,
    UNCLEAR,
    Call,
    Slots,
    State,
    W,
    Want,
    say_day,
    say_time,
    told,
    whole,
)

from voxtral_service.assistant.tools import Callee, Toolbox
from voxtral_service.assistant.tools_calculator import CALCULATOR
from voxtral_service.assistant.tools_clock import clock_tool
from voxtral_service.assistant.tools_timers import Timers
from voxtral_service.assistant.tools_units import UNITS as UNITS_TOOL
from voxtral_service.chat import ToolCall


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time can be set forward, for timers that have run a while."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@dataclass
class Turn:
    """One thing said: as it was meant, as it was heard, and the calls that are right for either."""

    want: str
    said: str
    heard: str
    calls_said: list[Call]
    calls_heard: list[Call]
    messages: list[dict[str, Any]]
    """The person's message, then the assistant's and the tools'."""


@dataclass
class Dialogue:
    """A conversation with the tools in `tools`."""

    tools: list[str]
    turns: list[Turn]


class Writer:
    """Writes conversations of one part of the patterns and values."""

    def __init__(
        self, rng: random.Random, part: Part, ear: Ear, novel: list[str], style: Callable[[random.Random], Style]
    ) -> None:
        self.rng, self.ear, self.style_of = rng, ear, style
        self.sayings = Sayings(rng, part, novel)
        self.loop = Clock()

    def dialogue(self) -> Dialogue:
        """One conversation of one to six things said."""
        return self.loop.run_until_complete(self._dialogue())

    async def _dialogue(self) -> Dialogue:
        rng = self.rng
        self.style = self.style_of(rng)
        tools = self._tools()
        self.now = rng.uniform(1_600_000_000, 1_900_000_000)
        home = ZoneInfo(
            rng.choice(["Europe/Paris", "Europe/Berlin", "America/New_York", "UTC", "Asia/Tokyo", "Europe/London"])
        )

        async def announce(_: str) -> None:
            pass

        timers = Timers(announce)
        callees: list[Callee] = [clock_tool(home, lambda: self.now), CALCULATOR, UNITS_TOOL, *timers.tools()]
        self.toolbox = Toolbox(callees)
        self.state = State()
        self.sayings.begin(self.style, self.state)
        self.outcomes = Outcomes(rng, self.style, self.state)
        turns = []
        for _ in range(rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 12])):
            turn = await self._turn(tools)
            turns.append(turn)
            self.now += rng.choice([5, 20, 60])
            self.loop.ahead += rng.choice([2, 10, 30, 47])
        timers.close()
        await asyncio.sleep(0)
        return Dialogue(tools, turns)

    def _tools(self) -> list[str]:
        rng = self.rng
        tools = list(TOOLS)
        if rng.random() < 0.4:
            rng.shuffle(tools)
        kind = rng.random()
        if kind < 0.74:
            return tools
        if kind < 0.77:
            return []
        groups = [["get_time"], ["calculate"], ["convert_units"], ["set_timer", "cancel_timer", "list_timers"],
                  ["remember", "recall", "forget"], ["search_documents", "read_document"]]  # fmt: skip
        if kind < 0.83:
            return rng.choice(groups)
        off = {name for group in groups if rng.random() < 0.4 for name in group}
        return [name for name in tools if name not in off]

    def _choose(self) -> str:
        state = self.state
        names = [name for name, want in W.items() if want.needs is None or want.needs(state)]
        return self.rng.choices(names, [W[name].weight for name in names])[0]

    async def _turn(self, tools: list[str]) -> Turn:
        rng, state = self.rng, self.state
        name = self._choose()
        want = W[name]
        said = self.sayings.say(name)
        heard, meant = said, list(said.words)
        if name == "unclear":
            heard, meant = self.ear.hear(said, 0.7, rng)
        elif self.style.rate:
            heard, meant = self.ear.hear(said, self.style.rate, rng)
        slots_said = {slot: said.slot(slot) for slot in set(said.slots) - {""}}
        slots_heard = {
            slot: heard.slot(slot) if is_told_as_heard(slot, said, heard) else repaired(heard, meant, slot, CLOSED)
            for slot in slots_said
        }
        calls_said = want.calls(slots_said, state)
        calls = want.calls(slots_heard, state)
        text = heard.text()
        if self.style.typed:
            text = self.sayings.typed(text)
        messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
        answer = ""
        if calls and not {call_name for call_name, _ in calls} <= set(tools):
            calls_said, calls, answer, results = [], [], SWITCHED_OFF, []
        elif calls and any(
            "" in arguments.values() or not whole(call_name, arguments) for call_name, arguments in calls
        ):
            # What was to be copied has been lost on the way.
            calls_said, calls, answer, results = [("", {})], [], UNCLEAR, []
        else:
            results = [await self._result(c) for c in calls]
            if calls:
                messages.append({"role": "assistant", "content": "", "calls": [list(c) for c in calls]})
                messages += [{"role": "tool", "content": result} for result in results]
            answer = self._answer(name, want, calls, results, slots_heard)
        messages.append({"role": "assistant", "content": answer})
        state.last, state.answer = name, answer
        if calls or name not in ("repeat", "thanks", "ok", "hello"):
            state.calls, state.results = calls, results
        state.task = slots_heard.get("task", "") if name == "remind_bare" and answer == HOW_LONG else ""
        for call_name, arguments in calls:
            if call_name == "set_timer":
                state.timers.append((arguments.get("duration", ""), arguments.get("reminder", "")))
            if call_name == "cancel_timer" and arguments.get("timer") == "all":
                state.timers.clear()
        return Turn(name, said.text(), text, calls_said, calls, messages)

    async def _result(self, what: Call) -> str:
        tool, arguments = what
        if tool in self.toolbox:
            return (await self.toolbox.run(ToolCall("1", tool, json.dumps(arguments)))).output
        return self.outcomes.of(what)

    def _answer(self, name: str, want: Want, calls: list[Call], results: list[str], slots: Slots) -> str:
        for result in results:
            if result.startswith('{"error"'):
                return told(result)
        if calls and (found := self.outcomes.put(calls[0][0])):
            return found
        if name == "place_follow":
            followed = say_day if calls[0][1].get("days") or self.state.last in DAY_WORDS else say_time
            return followed(results, calls, slots)
        if name == "repeat":
            return self.state.answer
        return want.answer(results, calls, slots)
