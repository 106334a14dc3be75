"""Conversations with the real tools: what is said, the calls that are right, what the tools told, the answer."""

from __future__ import annotations

import asyncio
import functools
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import documents
import values
from grammar import Part, Utterance, expand, is_held_out, slots_of
from hearing import Ear, repaired
from outside import ADJECTIVES, GENRES, LANGUAGES, OUTSIDE, SUBJECTS, SURNAMES
from patterns import PATTERNS

from voxtral_service.assistant.arithmetic import NotASum, evaluate
from voxtral_service.assistant.durations import parse_duration
from voxtral_service.assistant.places import zone_of
from voxtral_service.assistant.tools import Callee, Toolbox
from voxtral_service.assistant.tools_calculator import CALCULATOR
from voxtral_service.assistant.tools_clock import clock_tool
from voxtral_service.assistant.tools_timers import Timers
from voxtral_service.assistant.tools_units import UNITS as UNITS_TOOL
from voxtral_service.assistant.tools_units import _name as unit_name
from voxtral_service.chat import ToolCall

TOOLS = (
    "get_time calculate convert_units set_timer cancel_timer list_timers remember recall forget search_documents read_document"
).split()
Slots = Mapping[str, str]
Call = tuple[str, dict[str, Any]]

# -- what is answered without a tool

