"""The session object of an OpenAI connection: what the client sees of it, and what the house makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from voxtral_service.events import ResponseSettings, SemanticVad, ServerVad, SessionSettings
from voxtral_service.tool_servers import ToolServer
from voxtral_service.wire import openai_wishes
from voxtral_service.wire.base import Connection
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_errors import Rejected
from voxtral_service.wire.openai_mcp import tool_servers, without_secrets
from voxtral_service.wire.openai_merge import (
    At,
    Rule,
    Unusable,
    either,
    fields,
    integer,
    list_of,
    model_name,
    nullable,
    number,
    of,
    one_of,
)
from voxtral_service.wire.openai_wishes import FLAT_FORMATS, answering, house_format, voice

Kind = Literal["realtime", "transcription"]
KINDS: tuple[Kind, ...] = ("realtime", "transcription")
RATES = (8_000, 16_000, 24_000, 48_000)
"""OpenAI itself knows 24 kHz only."""
OFFICIAL_RATE = 24_000
TOOL_CALLS = "voxtral.tool_calls"
"""In `include`: an addition of this server's, under which calls of its own tools are shown as `mcp_call` items. Readers
would not know the name, so it is not shown.
"""
DELAYS_MS = {"minimal": 160, "low": 240, "medium": 480, "high": 960, "xhigh": 2_400}
# -- what may be sent, and how it changes what is in effect


def _audio_format(old: Any, new: Any, at: At) -> JsonObject:
    """Refused rather than ignored when unknown: all audio that follows would be noise."""
    if new is None:
        raise Unusable("an audio format")
    if isinstance(new, str):
        new = FLAT_FORMATS.get(new, new)
    kind = new.get("type", (old or {}).get("type")) if isinstance(new, dict) else None
    if kind == "audio/pcm":
        rate = new.get("rate", OFFICIAL_RATE)
        if rate not in RATES:
            known = ", ".join(map(str, RATES))
            raise Rejected(f"Unsupported sample rate; supported are {known}.", param=f"{at.path}.rate")
        return {"type": kind, "rate": int(rate)}
    if kind == "audio/pcmu" or kind == "audio/pcma":  # noqa: PLR1714 - a membership test fails on unhashable JSON
        return {"type": kind}
    raise Rejected("Unsupported audio format; supported are audio/pcm, audio/pcmu and audio/pcma.", param=at.path)


_RESPONDING: Mapping[str, Rule] = {"create_response": of(bool), "interrupt_response": of(bool)}
_DETECTORS: Mapping[str, tuple[JsonObject, Rule]] = {
    "server_vad": (
        {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500},
        fields(
            {
                "type": of(str),
                "threshold": number(0, 1),
                "prefix_padding_ms": integer(0, 10_000),
                "silence_duration_ms": integer(0, 60_000),
                "idle_timeout_ms": nullable(integer(1_000, 3_600_000)),
                **_RESPONDING,
            }
        ),
    ),
    "semantic_vad": (
        {"type": "semantic_vad", "eagerness": "auto"},
        fields({"type": of(str), "eagerness": one_of("low", "medium", "high", "auto"), **_RESPONDING}),
    ),
}


def _turn_detection(old: Any, new: Any, at: At) -> JsonObject:
    """A change of type starts from that type's defaults."""
    if not isinstance(new, dict):
        raise Unusable("an object or null")
    kind = new.get("type", (old or {}).get("type", "server_vad"))
    if not isinstance(kind, str) or kind not in _DETECTORS:
        raise Unusable(f"of type {' or '.join(_DETECTORS)}")
    defaults, rule = _DETECTORS[kind]
    merged: JsonObject = rule(old if old and old["type"] == kind else defaults, new, at)
    return merged


_TRANSCRIPTION_KEYS = fields(
    {
        "model": model_name,
        "language": nullable(of(str)),
        "languages": nullable(list_of(str)),
        "keywords": nullable(list_of(str)),
        "prompt": nullable(of(str)),
        "delay": nullable(one_of(*DELAYS_MS)),
    }
)


def _transcription(old: Any, new: Any, at: At) -> JsonObject:
    """Keys set to null go, since a reader may die on a key that it never sent."""
    return {key: value for key, value in _TRANSCRIPTION_KEYS(old, new, at).items() if value is not None}


_INPUT = fields(
    {
        "format": _audio_format,
        "transcription": nullable(_transcription),
        "noise_reduction": nullable(fields({"type": one_of("near_field", "far_field"), "strength": number(0, 1)})),
        "turn_detection": nullable(_turn_detection),
    }
)
_ANSWERING = answering(_audio_format)
RESPONSE = fields(_ANSWERING)
"""What one response may have otherwise than its session."""
_OUTPUT = fields({"format": _audio_format, "voice": voice, "speed": number(0.25, 1.5)})
_INCLUDE = nullable(list_of(str))
_RULES: Mapping[Kind, Rule] = {
    "transcription": fields({"type": of(str), "audio": fields({"input": _INPUT}), "include": _INCLUDE}),
    "realtime": fields(
        {
            **_ANSWERING,
            "type": of(str),
            "model": model_name,
            "audio": fields({"input": _INPUT, "output": _OUTPUT}),
            "include": _INCLUDE,
            "tracing": nullable(either(of(str), of(dict))),
            "truncation": either(of(str), of(dict)),
        }
    ),
}


# -- what is in effect


