"""`/v1/chat/completions` requests of OpenAI, Mistral and vLLM clients: one JSON object, told apart part by part.

Sound comes as OpenAI's `{"type": "input_audio", "input_audio": {"data": base64, "format"}}`, as Mistral's
`{"type": "input_audio", "input_audio": base64 or URL}`, or as vLLM's `{"type": "audio_url", "audio_url": {"url"}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from voxtral_service.chat import AnswerOptions, Message, Role, Tool, ToolCall
from voxtral_service.wire import frames
from voxtral_service.wire.form import BadField
from voxtral_service.wire.frames import JsonObject

T = TypeVar("T")
ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
MAX_STOPS = 16
MAX_TEMPERATURE = 2
MOST_TOKENS = 2**20
MISTRAL_ONLY = ("random_seed", "safe_prompt", "prompt_mode")
"""Fields that only Mistral's clients send."""


@dataclass(frozen=True, slots=True)
class AudioBytes:
    """A recording, in any container; its own bytes tell which."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AudioLink:
    """Where a recording is."""

    url: str


Sound = AudioBytes | AudioLink


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a caller says and wants to hear; `model` is empty for the server's own."""

    model: str
    messages: tuple[Message[Sound], ...]
    options: AnswerOptions
    stream: bool = False
    include_usage: bool = False
    """Whether a stream ends with a piece of its own for the usage."""
    mistral: bool = False
    """Whether a client of Mistral's asks, which reads the usage from a stream's last piece."""


def decode(body: bytes, *, mistral: bool = False) -> ChatRequest:
    """Understand a request. Names of fields that nobody knows are ignored; `mistral` if its headers tell whose it is.

    Raises BadField, which names the field, for what cannot be read and for what would silently be left out.
    """
    data = frames.read(body)
    if data is None:
        raise BadField("the body is no JSON object; send one with model and messages")
    _refuse_unable(data)
    messages = _list(data, "messages")
    if not messages:
        raise BadField("there are no messages; send at least one of the user's", field="messages")
    stream_options = data.get("stream_options") or {}
    if not isinstance(stream_options, dict):
        raise BadField("stream_options must be an object", field="stream_options")
    return ChatRequest(
        model=_text(data, "model") or "",
        messages=tuple(_message(message, f"messages[{i}]") for i, message in enumerate(messages)),
        options=_options(data),
        stream=_flag(data, "stream"),
        include_usage=_flag(stream_options, "include_usage", "stream_options."),
        mistral=mistral or any(name in data for name in MISTRAL_ONLY) or _has_mistral_audio(messages),
    )


def _refuse_unable(data: JsonObject) -> None:
    """What changes the answer and is not done here must not be passed over."""
    modalities = data.get("modalities")
    if modalities not in (None, ["text"]):
        raise BadField("answers are text only here; leave modalities out, or send ['text']", field="modalities")
    format = data.get("response_format")
    if format is not None and (not isinstance(format, dict) or format.get("type") not in (None, "text")):
        raise BadField("answers are plain text here; leave response_format out", field="response_format")
    if data.get("n") not in (None, 1):
        raise BadField("one answer is given to a request; leave n out", field="n")
    for name in ("logprobs", "top_logprobs"):
        if data.get(name) not in (None, False, 0):
            raise BadField(f"answers come without probabilities; leave {name} out", field=name)
    for name in ("frequency_penalty", "presence_penalty"):
        if data.get(name) not in (None, 0):
            raise BadField(f"repetition is not penalised here; leave {name} out", field=name)
    if data.get("functions") or data.get("function_call"):
        raise BadField("functions are offered in tools", field="functions")


def _options(data: JsonObject) -> AnswerOptions:
    most = _number(data, "max_completion_tokens", int, 1, MOST_TOKENS)
    if most is None:
        most = _number(data, "max_tokens", int, 1, MOST_TOKENS)
    seed = _number(data, "seed", int, -(2**63), 2**63)
    top_p = _number(data, "top_p", float, 0, 1)
    tools, must_call = _tools(data)
    return AnswerOptions(
        max_tokens=most,
        temperature=_number(data, "temperature", float, 0, MAX_TEMPERATURE),
        top_p=1.0 if top_p is None else top_p,
        seed=_number(data, "random_seed", int, 0, 2**63) if seed is None else seed,
        stop=_stop(data.get("stop")),
        tools=tools,
        must_call=must_call,
    )


def _stop(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops) or len(stops) > MAX_STOPS:
        raise BadField(f"stop must be a string or a list of at most {MAX_STOPS}", field="stop")
    return tuple(stop for stop in stops if stop)


def _tools(data: JsonObject) -> tuple[tuple[Tool, ...], bool]:
    """The tools that the model may call, and whether it must call one."""
    tools = tuple(_tool(tool, f"tools[{i}]") for i, tool in enumerate(_list(data, "tools")))
    choice = data.get("tool_choice")
    if choice == "none":
        return (), False
    if choice not in (None, "auto", "required", "any"):
        raise BadField("tool_choice must be auto, none or required; no single tool can be forced", field="tool_choice")
    if choice in ("required", "any") and not tools:
        raise BadField("a call is required and there are no tools", field="tool_choice")
    return tools, choice in ("required", "any")


