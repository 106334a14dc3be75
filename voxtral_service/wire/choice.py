"""Which dialect is spoken on `/v1/realtime`, where OpenAI's and vLLM's clients meet.

Some tell when they connect. The others are sent an opening that readers of both understand, and their audio waits until
one of their messages tells:

    session.update with a session of a type         OpenAI
    session.update with a flat session              OpenAI's beta
    transcription_session.update                    OpenAI's beta
    session.update with a model and no session      vLLM
    input_audio_buffer.commit with `final`          vLLM
    anything else but input_audio_buffer.append     OpenAI
    more audio than waits here                      OpenAI, where clients may send nothing but audio

After that the other dialect is never heard again: their errors, commits and events cannot be mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from voxtral_service.errors import InvalidOption, ModelNotFound, VoxtralError
from voxtral_service.events import (
    AssistantCommand,
    Command,
    Configure,
    ConfigureResponses,
    Event,
    ResponseSettings,
    SessionSettings,
)
from voxtral_service.wire import frames
from voxtral_service.wire.base import Connection, Decoded, Dialect
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_beta import is_flat
from voxtral_service.wire.openai_realtime import OpenAIRealtime
from voxtral_service.wire.openai_session import Kind
from voxtral_service.wire.vllm_realtime import VllmRealtime

MOST_WAITING_BYTES = 64_000
"""Of frames: one second of audio at 24 kHz, in base64. A client that sends nothing else reads its first words later."""
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
KEY_SUBPROTOCOL = "openai-insecure-api-key."


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a client tells by connecting: the query, the headers (names in lower case), the subprotocols it offers.

    `session` are OpenAI's settings that came with its ephemeral key, if any did.
    """

    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    session: JsonObject | None = None

    @property
    def kind(self) -> Kind:
        """The type of OpenAI session that is meant; settings that came with the key may say otherwise."""
        return "transcription" if self.query.get("intent") == "transcription" else "realtime"

    @property
    def is_beta(self) -> bool:
        """Whether the client speaks OpenAI's beta."""
        return "realtime=v1" in self.headers.get("openai-beta", "") or BETA_SUBPROTOCOL in self.subprotocols

    @property
    def is_openai(self) -> bool:
        """Whether only a client of OpenAI's would connect like this; a model in the query is no proof."""
        browser = any(protocol.startswith(KEY_SUBPROTOCOL) for protocol in self.subprotocols)
        return self.kind == "transcription" or self.is_beta or browser or self.session is not None


def dialect(upgrade: Upgrade, connection: Connection) -> Dialect:
    """The dialect for a connection. Raises CallerError for one that cannot be served."""
    if "call_id" in upgrade.query:
        raise InvalidOption("this server takes no calls; connect without call_id", field="call_id")
    model = upgrade.query.get("model", connection.model)
    if not connection.accepts(model):
        raise ModelNotFound(f"the model {model[:80]!r} is not served here, {connection.model!r} is", field="model")
    if upgrade.is_openai:
        return OpenAIRealtime(connection, upgrade.kind, beta=upgrade.is_beta, begun=upgrade.session)
    return Undecided(connection)


class Undecided:
    """A dialect that becomes another with the first telling message."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._openai = OpenAIRealtime(connection)
        self._chosen: Dialect | None = None
        self._waiting: list[str | bytes] = []
        self._waiting_bytes = 0

    @property
    def settings(self) -> SessionSettings:
        """OpenAI's until the choice; no audio passes before it."""
        return (self._chosen or self._openai).settings

    @property
    def responses(self) -> ResponseSettings | None:
        """None until the choice."""
        return self._chosen.responses if self._chosen else None

    def opening(self) -> Decoded:
        """OpenAI's event with vLLM's keys beside it, which the readers of both accept."""
        vllm = {"id": self._openai.session_id, "created": self._connection.now}
        return Decoded(replies=(frames.write({**self._openai.created(), **vllm}),))

    def decode(self, frame: str | bytes) -> Decoded:
        """Understand a message, now or once the dialect is known."""
        if self._chosen:
            return self._chosen.decode(frame)
        message = frames.read(frame) if isinstance(frame, str) else {"type": "input_audio_buffer.append"}
        if message is None:
            return Decoded(notes=("a frame that is no JSON object came before the dialect was known",))
        self._waiting.append(frame)
        self._waiting_bytes += len(frame) or 1  # a million empty frames take room too
        make = _tells(message)
        if make is None and self._waiting_bytes <= MOST_WAITING_BYTES:
            return Decoded()
        return self._choose(make or _speak_openai)

    def encode(self, event: Event) -> list[str]:
        """Before the choice nothing can have been said."""
        return self._chosen.encode(event) if self._chosen else []

    def refuse(self, error: VoxtralError) -> list[str]:
        """Before the choice as OpenAI does."""
        return (self._chosen or self._openai).refuse(error)

    def _choose(self, make: _Maker) -> Decoded:
        self._chosen = make(self._connection, self._openai)
        settings = self._chosen.settings
        changed: list[Command | AssistantCommand] = []
        if settings != self._openai.settings:
            changed.append(Configure(settings))
        if self._chosen.responses is not None:
            changed.append(ConfigureResponses(self._chosen.responses))
        parts = [Decoded(tuple(changed)), *map(self._chosen.decode, self._waiting)]
        self._waiting.clear()
        return Decoded(
            commands=tuple(command for part in parts for command in part.commands),
            replies=tuple(reply for part in parts for reply in part.replies),
            notes=(f"speaks {type(self._chosen).__name__}", *(note for part in parts for note in part.notes)),
        )


# -- what tells

_Maker = Callable[[Connection, OpenAIRealtime], Dialect]


def _speak_openai(_: Connection, opened: OpenAIRealtime) -> Dialect:
    return opened


def _speak_beta(connection: Connection, opened: OpenAIRealtime) -> Dialect:
    return OpenAIRealtime(connection, beta=True, session_id=opened.session_id)


def _speak_vllm(connection: Connection, _: OpenAIRealtime) -> Dialect:
    return VllmRealtime(connection)


def _tells(message: JsonObject) -> _Maker | None:
    match message:
        case {"type": "input_audio_buffer.append"}:
            return None
        case {"type": "input_audio_buffer.commit", "final": _}:
            return _speak_vllm
        case {"type": "transcription_session.update"}:
            return _speak_beta
        case {"type": "session.update", "session": session}:
            return _speak_beta if is_flat(session) else _speak_openai
        case {"type": "session.update", "model": _}:
            return _speak_vllm
        case _:
            return _speak_openai
