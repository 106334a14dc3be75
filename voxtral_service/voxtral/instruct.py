"""Prompts of the Voxtral models that hear whole recordings (2507), written by mistral-common.

A transcription asks `<s>[INST][BEGIN_AUDIO][AUDIO]*375n[/INST]lang:en[TRANSCRIBE]`, a question
`<s>[INST][BEGIN_AUDIO][AUDIO]*375n question[/INST]`, where n counts the started 30 seconds of a clip.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mistral_common.exceptions import MistralCommonException
from mistral_common.protocol.instruct.chunk import AudioChunk, TextChunk
from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.tool_calls import Function, FunctionCall
from mistral_common.protocol.instruct.tool_calls import Tool as FunctionTool
from mistral_common.protocol.instruct.tool_calls import ToolCall as FunctionToolCall
from mistral_common.protocol.transcription.request import TranscriptionRequest
from mistral_common.tokens.tokenizers.audio import Audio, AudioEncoder, AudioEncoding
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.chat import Message, Tool, ToolCall
from voxtral_service.errors import CheckpointError, InvalidOption
from voxtral_service.voxtral.tokenizer import TEKKEN_FILE, TOKENIZER_DAMAGE, in_short

CHUNK_SECONDS = 30
"""Clips are padded to a multiple of this."""
_CALL_ID = re.compile("[a-zA-Z0-9]{9}")
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids, and the clips that their [AUDIO] tokens stand for, each padded to whole 30 s."""

    tokens: tuple[int, ...]
    clips: tuple[Samples, ...]
    audio_tokens: int
    audio_seconds: float
    """Without the padding."""


class InstructTokenizer:
    """A tekken vocabulary with the control tokens of transcription requests and conversations."""

    def __init__(self, path: Path) -> None:
        """Load `tekken.json`; raises CheckpointError if it is missing, damaged, or not for whole recordings."""
        if not path.is_file():
            raise CheckpointError(f"{path.parent} has no {path.name}")
        try:
            tokenizer = MistralTokenizer.from_file(path)
            self._requests = tokenizer
            self._instruct: Any = tokenizer.instruct_tokenizer
            self._tekken: Any = self._instruct.tokenizer
            self.eos: int = self._tekken.eos_id
            self.audio: int = self._tekken.get_special_token("[AUDIO]")
            self.calls: int = self._tekken.get_special_token("[TOOL_CALLS]")
            self._tekken.get_special_token("[TRANSCRIBE]")
            self._first_text_id: int = self._tekken.num_special_tokens
            self._ids: int = self._tekken.n_words
            encoder = self._instruct.audio_encoder
            if encoder is None or encoder.audio_config.is_streaming:
                raise CheckpointError(f"{path} is the tokenizer of a model that does not hear whole recordings")
            if encoder.audio_config.chunk_length_s != CHUNK_SECONDS:
                raise CheckpointError(
                    f"{path}: chunk_length_s is {encoder.audio_config.chunk_length_s}; "
                    f"this architecture has {CHUNK_SECONDS}"
                )
        except (MistralCommonException, *TOKENIZER_DAMAGE) as error:
            raise CheckpointError(f"{path} is no tokenizer of a Voxtral 2507 model: {in_short(error)}") from error
        self._instruct.audio_encoder = _SamplesEncoder(encoder)

    @classmethod
    def from_folder(cls, folder: Path) -> InstructTokenizer:
        """The tokenizer of a model folder; raises like the constructor."""
        return cls(folder / TEKKEN_FILE)

    def __len__(self) -> int:
        """The number of ids; a model's vocabulary may be rounded up beyond it."""
        return self._ids

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; none for control tokens and unused ids."""
        if not self._first_text_id <= token < self._ids:
            return b""
        piece: bytes = self._tekken.id_to_byte_piece(token)
        return piece

    def transcription(self, samples: Samples, language: str | None) -> Prompt:
        """Ask for a transcript of a clip (16 kHz, not empty); `language` is a code of two letters (ISO 639-1).

        Raises InvalidOption for a language that is none.
        """
        try:
            request = TranscriptionRequest(audio=_packed(samples), language=language)
        except ValueError as error:
            raise InvalidOption(f"{language!r} is no code of two letters for a language", field="language") from error
        return self._prompt(self._instruct.encode_transcription(request), [samples])

    def conversation(
        self, messages: Sequence[Message[Samples]], tools: Iterable[Tool] = (), *, must_call: bool = False
    ) -> Prompt:
        """Ask for the assistant's next message; with `must_call` it has begun with a call.

        The template has no place for a system's message beside sound: its text then goes in front of the first user's.
        Raises InvalidOption, which names the field, when the messages are no conversation.
        """
        heard = any(not isinstance(part, str) for message in messages for part in message.content)
        spoken = list(_without_system(messages) if heard else messages)
        try:
            request = ChatCompletionRequest(
                messages=[_message(message) for message in spoken],
                tools=[
                    FunctionTool(function=Function(name=t.name, description=t.description, parameters=t.parameters))
                    for t in tools
                ]
                or None,
            )
            tokenized = self._requests.encode_chat_completion(request)
        except (MistralCommonException, ValueError) as error:
            field = "tools" if "tool" in type(error).__name__.lower() else "messages"
            raise InvalidOption(f"the model's template does not take this: {in_short(error)}", field=field) from error
        clips = [part for message in spoken for part in message.content if not isinstance(part, str)]
        prompt = self._prompt(tokenized, clips)
        if not must_call:
            return prompt
        return Prompt((*prompt.tokens, self.calls), prompt.clips, prompt.audio_tokens, prompt.audio_seconds)

    def _prompt(self, tokenized: Any, clips: Iterable[Samples]) -> Prompt:
        tokens = tuple(tokenized.tokens)
        padded = tuple(audio.audio_array for audio in tokenized.audios)
        return Prompt(tokens, padded, tokens.count(self.audio), sum(map(len, clips)) / SAMPLE_RATE)


class _SamplesEncoder:
    """mistral-common's audio encoder, but for samples as they are: its own reads them from 16-bit WAV files."""

    def __init__(self, encoder: AudioEncoder) -> None:
        self._encoder = encoder
        self.audio_config, self.special_ids = encoder.audio_config, encoder.special_ids

    def __call__(self, chunk: AudioChunk) -> AudioEncoding:
        samples = np.frombuffer(chunk.input_audio, np.float32)
        return self._encoder.encode_audio(Audio(samples, SAMPLE_RATE, "wav"))


