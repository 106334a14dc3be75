"""The port between a socket and a dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from voxtral_service.errors import VoxtralError
from voxtral_service.events import AssistantCommand, Command, Event, ResponseSettings, SessionSettings
from voxtral_service.wire.voices import LocalVoice

NewId = Callable[[str], str]
"""Makes an id that starts with the given prefix, such as `event_`."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What every dialect is told when its connection opens.

    `model` is the name of the model that serves it. Other names are taken to mean it, or refused with `strict_models`.
    `now` is the time of opening in unix seconds. `responds` tells whether there is somebody who answers, `voices` are
    those it may speak with, the default first. `defaults` are the server's settings, which the dialect may override.
    """

    model: str
    new_id: NewId
    now: int
    strict_models: bool = False
    responds: bool = False
    voices: tuple[LocalVoice, ...] = ()
    defaults: SessionSettings = field(default_factory=SessionSettings)

    def accepts(self, model: str) -> bool:
        """Whether a client may ask for a model of this name."""
        return not self.strict_models or model == self.model


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a frame means: commands for the session and who answers, frames to reply with at once, lines for the log."""

    commands: tuple[Command | AssistantCommand, ...] = ()
    replies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Dialect(Protocol):
    """One client's language. Frames out are text; nothing that comes in makes `decode` raise."""

    @property
    def settings(self) -> SessionSettings:
        """The settings in effect. The session starts with them; `decode` reports changes as `Configure`."""

    @property
    def responses(self) -> ResponseSettings | None:
        """How the client wants answers, None if it wants none yet. `decode` reports changes as `ConfigureResponses`."""

    def opening(self) -> Decoded:
        """What is to be sent and done before anything was received."""

    def decode(self, frame: str | bytes) -> Decoded:
        """Understand a text or binary frame."""

    def encode(self, event: Event) -> list[str]:
        """Say what happened in the session, or what the assistant says; often nothing."""

    def refuse(self, error: VoxtralError) -> list[str]:
        """Say that something outside of the dialect went wrong, as when there is no room or the server stops."""
