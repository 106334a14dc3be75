"""How the OpenAPI page describes the routes that read their forms themselves."""

from __future__ import annotations

from typing import Any

JsonSchema = dict[str, Any]


def _string(description: str, **more: Any) -> JsonSchema:
    return {"type": "string", "description": description, **more}


def _strings(description: str, *words: str) -> JsonSchema:
    items = {"type": "string", "enum": list(words)} if words else {"type": "string"}
    return {"type": "array", "items": items, "description": description}


def _object(required: str, **properties: JsonSchema) -> JsonSchema:
    return {"type": "object", "required": required.split(), "properties": properties}


STRING, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
TEMPERATURE = {"type": "number", "minimum": 0, "maximum": 1, "description": "0, the default, is the likeliest text."}

BOTH = {
    "file": _string("The recording, in any container and codec that FFmpeg knows.", format="binary"),
    "model": _string("An installed model; names of hosted models, and none, stand for the served one."),
    "prompt": _string("Text that came before, or in the style that is wanted; for models that use it."),
    "temperature": TEMPERATURE,
}
FORMATS = ["json", "text", "srt", "vtt", "verbose_json"]
TRANSCRIPTION_FIELDS = {
    **BOTH,
    "language": _string("What is spoken, such as en; told from the sound if it is left out and the model can."),
    "languages[]": _strings("What may be spoken."),
    "keywords[]": _strings("Words that are likely."),
    "response_format": _string("diarized_json is refused: there is no diarizer.", enum=[*FORMATS, "diarized_json"]),
    "timestamp_granularities[]": _strings("With verbose_json, or from Mistral's clients.", "word", "segment"),
    "include[]": _strings("With json.", "logprobs"),
    "stream": {"type": "boolean", "description": "Server-sent events while the recording is heard."},
    "chunking_strategy": _string("auto, or an object in brackets: chunking_strategy[type]=server_vad."),
    "diarize": {"type": "boolean", "description": "Mistral; true is refused: there is no diarizer."},
    "context_bias": _strings("Mistral: words that are likely."),
    "file_url": _string("Mistral: where the recording is, if the server's list of hosts has it.", format="uri"),
}
TRANSLATION_FIELDS = {**BOTH, "response_format": _string("How the answer is written.", enum=FORMATS)}

USAGE = {"usage": {"type": "object"}}
JSON = _object("text", text=STRING, languages={"type": "array"}, logprobs={"type": "array"}, **USAGE)
VERBOSE = _object(
    "task language duration text",
    task=STRING,
    language=STRING,
    duration=NUMBER,
    text=STRING,
    segments={"type": "array", "items": _object("id start end text", id=INTEGER, start=NUMBER, end=NUMBER)},
    words={"type": "array", "items": _object("word start end", word=STRING, start=NUMBER, end=NUMBER)},
    **USAGE,
)
MISTRAL = _object(
    "model text language segments usage",
    model=STRING,
    text=STRING,
    language={"type": ["string", "null"]},
    segments={"type": "array"},
    **USAGE,
)
FIELD = {"type": ["string", "null"]}
_OPENAI = _object("message type param code", message=STRING, type=STRING, param=FIELD, code=FIELD)
ERROR = {
    "anyOf": [
        _object("error", error=_OPENAI),
        _object("object message type param code", object=STRING, message=STRING, type=STRING, param=FIELD, code=FIELD),
    ]
}
_DETAIL = {"type": "array", "items": _object("loc msg type", loc={"type": "array"}, msg=STRING, type=STRING)}
DETAIL = _object("detail", detail=_DETAIL)
"""A field of a form that cannot be read, as Mistral's API has it."""
UNREADABLE = _object("error detail", error=_OPENAI, detail=_DETAIL)
"""A part of the address, a header or a body that cannot be read, for clients of either API."""


def errors(**said: str) -> dict[int | str, dict[str, Any]]:
    """Responses that tell of errors, by status behind an underscore; with those that every route has."""
    everywhere = {
        "401": "No key, or none that is known.",
        "403": "A page of another site.",
        "500": "The server failed.",
    }
    content = {"application/json": {"schema": ERROR}}
    codes = {name.removeprefix("_"): text for name, text in said.items()}
    answers: dict[int | str, dict[str, Any]] = {
        int(code): {"description": text, "content": content} for code, text in {**everywhere, **codes}.items()
    }
    answers[422] = {
        "description": "A part of the address, a header or a field cannot be read.",
        "content": {"application/json": {"schema": UNREADABLE}},
    }
    return answers


def answers(*shapes: JsonSchema, stream: bool, said: str = "What was said.") -> dict[int | str, Any]:
    content = {"application/json": {"schema": {"anyOf": list(shapes)}}, "text/plain": {"schema": STRING}}
    if stream:
        content["text/event-stream"] = {"schema": STRING}
    errors = {
        400: "The recording or a field cannot be used.",
        401: "No key, or none that is known.",
        403: "A page of another site.",
        404: "No such model.",
        413: "The recording is too large.",
        429: "The key has all that it allows.",
        500: "The server failed.",
        502: "The host of a file_url failed.",
        503: "No room now.",
    }
    body = {"application/json": {"schema": ERROR}}
    answers: dict[int | str, Any] = {code: {"description": said, "content": body} for code, said in errors.items()}
    answers[422] = {"description": "A field cannot be read.", "content": {"application/json": {"schema": DETAIL}}}
    return {200: {"description": said, "content": content}, **answers}


def _form(fields: dict[str, JsonSchema], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


TRANSCRIPTIONS: dict[str, Any] = {
    "responses": answers(JSON, VERBOSE, MISTRAL, stream=True),
    "openapi_extra": _form(TRANSCRIPTION_FIELDS),
}
TRANSLATIONS: dict[str, Any] = {
    "responses": answers(JSON, VERBOSE, stream=False),
    "openapi_extra": _form(TRANSLATION_FIELDS, "file"),
}