class RealtimeSession:
    """The settings in effect on one connection."""

    def __init__(self, connection: Connection, kind: Kind, session_id: str) -> None:
        self.id = session_id
        self.kind = kind
        self._connection = connection
        self._values = _defaults(kind, connection.model)
        self.servers: tuple[ToolServer, ...] = ()
        self._settled = False

    def update(self, patch: object) -> list[str]:
        """Change what the client sent, all of it or nothing; returns lines for the log. Raises Rejected."""
        if not isinstance(patch, dict):
            raise Rejected("Missing or malformed 'session'.", code="missing_required_parameter", param="session")
        kind = self._kind_of(patch)
        values = self._values if kind == self.kind else _defaults(kind, self._connection.model)
        at = At("session", self._connection)
        values = _RULES[kind](values, patch, at)
        servers = tool_servers(values["tools"]) if kind == "realtime" else ()
        self._values, self.servers = values, servers
        self.kind, self._settled = kind, True
        return at.notes

    def shown(self) -> JsonObject:
        """The effective session as in `session.created` and `session.updated`.

        Strict readers die on keys that they do not know in some places, hence nothing appears that neither every reader
        knows nor the client has sent. What a tool server is shown to be let in is not said back: the settings may have
        come with a key for a page.
        """
        shown = {"type": self.kind, "object": _OBJECTS[self.kind], "id": self.id, **self._values}
        if "tools" in shown:
            shown["tools"] = [without_secrets(tool) for tool in shown["tools"]]
        if self.shows_tools:
            shown["include"] = [name for name in shown["include"] if name != TOOL_CALLS]
        return shown

    @property
    def transcribes(self) -> bool:
        """Whether the client wants to read what was said; a transcription session cannot be without."""
        return self.kind == "transcription" or self._input["transcription"] is not None

    @property
    def detects_turns(self) -> bool:
        """Whether the server ends turns; otherwise the client commits them."""
        return self._input["turn_detection"] is not None

    @property
    def settings(self) -> SessionSettings:
        """The same in house terms."""
        told = self._input["transcription"] or {}
        defaults = self._connection.defaults
        candidates = tuple(told.get("languages") or ())
        language = told.get("language") or (candidates[0] if len(candidates) == 1 else None)
        return replace(
            defaults,
            audio_format=house_format(self._input["format"]),
            turn_detection=_house_detector(self._input["turn_detection"]),
            delay_ms=DELAYS_MS[told["delay"]] if "delay" in told else defaults.delay_ms,
            language=language if language or candidates else defaults.language,
            languages=() if language else candidates,
            vocabulary=tuple(told.get("keywords", defaults.vocabulary)),
            prompt=told.get("prompt", defaults.prompt),
        )

    @property
    def answering(self) -> JsonObject:
        """What holds for answers that nothing else is said about."""
        return self._values

    def answer(self, patch: JsonObject) -> tuple[JsonObject, list[str]]:
        """The values of one answer that is to be made otherwise, and lines for the log. Raises Rejected."""
        at = At("response", self._connection)
        shared = {name: self._values[name] for name in _ANSWERING if name in self._values}
        wanted = {name: value for name, value in patch.items() if name in _ANSWERING}
        made: JsonObject = RESPONSE(shared, wanted, at)
        return made, at.notes

    @property
    def responses(self) -> ResponseSettings | None:
        """How answers are to be made; None where there are none."""
        if self.kind == "transcription" or not self._connection.responds:
            return None
        return self.wish(self._values)

    def wish(self, values: JsonObject) -> ResponseSettings:
        """Values of answers in house terms."""
        return openai_wishes.settings(values, self._connection.voices, detector=self._input["turn_detection"])

    @property
    def server_labels(self) -> frozenset[str]:
        """The tool servers that the client has named."""
        return frozenset(server.label for server in self.servers)

    @property
    def shows_tools(self) -> bool:
        """Whether the client wants to be told of calls of this server's own tools."""
        return TOOL_CALLS in (self._values.get("include") or ())

    @property
    def _input(self) -> JsonObject:
        found: JsonObject = self._values["audio"]["input"]
        return found

    def _kind_of(self, patch: JsonObject) -> Kind:
        """The first update may choose, because a bare URL says nothing about the type of session that is meant."""
        wanted = patch.get("type", self.kind)
        for kind in KINDS:
            if kind == wanted and (kind == self.kind or not self._settled):
                return kind
        raise Rejected(f"This is a session of type '{self.kind}', which cannot change.", param="session.type")


_OBJECTS: Mapping[Kind, str] = {"realtime": "realtime.session", "transcription": "realtime.transcription_session"}


def _defaults(kind: Kind, model: str) -> JsonObject:
    pcm = FLAT_FORMATS["pcm16"]
    heard: JsonObject = {"format": pcm, "transcription": None, "turn_detection": _DETECTORS["server_vad"][0]}
    if kind == "transcription":
        return {"audio": {"input": {**heard, "transcription": {"model": model}}}}
    return {
        "model": model,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "audio": {"input": heard, "output": {"format": pcm, "voice": "default", "speed": 1.0}},
    }


def _house_detector(given: JsonObject | None) -> ServerVad | SemanticVad | None:
    if given is None:
        return None
    if given["type"] == "semantic_vad":
        eagerness = given["eagerness"]
        return SemanticVad(eagerness="medium" if eagerness == "auto" else eagerness)
    return ServerVad(
        threshold=given["threshold"],
        prefix_padding_ms=given["prefix_padding_ms"],
        silence_duration_ms=given["silence_duration_ms"],
        idle_timeout_ms=given.get("idle_timeout_ms"),
    )
