"""The client's side of three realtime dialects, as little of each as it takes to send audio and read text.

Each reads the server's messages as the same three things: more text, the final text of an utterance, an error. Final
texts come in the order in which their utterances were ended.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

SAMPLE_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message of the server's means."""

    kind: Literal["delta", "final", "error"]
    text: str


class Dialect(Protocol):
    """Messages to send, and how to understand those that come."""

    path: str
    waits: bool
    """Whether the next utterance may not begin before the final text of the last has come."""

    def opening(self) -> Iterable[str]:
        """What is sent first."""
        ...

    def append(self, pcm: bytes) -> str:
        """Audio: 16 kHz, one channel, 16 bits."""
        ...

    def end_utterance(self) -> str:
        """The utterance is over, the connection is not."""
        ...

    def read(self, message: dict[str, Any]) -> Heard | None:
        """None for what says nothing of these."""
        ...


class OpenAI:
    """A transcription session whose turns the client commits."""

    path = "/v1/realtime?intent=transcription"
    waits = False

    def opening(self) -> Iterable[str]:
        """See `Dialect`."""
        sound = {"format": {"type": "audio/pcm", "rate": SAMPLE_RATE}, "turn_detection": None}
        yield _message("session.update", session={"type": "transcription", "audio": {"input": sound}})

    def append(self, pcm: bytes) -> str:
        """See `Dialect`."""
        return _message("input_audio_buffer.append", audio=_base64(pcm))

    def end_utterance(self) -> str:
        """See `Dialect`."""
        return _message("input_audio_buffer.commit")

    def read(self, message: dict[str, Any]) -> Heard | None:
        """See `Dialect`."""
        match str(message.get("type")).removeprefix("conversation.item.input_audio_transcription."):
            case "delta":
                return Heard("delta", message["delta"])
            case "completed":
                return Heard("final", message["transcript"])
            case "failed" | "error":
                return Heard("error", message["error"]["message"])
        return None


class Mistral:
    """A session that is flushed at the end of each utterance."""

    path = "/v1/audio/transcriptions/realtime"
    waits = False

    def opening(self) -> Iterable[str]:
        """See `Dialect`; 16 kHz is the default."""
        return ()

    def append(self, pcm: bytes) -> str:
        """See `Dialect`."""
        return _message("input_audio.append", audio=_base64(pcm))

    def end_utterance(self) -> str:
        """See `Dialect`."""
        return _message("input_audio.flush")

    def read(self, message: dict[str, Any]) -> Heard | None:
        """See `Dialect`."""
        match message.get("type"):
            case "transcription.text.delta":
                return Heard("delta", message["text"])
            case "transcription.done":
                return Heard("final", message["text"])
            case "error":
                return Heard("error", str(message["error"]["message"]))
        return None


class Vllm:
    """A session with one generation at a time."""

    path = "/v1/realtime"
    waits = True  # vLLM drops audio that comes between the end of an utterance and its final text

    def __init__(self, model: str = "voxtral") -> None:
        """`model` is the name it is served under."""
        self._model = model

    def opening(self) -> Iterable[str]:
        """See `Dialect`."""
        yield _message("session.update", model=self._model)
        yield _message("input_audio_buffer.commit")

    def append(self, pcm: bytes) -> str:
        """See `Dialect`."""
        return _message("input_audio_buffer.append", audio=_base64(pcm))

    def end_utterance(self) -> str:
        """See `Dialect`."""
        return _message("input_audio_buffer.commit", final=True)

    def read(self, message: dict[str, Any]) -> Heard | None:
        """See `Dialect`."""
        match message.get("type"):
            case "transcription.delta":
                return Heard("delta", message["delta"])
            case "transcription.done":
                return Heard("final", message["text"])
            case "error":
                return Heard("error", message["error"])
        return None


DIALECTS: dict[str, Callable[[], Dialect]] = {"openai": OpenAI, "mistral": Mistral, "vllm": Vllm}


def _message(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields})


def _base64(pcm: bytes) -> str:
    return base64.b64encode(pcm).decode()