def _tool(value: object, where: str) -> Tool:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("type", "function") != "function" or not isinstance(function, dict):
        raise BadField("a tool must be {type: function, function: {name, description, parameters}}", field=where)
    name, parameters = function.get("name"), function.get("parameters") or {}
    if not isinstance(name, str) or not name or not isinstance(parameters, dict):
        raise BadField("a function has a name, and parameters that are a JSON Schema", field=f"{where}.function")
    description = function.get("description")
    return Tool(name, description if isinstance(description, str) else "", parameters)


def _message(value: object, where: str) -> Message[Sound]:
    if not isinstance(value, dict):
        raise BadField("a message must be an object with role and content", field=where)
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise BadField(f"the role must be one of {', '.join(ROLES)}", field=f"{where}.role")
    content = tuple(_content(value.get("content"), f"{where}.content"))
    if role != "user" and not all(isinstance(part, str) for part in content):
        raise BadField("only the user's messages hold sound", field=f"{where}.content")
    calls = tuple(_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(_list(value, "tool_calls", where)))
    if not content and not calls and role != "assistant":
        raise BadField("the message is empty; send text or sound", field=f"{where}.content")
    return Message(ROLES[role], content, calls if role == "assistant" else (), _text(value, "tool_call_id", where))


def _content(value: object, where: str) -> Iterator[str | Sound]:
    if isinstance(value, str):
        if value:
            yield value
        return
    if not isinstance(value, list | None):
        raise BadField("content must be a string or a list of parts", field=where)
    for i, part in enumerate(value or []):
        yield _part(part, f"{where}[{i}]")


def _part(part: object, where: str) -> str | Sound:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str):
        raise BadField("a part must be an object with a type", field=where)
    if kind == "text":
        text = part.get("text")
        if not isinstance(text, str):
            raise BadField("a part of type text has a string named text", field=where)
        return text
    if kind == "input_audio":
        value = part.get("input_audio")
        if isinstance(value, dict):
            return _encoded(value.get("data"), f"{where}.input_audio.data")
        return _sound(value, f"{where}.input_audio")
    if kind == "audio_url":
        value = part.get("audio_url")
        return _sound(value.get("url") if isinstance(value, dict) else value, f"{where}.audio_url")
    raise BadField(f"parts of type {kind[:40]!r} are not understood; send text, input_audio or audio_url", field=where)


def _sound(value: object, where: str) -> Sound:
    if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
        return AudioLink(value)
    return _encoded(value, where)


def _encoded(value: object, where: str) -> AudioBytes:
    """Base64, or a data URL with some."""
    if isinstance(value, str) and value[:5].lower() == "data:":
        head, _, value = value.partition(",")
        if not head.lower().endswith(";base64"):
            raise BadField("a data: URL must say ;base64 before its comma", field=where)
    data = frames.audio(value)
    if data is None:
        raise BadField("the audio must be base64 of a recording, or an http(s) or data: URL", field=where)
    if not data:
        raise BadField("there is no audio in it (0 bytes); send a recording", field=where)
    return AudioBytes(data)


def _call(value: object, where: str) -> ToolCall:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(function, dict):
        raise BadField("a call must be {id, type: function, function: {name, arguments}}", field=where)
    name, arguments, given = function.get("name"), function.get("arguments"), value.get("id")
    if isinstance(arguments, dict):  # Mistral's clients may send the object itself
        arguments = frames.write(arguments)
    if not isinstance(name, str) or not isinstance(arguments, str) or not isinstance(given, str):
        raise BadField("a call has an id, and a function with a name and arguments", field=where)
    if frames.read(arguments) is None:
        raise BadField("arguments must be the text of a JSON object", field=f"{where}.function.arguments")
    return ToolCall(given, name, arguments)


def _has_mistral_audio(messages: list[Any]) -> bool:
    parts = [
        part
        for message in messages
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for part in message["content"]
    ]
    return any(isinstance(part, dict) and isinstance(part.get("input_audio"), str) for part in parts)


def _list(data: JsonObject, name: str, where: str = "") -> list[Any]:
    value = data.get(name)
    field = f"{where}.{name}" if where else name
    if not isinstance(value, list | None):
        raise BadField(f"{name} must be a list", field=field)
    return value or []


def _text(data: JsonObject, name: str, where: str = "") -> str | None:
    value = data.get(name)
    if not isinstance(value, str | None):
        raise BadField(f"{name} must be a string", field=f"{where}.{name}" if where else name)
    return value


def _flag(data: JsonObject, name: str, where: str = "") -> bool:
    value = data.get(name)
    if not isinstance(value, bool | None):
        raise BadField(f"{name} must be true or false", field=where + name)
    return bool(value)


def _number(data: JsonObject, name: str, kind: Callable[[Any], T], least: float, most: float) -> T | None:
    value = data.get(name)
    if value is None:
        return None
    if not frames.is_number(value) or not least <= value <= most or (kind is int and value != int(value)):
        noun = "a whole number" if kind is int else "a number"
        raise BadField(f"{name} must be {noun} from {least:g} to {most:g}", field=name)
    return kind(value)