def parse_calls(text: str) -> tuple[ToolCall, ...] | None:
    """The calls in what the model wrote behind [TOOL_CALLS], a JSON list; None if it is none."""
    try:
        calls = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(calls, list) or not calls:
        return None
    parsed = []
    for number, call in enumerate(calls):
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return None
        arguments = call.get("arguments", {})
        text_of_arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        given = call.get("id")
        call_id = _call_id(given if isinstance(given, str) else f"{number} {text}")
        parsed.append(ToolCall(call_id, call["name"], text_of_arguments))
    return tuple(parsed)


def _message(message: Message[Samples]) -> Any:
    text = "".join(part for part in message.content if isinstance(part, str))
    match message.role:
        case "system":
            return SystemMessage(content=text)
        case "user":
            chunks = [
                TextChunk(text=part) if isinstance(part, str) else AudioChunk(input_audio=_packed(part))
                for part in message.content
            ]
            return UserMessage(content=chunks if any(not isinstance(part, str) for part in message.content) else text)
        case "tool":
            return ToolMessage(content=text, tool_call_id=_call_id(message.call_id or ""))
        case "assistant":
            calls = [
                FunctionToolCall(id=_call_id(call.id), function=FunctionCall(name=call.name, arguments=call.arguments))
                for call in message.calls
            ]
            return AssistantMessage(content=text or None, tool_calls=calls or None)


def _without_system(messages: Sequence[Message[Samples]]) -> Iterator[Message[Samples]]:
    """The same conversation, with the text of system messages in front of the first user's."""
    said = [part for message in messages if message.role == "system" for part in message.content]
    for message in messages:
        if message.role == "user" and said:
            yield Message("user", (*(f"{part}\n\n" for part in said), *message.content))
            said = []
        elif message.role != "system":
            yield message


def _packed(samples: Samples) -> bytes:
    return samples.astype(np.float32, copy=False).tobytes()


def _call_id(given: str) -> str:
    """An id as the template wants it, nine letters and digits: the given one if it is one, else one made from it."""
    if _CALL_ID.fullmatch(given):
        return given
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:9])
