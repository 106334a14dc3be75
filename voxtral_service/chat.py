"""Conversations with models that understand speech: what is said, what may be asked for, what comes back.

A conversation is generic in what stands for sound: bytes or an address where a request comes in, samples in an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Sound = TypeVar("Sound")
Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a function called; `arguments` is the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message(Generic[Sound]):
    """One message, its texts and sounds in the order they were given.

    An assistant's message may ask for calls; a tool's message answers the one named by `call_id`.
    """

    role: Role
    content: tuple[str | Sound, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """How an answer is to be written.

    `max_tokens` of None is the model's own bound; a `temperature` of 0 is greedy, None the model's own (greedy in the
    engines here); the answer ends before the first of the `stop` strings; equal seeds give equal answers. With
    `must_call` the answer is a call of one of the tools.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    must_call: bool = False


@dataclass(frozen=True, slots=True)
class AnswerText:
    """Text that extends the answer."""

    text: str


EndOfAnswer = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """The last event of an answer: why it ends and what it took, 0 for what the model does not tell.

    `prompt_tokens` includes the `audio_tokens`; `audio_seconds` is the sound that was heard.
    """

    reason: EndOfAnswer
    prompt_tokens: int
    audio_tokens: int
    completion_tokens: int
    audio_seconds: float


AnswerEvent = AnswerText | ToolCall | AnswerEnd
