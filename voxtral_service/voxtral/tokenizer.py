"""Text and token ids: the tekken vocabulary, the streaming prompt, text that comes out token by token."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Protocol

from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config import LEFT_PAD_TOKENS

TEKKEN_FILE = "tekken.json"
TOKENIZER_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What mistral-common raises, by check or by accident, on a file that is not as it should be."""
_LONGEST_REASON = 160


class Tokenizer:
    """A tekken vocabulary with the two control tokens of streaming transcription."""

    def __init__(self, path: Path) -> None:
        """Load `tekken.json`; raises CheckpointError if it is missing, damaged, or not for streaming."""
        if not path.is_file():
            raise CheckpointError(f"{path.parent} has no {path.name}")
        try:
            self._tekken = Tekkenizer.from_file(path)
            self.bos: int = self._tekken.bos_id
            self.eos: int = self._tekken.eos_id
            self.pad: int = self._tekken.get_special_token("[STREAMING_PAD]")
            self.word: int = self._tekken.get_special_token("[STREAMING_WORD]")
            self._first_text_id: int = self._tekken.num_special_tokens
            self._bytes: list[bytes] = [b""] * self._first_text_id + [
                self._tekken.id_to_byte_piece(i) for i in range(self._first_text_id, self._tekken.n_words)
            ]
        except TOKENIZER_DAMAGE as error:
            raise CheckpointError(f"{path} is no tokenizer of a Voxtral Realtime model: {in_short(error)}") from error
        audio = self._tekken.audio
        if audio is None or not audio.is_streaming:
            raise CheckpointError(f"{path} is the tokenizer of a model that does not stream")
        if audio.streaming_n_left_pad_tokens != LEFT_PAD_TOKENS:
            raise CheckpointError(
                f"{path}: streaming_n_left_pad_tokens is {audio.streaming_n_left_pad_tokens}; "
                f"this architecture has {LEFT_PAD_TOKENS}"
            )

    @classmethod
    def from_folder(cls, folder: Path) -> Tokenizer:
        """The tokenizer of a model folder; raises like the constructor."""
        return cls(folder / TEKKEN_FILE)

    def __len__(self) -> int:
        """The number of ids; a model's vocabulary may be rounded up beyond it."""
        return len(self._bytes)

    def prompt(self, delay_tokens: int) -> list[int]:
        """The tokens before the first generated one: BOS, then padding over silence and delay."""
        return [self.bos] + [self.pad] * (LEFT_PAD_TOKENS + delay_tokens)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without BOS or EOS."""
        ids: list[int] = self._tekken.encode(text, bos=False, eos=False)
        return ids

    def is_text(self, token: int) -> bool:
        """Whether a token stands for bytes of text, not for a control token or an unused id."""
        return self._first_text_id <= token < len(self._bytes)

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; none for control tokens and unused ids."""
        return self._bytes[token] if self.is_text(token) else b""


class Vocabulary(Protocol):
    """What turns tokens into bytes."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; none for control tokens."""
        ...


class TextDecoder:
    """Turns token ids into text as they come; a character split over tokens waits for its last byte."""

    def __init__(self, tokenizer: Vocabulary) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """The characters that this token completes."""
        return self._utf8.decode(self._tokenizer.token_bytes(token))

    def finish(self) -> str:
        """The replacement character if the last character was left incomplete, else nothing."""
        return self._utf8.decode(b"", final=True)


def in_short(error: BaseException) -> str:
    """An error's first line, cut: mistral-common puts whole vocabularies into some."""
    line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {line[:_LONGEST_REASON]}"
