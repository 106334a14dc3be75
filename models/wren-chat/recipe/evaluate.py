"""Measure a wren-chat checkpoint on what was kept out of its training.

    python evaluate.py --model MODEL --data DATA

Each thing said is judged by itself, with the conversation before it as it should have been. A call is right if it is of
the right tool and its arguments mean the same as what was said (sums are worked out, times, places and units compared).
Free text (what to remember, to remind of) is right as it was said or as it was heard: nobody can know that a name was
misheard. Of what to look for, the words count that the tools search by. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from natural import INSIDE, OUTSIDE_QUESTIONS
from transformers import AutoModelForCausalLM, AutoTokenizer
from wants import HONEST, HOW_LONG, SAID, SWITCHED_OFF, TOOLS, UNCLEAR

from voxtral_service.assistant.arithmetic import evaluate
from voxtral_service.assistant.durations import parse_duration
from voxtral_service.assistant.places import zone_of
from voxtral_service.assistant.tools_units import _name as unit_name
from voxtral_service.database.words import asked_terms

Calls = list[tuple[str, dict[str, Any]]]
REFUSALS = {*HONEST.values(), UNCLEAR, SWITCHED_OFF}


class Model:
    """A checkpoint, through stock transformers alone."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    @torch.inference_mode()
    def answers(self, conversations: list[tuple[list[str], list[dict[str, Any]]]], batch: int = 96) -> list[str]:
        """The raw text of the next message of each conversation, greedily."""
        prompts = [
            self.tokenizer.apply_chat_template(
                [_stock(message) for message in messages], tools=[_schema(name) for name in tools] or None,
                tokenize=False, add_generation_prompt=True,
            )
            for tools, messages in conversations
        ]  # fmt: skip
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        texts = [""] * len(prompts)
        for first in range(0, len(order), batch):
            some = order[first : first + batch]
            inputs = self.tokenizer(
                [prompts[i] for i in some], return_tensors="pt", padding=True, add_special_tokens=False
            )
            written = self.network.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=80
            )
            for i, ids in zip(some, written[:, inputs["input_ids"].shape[1] :], strict=True):
                texts[i] = self.tokenizer.decode(ids)
        return texts

    def parse(self, text: str, tools: list[str]) -> tuple[str, Calls]:
        """What a raw text says, and what it calls."""
        message = self.tokenizer.parse_response(text.partition("</s>")[0] + "</s>", prefix="<assistant>")
        calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls", [])]
        return message.get("content", "").strip(), calls


def _schema(name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}},
    }


def _stock(message: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message["role"], "content": message["content"]}
    if message.get("calls"):
        out["tool_calls"] = [
            {"type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in message["calls"]
        ]
    return out


# -- judging


def _value(text: object) -> object:
    try:
        return evaluate(str(text)).number
    except ValueError:
        return str(text)


def _plain(value: object) -> str:
    return " ".join(re.findall(r"[\w'.%°+*/^-]+", str(value).lower())).strip(" .")


def _place(value: object) -> object:
    zone = zone_of(str(value))
    return zone.key if zone else _plain(value)


_MEANINGS: dict[str, Callable[[object], object]] = {
    "expression": _value,
    "amount": _value,
    "duration": lambda value: parse_duration(str(value)) or _plain(value),
    "place": _place,
    "from_unit": lambda value: unit_name(str(value)),
    "to_unit": lambda value: unit_name(str(value)),
    "query": lambda value: sorted(set(asked_terms(str(value))) or {_plain(value)}),  # what the tools search by
    "days": str,
    "page": str,
}


def _meaning(argument: str, value: object) -> object:
    return _MEANINGS.get(argument, _plain)(value)


def same(call: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]) -> bool:
    """Whether two calls mean the same."""
    (name, arguments), (other_name, others) = call, other
    return name == other_name and {k: _meaning(k, v) for k, v in arguments.items()} == {
        k: _meaning(k, v) for k, v in others.items()
    }


OPEN = {"reminder", "fact", "query", "document", "timer"}


def right(calls: Calls, said: Calls, heard: Calls) -> bool:
    """Whether the calls are those that were asked for."""
    if len(calls) != len(said):
        return False
    wanted = said
    if len(heard) == len(said):  # free text as it was heard, all else as it was said
        wanted = [
            (name, {k: heard_arguments.get(k, v) if k in OPEN else v for k, v in arguments.items()})
            for (name, arguments), (_, heard_arguments) in zip(said, heard, strict=True)
        ]
    return all(map(same, calls, said)) or all(map(same, calls, wanted))


