"""From a stream's tokens to its text and its words with their times."""

from __future__ import annotations

from voxtral_service.events import Word
from voxtral_service.voxtral.config import TOKEN_SECONDS
from voxtral_service.voxtral.tokenizer import TextDecoder, Tokenizer

SECONDS_PER_CHARACTER = 0.065
"""Typical of read English (about 15 characters a second); only used to guess where a word began."""


class TokenWriter:
    """Writes down one stream's tokens.

    A word marker at generated index k says that the words after it ended by frame k, that is by (k + 1) * 80 ms; words
    that share a marker share that time. Starts are never marked, so they are estimated from the word's length and kept
    behind the word before.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = TextDecoder(tokenizer)
        self._word = ""
        self._stamp = 0.0
        self._previous_end = 0.0
        self._wrote = False

    def feed(self, index: int, token: int) -> tuple[str, tuple[Word, ...]]:
        """The text that the token at a generated index adds, and the words it shows to be complete."""
        if not self._tokenizer.is_text(token):
            words = self._close_word()
            if token == self._tokenizer.word:
                self._stamp = (index + 1) * TOKEN_SECONDS
            return "", words
        return self._write(self._decoder.feed(token))

    def finish(self) -> tuple[str, tuple[Word, ...]]:
        """What was still open at the end of the stream."""
        text, words = self._write(self._decoder.finish())
        return text, words + self._close_word()

    def _write(self, text: str) -> tuple[str, tuple[Word, ...]]:
        words: tuple[Word, ...] = ()
        for character in text:
            if character.isspace():
                words += self._close_word()
            else:
                self._word += character
        if not self._wrote:
            text = text.lstrip()
        self._wrote = self._wrote or bool(text)
        return text, words

    def _close_word(self) -> tuple[Word, ...]:
        if not self._word:
            return ()
        end = max(self._stamp, self._previous_end)
        start = max(self._previous_end, end - SECONDS_PER_CHARACTER * len(self._word))
        word = Word(self._word, round(start, 3), round(end, 3))
        self._word, self._previous_end = "", end
        return (word,)