SAID = {
    "hello": "Hello. What can I do for you?",
    "how": "I am fine, thank you. What can I do for you?",
    "thanks": "You're welcome.",
    "bye": "Goodbye.",
    "ok": "All right.",
    "help": "I can tell the time and date anywhere, do sums, convert units, set timers and reminders, remember things for you, "
    "and look things up in your documents.",
    "who": "I am wren, a small language model that runs on this machine alone. I can do a few things; ask me what I can do.",
    "larger": "Start the server with --llm-url and the address of any endpoint that speaks OpenAI's API, such as Ollama, llama.cpp or vLLM.",
}
SMALL = "I am only a small model. A larger one can be connected with --llm-url."
HONEST = {
    "live": f"I can't look that up. {SMALL}",
    "do": f"I can't do that. {SMALL}",
    "know": f"I don't know that. {SMALL}",
    "opinion": f"I can't judge that. {SMALL}",
    "say": f"I can't talk about that. {SMALL}",
}
UNCLEAR = "Sorry, I did not understand that. Please say it again."
SWITCHED_OFF = "I can't do that here, because the tool for it is switched off."
HOW_LONG = "In how many minutes shall I remind you?"


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that a person may want: the calls it takes, from the slots, and the answer to what they told."""

    calls: Callable[[Slots, State], list[Call]]
    answer: Callable[[list[str], list[Call], Slots], str]
    weight: float
    patterns: str = ""
    needs: Callable[[State], bool] | None = None
    """Whether it may follow on what was said before; None: at any time."""


@dataclass
class State:
    """What a conversation has come to."""

    last: str = ""
    """The last want."""
    calls: list[Call] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    answer: str = ""
    timers: list[tuple[str, str]] = field(default_factory=list)
    facts: list[tuple[str, str, list[str]]] = field(default_factory=list)
    passage: documents.Passage | None = None
    document: str = ""
    task: str = ""

    def called(self, *names: str) -> bool:
        return bool(self.calls) and self.calls[-1][0] in names and not self.failed

    @property
    def failed(self) -> bool:
        return any(result.startswith('{"error"') for result in self.results)


def _drop_empty(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value not in ("", 0)}


def call(name: str, **arguments: Any) -> list[Call]:
    return [(name, _drop_empty(arguments))]


# -- how results are put


def told(text: str) -> str:
    """The answer to an error: what the tool says, made a sentence or two."""
    message = str(json.loads(text)["error"]).split(";")[0].replace("'", "")
    return f"Sorry, that did not work: {message}."


_TIME = re.compile(r"(\d\d):(\d\d) on (\w+, \d+ \w+ \d+)(?: in ([^(]+))? \(")
_DAYS = re.compile(r"([+-]\d+) days from today is (\w+, \d+ \w+ \d+)(?: in ([^(]+))? \(")


def say_time(results: list[str], calls: list[Call], _: Slots) -> str:
    match = _TIME.match(results[0])
    assert match is not None, results
    hour, minute, _, place = match.groups()
    where = f" in {place}" if place else ""
    return f"It is {int(hour)}:{minute}{where}."


def say_day(results: list[str], calls: list[Call], _: Slots) -> str:
    if match := _DAYS.match(results[0]):
        days, date, place = int(match[1]), match[2], match[3]
        where = f" in {place}" if place else ""
        when = {1: "Tomorrow is", -1: "Yesterday was"}.get(days) or (
            f"In {days} days it is" if days > 0 else f"{-days} days ago it was"
        )
        return f"{when} {date}{where}."
    match = _TIME.match(results[0])
    assert match is not None, results
    return f"It is {match[3]} in {match[4]}." if match[4] else f"Today is {match[3]}."


def say_sum(results: list[str], calls: list[Call], _: Slots) -> str:
    return values.sentence(f"{calls[0][1]['expression']} is {results[0]}")


def say_units(results: list[str], calls: list[Call], _: Slots) -> str:
    arguments = calls[0][1]
    return values.sentence(f"{arguments['amount']} {arguments['from_unit']} is {results[0]}")


def say_timers(results: list[str], calls: list[Call], _: Slots) -> str:
    said = []
    for result, (_, arguments) in zip(results, calls, strict=True):
        if "reminder" in arguments and " " in arguments["reminder"]:
            said.append(f"OK. In {result.partition(' set for ')[2]} I will remind you: {arguments['reminder']}.")
        else:
            said.append(values.sentence(result))
    return " ".join(said)


def say_result(results: list[str], calls: list[Call], _: Slots) -> str:
    return values.sentence(results[0])


def say_list(results: list[str], calls: list[Call], _: Slots) -> str:
    if ":" not in results[0]:
        return "No timers are set."
    said = []
    for entry in results[0].split("; "):
        number, _, rest = entry.partition(": ")
        what, _, left = rest.rpartition(" in ")
        said.append(f"Timer {number}{'' if what == 'timer' else ', ' + what + ','} rings in {left}.")
    return " ".join(said)


# -- wants

DAY_WORDS = (
    "day",
    "tomorrow",
    "yesterday",
    "in_days",
    "days_ago",
    "days_follow",
    "day_place",
    "tomorrow_follow",
    "yesterday_follow",
)


def _place_before(state: State) -> str:
    return str(state.calls[-1][1].get("place", "")) if state.called("get_time") else ""


def _days(text: str) -> int:
    from voxtral_service.assistant.number_words import read_number

    read = read_number(text.split())
    return int(read[0]) if read else 0


def _previous(state: State) -> str:
    """The number that the last answer was, without its unit or "about"."""
    return state.results[-1].removeprefix("about ").split()[0]


def _cancelled(state: State, name: str) -> list[Call]:
    return call("cancel_timer", timer=name)


W: dict[str, Want] = {
    "time": Want(lambda s, _: call("get_time"), say_time, 6),
    "time_place": Want(lambda s, _: call("get_time", place=s["place"]), say_time, 9),
    "day": Want(lambda s, _: call("get_time"), say_day, 4),
    "day_place": Want(lambda s, _: call("get_time", place=s["place"]), say_day, 2),
    "tomorrow": Want(lambda s, _: call("get_time", days=1), say_day, 3),
    "yesterday": Want(lambda s, _: call("get_time", days=-1), say_day, 2),
    "in_days": Want(lambda s, _: call("get_time", days=_days(s["days"])), say_day, 4),
    "days_ago": Want(lambda s, _: call("get_time", days=-_days(s["days"])), say_day, 3),
    "place_follow": Want(
        lambda s, state: call("get_time", place=s["place"], days=state.calls[-1][1].get("days", 0)),
        lambda r, c, s: "", 26, needs=lambda state: state.called("get_time"),
    ),
    "tomorrow_follow": Want(
        lambda s, state: call("get_time", place=_place_before(state), days=1), say_day, 12,
        needs=lambda state: state.called("get_time"),
    ),
    "yesterday_follow": Want(
        lambda s, state: call("get_time", place=_place_before(state), days=-1), say_day, 8,
        needs=lambda state: state.called("get_time"),
    ),
    "days_follow": Want(
        lambda s, state: call("get_time", place=_place_before(state), days=_days(s["days"])), say_day, 10,
        needs=lambda state: state.called("get_time"),
    ),
    "calc": Want(lambda s, _: call("calculate", expression=s["expr"]), say_sum, 15),
    "calc_add": Want(lambda s, _: call("calculate", expression=f"{s['a']} plus {s['b']}"), say_sum, 3),
    "calc_multiply": Want(lambda s, _: call("calculate", expression=f"{s['a']} times {s['b']}"), say_sum, 2),
    "calc_divide": Want(lambda s, _: call("calculate", expression=f"{s['a']} divided by {s['b']}"), say_sum, 2),
    "calc_subtract": Want(lambda s, _: call("calculate", expression=f"{s['a']} minus {s['b']}"), say_sum, 2.5),
    "calc_follow": Want(
        lambda s, state: call("calculate", expression=f"{_previous(state)} {s['op']}"), say_sum, 26,
        needs=lambda state: state.called("calculate") and re.fullmatch(r"(about )?-?\d{1,12}(\.\d+)?", state.results[-1]) is not None,
    ),
    "units": Want(
        lambda s, _: call("convert_units", amount=s["amount"], from_unit=s["from"], to_unit=s["to"]), say_units, 13
    ),
    "units_one": Want(lambda s, _: call("convert_units", amount="one", from_unit=s["one"], to_unit=s["to"]), say_units, 4),
    "units_to_follow": Want(
        lambda s, state: call("convert_units", amount=state.calls[-1][1]["amount"], from_unit=state.calls[-1][1]["from_unit"], to_unit=s["to"]),
        say_units, 14, needs=lambda state: state.called("convert_units"),
    ),
    "units_amount_follow": Want(
        lambda s, state: call("convert_units", amount=s["amount"], from_unit=s.get("from") or state.calls[-1][1]["from_unit"], to_unit=state.calls[-1][1]["to_unit"]),
        say_units, 14, needs=lambda state: state.called("convert_units"),
    ),
    "timer": Want(lambda s, _: call("set_timer", duration=s.get("dur") or s.get("attr", "")), say_timers, 13),
    "timer_two": Want(
        lambda s, _: call("set_timer", duration=s.get("dur") or s.get("attr", "")) + call("set_timer", duration=s.get("dur2") or s.get("attr2", "")),
        say_timers, 4,
    ),
    "timer_label": Want(lambda s, _: call("set_timer", duration=s.get("dur") or s.get("attr", ""), reminder=s["label"]), say_timers, 6),
    "timer_follow": Want(
        lambda s, _: call("set_timer", duration=s.get("dur") or s.get("attr", "")), say_timers, 14,
        needs=lambda state: state.called("set_timer"),
    ),
    "remind": Want(lambda s, _: call("set_timer", duration=s.get("dur") or s.get("attr", ""), reminder=s["task"]), say_timers, 13),
    "remind_bare": Want(lambda s, _: [], lambda r, c, s: HOW_LONG, 4),
    "remind_when": Want(
        lambda s, state: call("set_timer", duration=s["dur"], reminder=state.task), say_timers, 60,
        needs=lambda state: state.last == "remind_bare" and bool(state.task),
    ),
    "cancel": Want(lambda s, state: _cancelled(state, "last"), say_result, 4),
    "cancel_all": Want(lambda s, state: _cancelled(state, "all"), say_result, 4),
    "cancel_which": Want(
        lambda s, state: _cancelled(state, s.get("which") or s.get("number", "")), say_result, 14, needs=lambda state: bool(state.timers)
    ),
    "cancel_task": Want(
        lambda s, state: _cancelled(state, s["task"]), say_result, 8,
        needs=lambda state: any(" " in label for _, label in state.timers),
    ),
    "list": Want(lambda s, _: call("list_timers"), say_list, 6),
    "remember": Want(lambda s, _: call("remember", fact=s["fact"]), lambda r, c, s: "OK, I will remember that.", 12),
    "recall": Want(lambda s, _: call("recall", query=s.get("query") or s.get("ask", "")), lambda r, c, s: "", 13),
    "forget": Want(lambda s, _: call("forget", query=s["query"]), lambda r, c, s: "", 6),
    "search": Want(lambda s, _: call("search_documents", query=s.get("q") or s.get("x", "")), lambda r, c, s: "", 14),
    "search_follow": Want(
        lambda s, _: call("search_documents", query=s.get("q") or s.get("x", "")), lambda r, c, s: "", 22,
        needs=lambda state: state.called("search_documents"),
    ),
    "read": Want(lambda s, _: call("read_document", document=s["doc"]), lambda r, c, s: "", 4),
    "read_page": Want(lambda s, _: call("read_document", document=s["doc"], page=_days(s["page"])), lambda r, c, s: "", 4),
    "page_follow": Want(
        lambda s, state: call("read_document", document=state.calls[-1][1]["document"], page=_days(s["page"])),
        lambda r, c, s: "", 14, needs=lambda state: state.called("read_document"),
    ),
    **{
        name: Want(lambda s, _: [], lambda r, c, s, text=text: text, {"hello": 3, "thanks": 3, "bye": 2.5, "ok": 3, "help": 3}.get(name, 2))  # type: ignore[misc]
        for name, text in SAID.items()
    },
    "repeat": Want(lambda s, _: [], lambda r, c, s: "", 6, needs=lambda state: bool(state.answer) and len(state.answer) < 160),
    **{f"outside_{name}": Want(lambda s, _: [], lambda r, c, s, text=text: text, {"know": 22}.get(name, 14)) for name, text in HONEST.items()},  # type: ignore[misc]
    "unclear": Want(lambda s, _: [], lambda r, c, s: UNCLEAR, 1.5),
}  # fmt: skip

CLOSED = {
    *values.ONES, *values.TENS, *(
        "hundred thousand million a an and point half third quarter quarters thirds plus minus times divided by multiplied over percent of the "
        "square root squared cubed to power twice double oh second seconds minute minutes hour hours first last all"
    ).split(),
    *(word for place in values.PLACES for word in place.lower().split()),
    *(word for units in values.UNITS.values() for unit in units.split("|") for word in (*unit.split(), *values.singular(unit).split())),
}  # fmt: skip
"""Words of numbers, units and places: another word where one of these belongs was misheard."""
CLOSED_SLOTS = {
    "expr",
    "a",
    "b",
    "op",
    "days",
    "amount",
    "from",
    "to",
    "one",
    "dur",
    "dur2",
    "attr",
    "attr2",
    "place",
    "page",
    "number",
}


def _is_told_as_heard(slot: str, said: Utterance, heard: Utterance) -> bool:
    """Whether a tool is told the words of a slot as they were heard, right or wrong.

    It is where the tool takes them for what was said all the same ("four teen minutes"), and where nobody could know
    better (a place that nobody knows).
    """
    if slot not in CLOSED_SLOTS:
        return True
    if slot not in _MEANINGS or not heard.slot(slot):
        return False
    meant, got = (_meaning(slot, utterance.slot(slot).lower()) for utterance in (said, heard))
    return (got is not None and got == meant) or (slot == "place" and said.slot(slot).lower() not in _PLACES)


@functools.lru_cache(maxsize=10_000)
def _meaning(slot: str, text: str) -> object:
    """What a tool takes the words of a slot for; None if for nothing."""
    try:
        return _MEANINGS[slot](text)
    except NotASum:
        return None


_PLACES = {place.lower() for place in values.PLACES}
_MEANINGS: dict[str, Callable[[str], object]] = {
    "place": zone_of,
    **dict.fromkeys(("expr", "a", "b", "amount"), lambda text: evaluate(text).number),
    "op": lambda text: evaluate(f"2 {text}").number,
    **dict.fromkeys(("dur", "dur2", "attr", "attr2"), parse_duration),
    **dict.fromkeys(("from", "to", "one"), unit_name),
}


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


@dataclass
class Style:
    """How somebody's words reach the model."""

    typed: bool
    digits: bool
    rate: float


