"""What the memory and document tools tell (assistant/tools_memories.py, tools_documents.py), without their database."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import documents
import values
from sayings import Style
from wants import Call, State


class Outcomes:
    """The results of one conversation's calls, drawn at random: found, not found, more than was asked for."""

    def __init__(self, rng: random.Random, style: Style, state: State) -> None:
        self.rng, self.style, self.state = rng, style, state

    def of(self, call: Call) -> str:
        """What the tool tells; what it found is in the state."""
        tool, arguments = call
        return getattr(self, f"_{tool}")(arguments)  # type: ignore[no-any-return]

    def _remember(self, arguments: dict[str, Any]) -> str:
        return f"remembered: {arguments['fact']}"

    def _recall(self, arguments: dict[str, Any]) -> str:
        rng = self.rng
        if rng.random() < 0.15:
            self.state.found = ""
            return f"nothing is remembered about {arguments['query']}"
        fact = self.state.about[0]
        others = [f for f, _, _ in self.state.facts if f != fact] + [
            values.fact(rng, self.style.digits)[0] for _ in range(3)
        ]
        facts = [fact, *rng.sample(others, rng.choice([0, 0, 0, 1, 2]))]
        if rng.random() < 0.2:
            rng.shuffle(facts)
        if not self.style.typed:
            fact, facts = fact.lower(), [f.lower() for f in facts]
        self.state.found = fact
        return "; ".join(
            f"{f} (told on {rng.randint(1, 28)} {rng.choice(values.MONTHS)} {rng.randint(2025, 2028)})" for f in facts
        )

    def _forget(self, arguments: dict[str, Any]) -> str:
        if self.rng.random() < 0.2:
            self.state.found = ""
            return f"nothing is remembered about {arguments['query']}"
        self.state.found = self.state.about[0]
        return f"forgotten: {self.state.found}"

    def _search_documents(self, arguments: dict[str, Any]) -> str:
        rng, passage = self.rng, self.state.passage
        assert passage is not None
        if rng.random() < 0.12:
            self.state.found = ""
            if rng.random() < 0.3:
                return "there are no documents"
            return f"nothing about {arguments['query']} in {', '.join(documents.document_name(rng)[0] for _ in range(rng.randint(1, 3)))}"
        passages = [passage]
        if rng.random() < 0.4:
            other = documents.passage(
                rng, rng.choice([passage.document, documents.document_name(rng)[0]]), rng.choice([1, 2, 3])
            )
            passages = rng.choice([[passage, other], [passage, other], [other, passage]])
        self.state.found = passage.answer
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
        self.state.found = " ".join(re.findall(r"[^.]+\.", passage.text)[:2]).replace("  ", " ")
        return f"{documents.QUOTED}\n{document}, page {page} of {page + rng.randint(0, 30)}:\n{documents.quoted(rng, passage.text)}"

    def put(self, tool: str) -> str:
        """What was found, in a sentence; empty for the other tools."""
        passage = self.state.passage
        empty = {"search_documents": "I found nothing about that in your documents."}
        told_of = {
            "recall": values.addressed(self.state.found),
            "forget": "OK, I have forgotten that",
            "search_documents": f"{passage.document if passage else ''} says: {self.state.found}",
            "read_document": f"{self.state.document} says: {self.state.found}",
        }
        if tool not in told_of:
            return ""
        return values.sentence(told_of[tool]) if self.state.found else empty.get(tool, "I remember nothing about that.")
