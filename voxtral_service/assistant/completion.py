"""One streamed chat completion: chunks in, events out, calls of tools put together from their pieces."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerText, EndOfAnswer, ToolCall
from voxtral_service.errors import UpstreamError

MAX_CALLS = 32
"""Calls in one answer."""
MAX_ARGUMENTS = 256 * 1024
"""Characters of one call's arguments."""


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


class Completion:
    """What has come of one answer."""

    def __init__(self) -> None:
        self.ended = False
        """Whether the endpoint has said that the answer is over."""
        self.usage_came = False
        self._reason = "stop"
        self._calls: dict[int, _Call] = {}
        self._last = 0
        self._usage: Mapping[str, Any] = {}

    def add(self, chunk: Mapping[str, Any]) -> Iterator[AnswerEvent]:
        """The events that a chunk makes. Raises UpstreamError for one that is none, or that tells of an error."""
        if chunk.get("done"):
            self.ended = self.usage_came = True
            return
        if error := chunk.get("error"):
            said = error.get("message") if isinstance(error, dict) else error
            raise UpstreamError(f"gives up: {said}", trouble="broken")
        if usage := chunk.get("usage"):
            self._usage = _mapping(usage, "usage")
            self.usage_came = True
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise UpstreamError("sends choices that are no list", trouble="broken")
        for value in choices[:1]:
            choice = _mapping(value, "choice")
            delta = _mapping(choice.get("delta") or choice.get("message") or {}, "delta")
            if text := _text(delta.get("content")) or _text(delta.get("refusal")):
                yield AnswerText(text)
            for piece in delta.get("tool_calls") or []:
                self._add_call(_mapping(piece, "tool call"))
            if choice.get("finish_reason"):
                self.ended = True
                self._reason = str(choice["finish_reason"])

    def finish(self) -> Iterator[AnswerEvent]:
        """The calls that are whole now, then the end."""
        calls = [self._calls[index] for index in sorted(self._calls)]
        for call in calls:
            if not call.name:
                raise UpstreamError("sends a tool call without a name", trouble="broken")
            yield ToolCall(call.id or f"call_{uuid.uuid4().hex[:24]}", call.name, call.arguments or "{}")
        reason = "tool_calls" if calls and self._reason != "length" else self._reason
        known = reason if reason in get_args(EndOfAnswer) and (calls or reason != "tool_calls") else "stop"
        details = self._usage.get("prompt_tokens_details") or {}
        yield AnswerEnd(
            cast(EndOfAnswer, known),
            _count(self._usage.get("prompt_tokens")),
            _count(details.get("audio_tokens")) if isinstance(details, Mapping) else 0,
            _count(self._usage.get("completion_tokens")),
            0.0,
        )

    def _add_call(self, piece: Mapping[str, Any]) -> None:
        index = piece.get("index")
        if not isinstance(index, int):  # some endpoints send whole calls, and number none
            same = not piece.get("id") or self._calls.get(self._last, _Call()).id in ("", piece["id"])
            index = self._last if same else self._last + 1
        self._last = index
        if index not in self._calls and len(self._calls) >= MAX_CALLS:
            raise UpstreamError(f"sends more than {MAX_CALLS} tool calls in one answer", trouble="broken")
        call = self._calls.setdefault(index, _Call())
        function = _mapping(piece.get("function") or {}, "function")
        call.id = call.id or str(piece.get("id") or "")
        call.name = call.name or str(function.get("name") or "")
        call.arguments += str(function.get("arguments") or "")
        if len(call.arguments) > MAX_ARGUMENTS:
            raise UpstreamError(f"sends arguments of more than {MAX_ARGUMENTS} characters", trouble="broken")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UpstreamError(f"sends a {what} that is no object", trouble="broken")
    return value


def _text(content: object) -> str:
    """Content is a text or a list of parts, of which only those of text are said."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict) and "text" in part)
    return content if isinstance(content, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
