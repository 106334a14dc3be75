"""What people want of the assistant: the calls that are right for it, and how their results are put."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import documents
import values

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
    """What to remind of, while the time for it is asked."""
    about: tuple[str, str, list[str]] = ("", "", [])
    """The fact that is spoken of: it, what to look it up by, and how one asks for it."""
    found: str = ""
    """What the memory or a document held; empty if nothing."""

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
    "remember": Want(lambda s, _: call("remember", fact=s["fact"]), lambda r, c, s: "OK, I will remember that.", 14),
    "recall": Want(lambda s, _: call("recall", query=s.get("query") or s.get("ask", "")), lambda r, c, s: "", 18),
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


def whole(name: str, arguments: dict[str, Any]) -> bool:
    """Whether the arguments still hold what the call cannot do without."""
    needed = {
        "calculate": ["expression"], "convert_units": ["amount", "from_unit", "to_unit"], "set_timer": ["duration"],
        "remember": ["fact"], "recall": ["query"], "forget": ["query"], "search_documents": ["query"], "read_document": ["document"],
    }  # fmt: skip
    return all(arguments.get(argument) for argument in needed.get(name, []))
