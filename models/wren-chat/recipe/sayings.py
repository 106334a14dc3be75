"""What a person says: a pattern of what they want, its slots filled from what the conversation has come to."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import documents
import values
from grammar import Part, Utterance, expand, is_held_out, slots_of
from outside import ADJECTIVES, GENRES, LANGUAGES, OUTSIDE, SUBJECTS, SURNAMES
from patterns import PATTERNS
from wants import State


@dataclass
class Style:
    """How somebody's words reach the model."""

    typed: bool
    digits: bool
    rate: float


class Sayings:
    """Says what somebody wants, with the patterns and values of one part; `novel` are sentences that want nothing."""

    def __init__(self, rng: random.Random, part: Part, novel: list[str]) -> None:
        self.rng, self.part, self.novel = rng, part, novel
        self._patterns = {
            name: [p for p in patterns if is_held_out(p) == part.held_out] or patterns
            for name, patterns in {**PATTERNS, **{f"outside_{k}": v for k, v in OUTSIDE.items()}}.items()
        }

    def begin(self, style: Style, state: State) -> None:
        """Begin a conversation."""
        self.style, self.state = style, state

    def say(self, name: str) -> Utterance:
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
        if name == "recall" and not self.part.held_out and rng.random() < 0.4:
            pattern = "{ask}"  # as people ask most, and the words are as many as there are facts
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
            "label": self._label,
        }
        lists = {
            "subject": SUBJECTS, "subject2": SUBJECTS, "genre": GENRES, "language": LANGUAGES, "surname": SURNAMES, "adjective": ADJECTIVES,
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

    def _label(self) -> str:
        """What a timer is for; in training every third one is for any word at all."""
        if self.part.held_out or self.rng.random() < 0.67:
            return self.part.choose(self.rng, values.LABELS)
        return self._thing()

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
        self.state.about = (fact, query, asks)
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

    def typed(self, text: str) -> str:
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