def wilson(good: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which a share lies."""
    if not count:
        return 0.0, 1.0
    share, square = good / count, z * z
    middle = share + square / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    return (middle - spread) / (1 + square / count), (middle + spread) / (1 + square / count)


def shown(good: int, count: int) -> str:
    """A share in percent with its interval."""
    low, high = wilson(good, count)
    return f"{100 * good / max(count, 1):.1f} % ({100 * low:.1f} to {100 * high:.1f}; {good} of {count})"


class Tally:
    """What was right, by kind."""

    def __init__(self) -> None:
        self.good: Counter[str] = Counter()
        self.count: Counter[str] = Counter()
        self.wrong: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, good: bool, what: str) -> None:
        """One judgement."""
        self.good[kind] += good
        self.count[kind] += 1
        if not good:
            self.wrong[kind].append(what)


def measure(model: Model, path: Path, most: int | None) -> dict[str, Any]:
    """Judge one set; prints what is right of calls, refusals, talk and the wording of results."""
    first: list[tuple[list[str], list[dict[str, Any]]]] = []
    second: list[tuple[list[str], list[dict[str, Any]]]] = []
    turns: list[dict[str, Any]] = []
    wordings: list[tuple[str, str]] = []
    words = errors = 0
    for line in path.open(encoding="utf-8"):
        dialogue = json.loads(line)
        before: list[dict[str, Any]] = []
        for turn in dialogue["turns"]:
            first.append((dialogue["tools"], [*before, turn["messages"][0]]))
            turns.append(turn)
            if len(turn["messages"]) > 2:
                second.append((dialogue["tools"], [*before, *turn["messages"][:-1]]))
                wordings.append((turn["want"], turn["messages"][-1]["content"]))
            before += turn["messages"]
            words += len(turn["said"].split())
            errors += distance(turn["said"].lower().split(), re.sub(r"[?.!]+$", "", turn["heard"].lower()).split())
        if most and len(turns) >= most:
            break
    tally = Tally()
    for turn, text in zip(turns, model.answers(first), strict=True):
        content, calls = model.parse(text, [])
        said = [(name, arguments) for name, arguments in turn["calls_said"]]
        heard = [(name, arguments) for name, arguments in turn["calls_heard"]]
        note = f"{turn['want']}: {turn['heard']!r} (said {turn['said']!r}) -> {calls or content!r}, not {said or turn['messages'][-1]['content']!r}"
        if (
            said and said[0][0] == ""
        ):  # what was lost on the way cannot be called for: still an error, as the person sees it
            tally.add("calls", False, note)
        elif said:
            tally.add("calls", right(calls, said, heard), note)
            tally.add(f"calls: {said[0][0]}", right(calls, said, heard), note)
        elif turn["want"].startswith("outside") or turn["want"] == "unclear":
            tally.add("honest", not calls and content in REFUSALS, note)
        else:
            tally.add("talk", not calls and content == turn["messages"][-1]["content"], note)
    for (want, wanted), text in zip(wordings, model.answers(second), strict=True):
        content, calls = model.parse(text, [])
        tally.add("wording", not calls and content == wanted, f"{want}: {content!r}, not {wanted!r}")
    print(f"\n{path.stem}: word error rate {100 * errors / max(words, 1):.1f} %")
    _print(tally)
    return {kind: (tally.good[kind], tally.count[kind]) for kind in tally.count}


def _print(tally: Tally, most: int = 12) -> None:
    for kind in sorted(tally.count, key=lambda kind: (":" in kind, kind)):
        print(f"  {kind:28} {shown(tally.good[kind], tally.count[kind])}")
    for kind in ("calls", "honest", "talk", "wording"):
        for note in tally.wrong[kind][:most]:
            print(f"      {kind}: {note}")


def distance(said: list[str], heard: list[str]) -> int:
    """Words to change to make one of the other."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def natural(model: Model) -> None:
    """Sentences written by hand, none of them a pattern."""
    tally = Tally()
    asked = [(TOOLS, [{"role": "user", "content": text}]) for text, _ in INSIDE]
    for (text, wanted), raw in zip(INSIDE, model.answers(asked), strict=True):
        content, calls = model.parse(raw, [])
        if isinstance(wanted, str):
            answers = {SAID[wanted]} if wanted in SAID else {HOW_LONG}
            tally.add("talk", not calls and content in answers, f"{text!r} -> {calls or content!r}, not {wanted}")
        else:
            tally.add("calls", right(calls, wanted, wanted), f"{text!r} -> {calls or content!r}, not {wanted}")
    asked = [(TOOLS, [{"role": "user", "content": text}]) for text in OUTSIDE_QUESTIONS]
    for text, raw in zip(OUTSIDE_QUESTIONS, model.answers(asked), strict=True):
        content, calls = model.parse(raw, [])
        tally.add("honest", not calls and content in REFUSALS, f"{text!r} -> {calls or content!r}")
    print("\nwritten by hand")
    _print(tally, 60)


def main() -> None:
    """Read the command line and print a table a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=["clean", "noisy", "typed", "natural"])
    parser.add_argument("--most", type=int, help="turns of each set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.monotonic()
    model = Model(options.model)
    for name in options.sets:
        if name == "natural":
            natural(model)
        else:
            measure(model, options.data / f"{name}.jsonl", options.most)
    print(f"\n{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
