"""Text and token ids: the tekken vocabulary, the streaming prompt, and text that comes out a token at a time."""

from __future__ import annotations

import codecs
from pathlib import Path

from mistral_common.tokens.tokenizers.tekken import Tekkenizer

from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral.config import LEFT_PAD_TOKENS

TEKKEN_FILE = "tekken.json"


class Tokenizer:
    """A tekken vocabulary with the two control tokens of streaming transcription."""

    def __init__(self, path: Path) -> None:
        """Load `tekken.json`; raises CheckpointError if it is missing, damaged, or made for no streaming model."""
        try:
            self._tekken = Tekkenizer.from_file(path)
            self.bos = self._tekken.bos_id
            self.eos = self._tekken.eos_id
            self.pad = self._tekken.get_special_token("[STREAMING_PAD]")
            self.word = self._tekken.get_special_token("[STREAMING_WORD]")
        except (OSError, ValueError, KeyError, AssertionError) as error:  # mistral-common asserts
            raise CheckpointError(f"{path} is no tokenizer of a Voxtral Realtime model: {error}") from error
        self._first_text_id = self._tekken.num_special_tokens
        self._bytes = [b""] * self._first_text_id + [
            self._tekken.id_to_byte_piece(i) for i in range(self._first_text_id, self._tekken.n_words)
        ]

    @classmethod
    def from_folder(cls, folder: Path) -> Tokenizer:
        """The tokenizer of a model folder; raises like the constructor."""
        return cls(folder / TEKKEN_FILE)

    def __len__(self) -> int:
        """The number of ids; a model's vocabulary may be rounded up beyond it."""
        return len(self._bytes)

    def prompt(self, delay_tokens: int) -> list[int]:
        """What stands at the positions before the first generated token: BOS, then padding over silence and delay."""
        return [self.bos] + [self.pad] * (LEFT_PAD_TOKENS + delay_tokens)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without BOS or EOS."""
        return self._tekken.encode(text, bos=False, eos=False)

    def is_text(self, token: int) -> bool:
        """Whether a token stands for bytes of text, not for a control token or an unused id."""
        return self._first_text_id <= token < len(self._bytes)

    def token_bytes(self, token: int) -> bytes:
        """The bytes a token stands for; none for control tokens and unused ids."""
        return self._bytes[token] if token < len(self._bytes) else b""


class TextDecoder:
    """Turns token ids into text as they come; a character split over tokens waits for its last byte."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """The characters that this token completes."""
        return self._utf8.decode(self._tokenizer.token_bytes(token))

    def finish(self) -> str:
        """The replacement character if the last character was left incomplete, else nothing."""
        return self._utf8.decode(b"", final=True)