class Writer:
    """Writes conversations of one part of the patterns and values."""

    def __init__(
        self, rng: random.Random, part: Part, ear: Ear, novel: list[str], style: Callable[[random.Random], Style]
    ) -> None:
        self.rng, self.part, self.ear, self.novel, self.style_of = rng, part, ear, novel, style
        self.loop = Clock()
        self._patterns = {
            name: [p for p in patterns if is_held_out(p) == part.held_out] or patterns
            for name, patterns in {**PATTERNS, **{f"outside_{k}": v for k, v in OUTSIDE.items()}}.items()
        }

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
        self.found = ""
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
        said = self._say(name)
        heard, meant = said, list(said.words)
        if name == "unclear":
            heard, meant = self.ear.hear(said, 0.7, rng)
        elif self.style.rate:
            heard, meant = self.ear.hear(said, self.style.rate, rng)
        slots_said = {slot: said.slot(slot) for slot in set(said.slots) - {""}}
        slots_heard = {
            slot: heard.slot(slot) if _is_told_as_heard(slot, said, heard) else repaired(heard, meant, slot, CLOSED)
            for slot in slots_said
        }
        calls_said = want.calls(slots_said, state)
        calls = want.calls(slots_heard, state)
        text = heard.text()
        if self.style.typed:
            text = self._typed(text)
        messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
        answer = ""
        if calls and not {call_name for call_name, _ in calls} <= set(tools):
            calls_said, calls, answer, results = [], [], SWITCHED_OFF, []
        elif calls and any(
            "" in arguments.values() or not _whole(call_name, arguments) for call_name, arguments in calls
        ):
            # What was to be copied has been lost on the way.
            calls_said, calls, answer, results = [("", {})], [], UNCLEAR, []
        else:
            results = [await self._result(name, c) for c in calls]
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

    # -- saying

    def _say(self, name: str) -> Utterance:
        rng = self.rng
        if name == "unclear":
            words = (
                rng.choices(self.novel, k=1)[0].split()
                if self.novel and rng.random() < 0.5
                else [values.any_word(rng) for _ in range(rng.randint(2, 7))]
            )
            return Utterance(words, [""] * len(words))
        if name == "outside_say" and self.novel and rng.random() < 0.3:
            words = rng.choice(self.novel).split()
            return Utterance(words, [""] * len(words))
        pattern = rng.choice(self._patterns[name])
        filled = self._fill(name, pattern)
        said = expand(pattern, filled, rng)
        if not self.style.typed:
            said.words = [word.lower() for word in said.words]
            if not self.style.digits:
                said.words = [
                    word.replace(".", "").replace(",", "")
                    if not word.replace(".", "").replace(",", "").isdigit()
                    else word
                    for word in said.words
                ]
        if rng.random() < 0.06 and name not in ("ok", "repeat", "unclear"):
            lead = rng.choice(
                ["um", "uh", "well", "okay", "so", "please", "hey wren", "hi", "listen", "and", "now"]
            ).split()
            said = Utterance([*lead, *said.words], [""] * len(lead) + said.slots)
        return said

    def _fill(self, name: str, pattern: str) -> dict[str, str]:
        """A value for each slot of a pattern."""
        rng, part, digits = self.rng, self.part, self.style.digits
        wanted = slots_of(pattern)
        filled: dict[str, str] = {}
        if "fact" in wanted or "ask" in wanted or name in ("recall", "forget"):
            filled |= self._facts(name)
        if name in ("search", "search_follow", "read", "read_page"):
            filled |= self._documents(name)
        if name.startswith("units"):
            filled |= self._units(name)
        simple: dict[str, Callable[[], str]] = {
            "expr": lambda: values.expression(rng, digits),
            "dur": lambda: values.duration(rng, digits),
            "dur2": lambda: values.duration(rng, digits),
            "attr": lambda: values.duration(rng, digits, attributive=True),
            "attr2": lambda: values.duration(rng, digits, attributive=True),
            "a": lambda: values.number(rng, values.any_number(rng), digits),
            "b": lambda: values.number(rng, values.any_number(rng), digits),
            "op": self._operation,
            "task": lambda: values.task(rng),
            "name": lambda: values.name(rng),
            "name2": lambda: values.name(rng),
            "place": self._place,
            "place2": self._place,
            "noun": self._thing,
            "noun2": self._thing,
        }
        lists = {
            "label": values.LABELS, "subject": SUBJECTS, "subject2": SUBJECTS, "genre": GENRES, "language": LANGUAGES, "surname": SURNAMES, "adjective": ADJECTIVES,
            "colour": values.COLOURS, "weekday": values.WEEKDAYS,
        }  # fmt: skip
        for slot in wanted:
            if slot in filled:
                continue
            if slot in ("days", "page", "n"):
                filled[slot] = values.number(
                    rng, rng.choice([rng.randint(2, 14), rng.randint(2, 60), rng.choice([30, 90, 100])]), digits
                )
            elif slot == "word":
                filled[slot] = values.any_word(rng)
            elif slot in simple:
                filled[slot] = part.make(rng, simple[slot])
            elif slot in lists:
                filled[slot] = part.choose(rng, lists[slot])
            elif slot in ("which", "number"):
                filled |= self._which()
        if name == "cancel_task":
            filled["task"] = rng.choice([label for _, label in self.state.timers if " " in label])
        return filled

    def _place(self) -> str:
        """A place of this part; made-up ones too in training, so that names are copied instead of known by heart."""
        kind = self.rng.random()
        if kind < 0.3 and not self.part.held_out:
            name = values.made_up(self.rng).capitalize()
            return (
                f"{self.rng.choice(['New', 'San', 'Saint', 'Port', 'El'])} {name}" if self.rng.random() < 0.15 else name
            )
        return self.part.choose(self.rng, values.PLACES if kind < 0.75 else values.ZONE_CITIES)

    def _thing(self) -> str:
        """A common noun of this part; in training every second one is any word at all, for people name any thing."""
        if self.part.held_out or self.rng.random() < 0.5:
            return self.part.choose(self.rng, values.NOUNS)
        words = [word for word in self.rng.choice(self.novel).split() if len(word) > 3] if self.novel else []
        return self.rng.choice(words) if words else values.made_up(self.rng)

    def _units(self, name: str) -> dict[str, str]:
        rng, digits = self.rng, self.style.digits
        from_unit, to_unit = values.unit_pair(rng, digits and self.style.typed)
        if name == "units_to_follow":
            from_unit = str(self.state.calls[-1][1]["from_unit"])
            to_unit = self._other_unit(from_unit)
        if name == "units_amount_follow":
            from_unit = str(self.state.calls[-1][1]["from_unit"])
        amount = self.part.make(rng, lambda: values.number(rng, values.any_number(rng), digits))
        return {"from": from_unit, "to": to_unit, "one": values.singular(from_unit), "amount": amount}

    def _operation(self) -> str:
        rng, digits = self.rng, self.style.digits
        n = values.number(rng, rng.choice([rng.randint(2, 12), rng.randint(2, 100)]), digits)
        return rng.choice([f"plus {n}", f"minus {n}", f"times {n}", f"divided by {n}", f"multiplied by {n}", "squared"])

    def _other_unit(self, unit: str) -> str:
        for units in values.UNITS.values():
            names = units.split("|")
            if unit in names or unit in [values.singular(other) for other in names]:
                return self.rng.choice([other for other in names if values.singular(other) != values.singular(unit)])
        return self.rng.choice(values.UNITS["length"].split("|"))

    def _which(self) -> dict[str, str]:
        rng = self.rng
        duration, label = rng.choice(self.state.timers)
        number = values.number(rng, rng.randint(1, len(self.state.timers)), self.style.digits)
        which = label if label and " " not in label else duration
        if rng.random() < 0.25:
            which = rng.choice(["first", "second", "last"][: len(self.state.timers)] or ["first"])
        return {"which": re.sub(r"(second|minute|hour)s\b", r"\1", which), "number": number}

    def _facts(self, name: str) -> dict[str, str]:
        rng = self.rng
        if self.state.facts and name != "remember" and rng.random() < 0.7:
            fact, query, asks = rng.choice(self.state.facts)
        else:
            while True:
                fact, query, asks = values.fact(rng, self.style.digits)
                if is_held_out(fact) == self.part.held_out:
                    break
        self.current = (fact, query, asks)
        if name == "remember":
            self.state.facts.append((fact, query, asks))
        return {"fact": fact, "query": query, "ask": rng.choice(asks)}

    def _documents(self, name: str) -> dict[str, str]:
        rng = self.rng
        document, said = documents.document_name(rng)
        if name == "search_follow" and self.state.passage is not None:
            document = self.state.passage.document
        if self.state.document and rng.random() < 0.4:
            document, said = (
                self.state.document,
                re.sub(r"\.\w+$", "", self.state.document).replace("-", " ").replace("_", " "),
            )
        self.state.document = document
        while True:
            passage = documents.passage(rng, document, rng.choice([1, 2, 3, 3, 4, 6]))
            if is_held_out(passage.answer) == self.part.held_out:
                break
        self.state.passage = passage
        return {"doc": said, "x": passage.thing, "q": passage.question}

    def _typed(self, text: str) -> str:
        """With capitals and a mark at the end, more or less."""
        rng = self.rng
        text = re.sub(r"\bi\b", "I", text) if rng.random() < 0.7 else text
        if rng.random() < 0.7:
            text = text[:1].upper() + text[1:]
        if rng.random() < 0.15:
            text = text.lower()
        question = text.lower().startswith(
            ("what", "how", "who", "where", "when", "why", "is ", "are ", "can ", "could ", "do ", "which", "and ")
        )
        return text + (rng.choice(["?", "?", ""]) if question else rng.choice([".", "", "", "!"]))

    # -- results and answers

    async def _result(self, name: str, what: Call) -> str:
        tool, arguments = what
        if tool in self.toolbox:
            return (await self.toolbox.run(ToolCall("1", tool, json.dumps(arguments)))).output
        return getattr(self, f"_{tool}")(arguments)  # type: ignore[no-any-return]

    # What the memory and document tools tell (assistant/tools_memories.py, tools_documents.py), without their database.

    def _remember(self, arguments: dict[str, Any]) -> str:
        return f"remembered: {arguments['fact']}"

    def _recall(self, arguments: dict[str, Any]) -> str:
        rng = self.rng
        if rng.random() < 0.15:
            self.found = ""
            return f"nothing is remembered about {arguments['query']}"
        fact = self.current[0]
        others = [f for f, _, _ in self.state.facts if f != fact] + [
            values.fact(rng, self.style.digits)[0] for _ in range(3)
        ]
        facts = [fact, *rng.sample(others, rng.choice([0, 0, 0, 1, 2]))]
        if rng.random() < 0.2:
            rng.shuffle(facts)
        if not self.style.typed:
            fact, facts = fact.lower(), [f.lower() for f in facts]
        self.found = fact
        return "; ".join(
            f"{f} (told on {rng.randint(1, 28)} {rng.choice(values.MONTHS)} {rng.randint(2025, 2028)})" for f in facts
        )

    def _forget(self, arguments: dict[str, Any]) -> str:
        if self.rng.random() < 0.2:
            self.found = ""
            return f"nothing is remembered about {arguments['query']}"
        self.found = self.current[0]
        return f"forgotten: {self.found}"

    def _search_documents(self, arguments: dict[str, Any]) -> str:
        rng, passage = self.rng, self.state.passage
        assert passage is not None
        if rng.random() < 0.12:
            self.found = ""
            if rng.random() < 0.3:
                return "there are no documents"
            return f"nothing about {arguments['query']} in {', '.join(documents.document_name(rng)[0] for _ in range(rng.randint(1, 3)))}"
        passages = [passage]
        if rng.random() < 0.4:
            other = documents.passage(
                rng, rng.choice([passage.document, documents.document_name(rng)[0]]), rng.choice([1, 2, 3])
            )
            passages = rng.choice([[passage, other], [passage, other], [other, passage]])
        self.found = passage.answer
        return "\n".join(
            [
                documents.QUOTED,
                *(
                    f"{p.document}, {rng.choice(['page', 'page', 'part'])} {p.page}:\n{documents.quoted(rng, p.text)}"
                    for p in passages
                ),
            ]
        )

    def _read_document(self, arguments: dict[str, Any]) -> str:
        rng = self.rng
        if rng.random() < 0.1:
            return json.dumps({"error": f"there is no document {arguments['document']!r}; there are others"})
        page = arguments.get("page", 1)
        document = self.state.document
        passage = documents.passage(rng, document, rng.choice([1, 2, 3, 4]))
        self.found = " ".join(re.findall(r"[^.]+\.", passage.text)[:2]).replace("  ", " ")
        return f"{documents.QUOTED}\n{document}, page {page} of {page + rng.randint(0, 30)}:\n{documents.quoted(rng, passage.text)}"

    def _answer(self, name: str, want: Want, calls: list[Call], results: list[str], slots: Slots) -> str:
        for result in results:
            if result.startswith('{"error"'):
                return told(result)
        if calls and (found := self._put(calls[0][0])):
            return found
        if name == "place_follow":
            followed = say_day if calls[0][1].get("days") or self.state.last in DAY_WORDS else say_time
            return followed(results, calls, slots)
        if name == "repeat":
            return self.state.answer
        return want.answer(results, calls, slots)

    def _put(self, tool: str) -> str:
        """What was found, in a sentence; empty for the other tools."""
        passage = self.state.passage
        empty = {"search_documents": "I found nothing about that in your documents."}
        told_of = {
            "recall": values.addressed(self.found),
            "forget": "OK, I have forgotten that",
            "search_documents": f"{passage.document if passage else ''} says: {self.found}",
            "read_document": f"{self.state.document} says: {self.found}",
        }
        if tool not in told_of:
            return ""
        return values.sentence(told_of[tool]) if self.found else empty.get(tool, "I remember nothing about that.")


def _whole(name: str, arguments: dict[str, Any]) -> bool:
    """Whether the arguments still hold what the call cannot do without."""
    needed = {
        "calculate": ["expression"], "convert_units": ["amount", "from_unit", "to_unit"], "set_timer": ["duration"],
        "remember": ["fact"], "recall": ["query"], "forget": ["query"], "search_documents": ["query"], "read_document": ["document"],
    }  # fmt: skip
    return all(arguments.get(argument) for argument in needed.get(name, []))
