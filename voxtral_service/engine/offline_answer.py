"""An answer of the Voxtral 2507 engine: from tokens to text, calls of tools, and an end."""

from __future__ import annotations

import asyncio

from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, EndOfAnswer
from voxtral_service.engine.offline_batch import Sampler
from voxtral_service.errors import VoxtralError
from voxtral_service.voxtral.instruct import InstructTokenizer, Prompt, parse_calls
from voxtral_service.voxtral.tokenizer import TextDecoder


class Answer:
    """See `offline_batch.Writing`. Events cross to the asker's loop; `max_tokens` bounds how many there can be."""

    def __init__(self, prompt: Prompt, options: AnswerOptions, max_tokens: int, tokenizer: InstructTokenizer) -> None:
        self.prompt = prompt
        self.sampler = Sampler(options.temperature or 0.0, options.top_p, options.seed)
        self.cancelled = False
        self.events: asyncio.Queue[AnswerEvent | VoxtralError] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._tokenizer = tokenizer
        self._decoder = TextDecoder(tokenizer)
        self._stop = StopStrings(options.stop)
        self._left = max_tokens
        self._written = 0
        self._calling = options.must_call
        self._calls: list[str] = []

    def take(self, token: int, logprob: float) -> bool:
        """See `Writing`."""
        del logprob
        if self.cancelled:
            return False
        self._written += 1
        self._left -= 1
        if token == self._tokenizer.eos:
            self._end("stop")
        elif token == self._tokenizer.calls:
            self._calling = True
        elif self._calling:
            self._calls.append(self._decoder.feed(token))
        else:
            self._say(self._stop.feed(self._decoder.feed(token)))
            if self._stop.met:
                self._end("stop")
                return False
        if self._left == 0 and token != self._tokenizer.eos:
            self._end("length")
        return self._left > 0 and token != self._tokenizer.eos

    def fail(self, error: VoxtralError) -> None:
        """See `Writing`."""
        self._put(error)

    def _end(self, reason: EndOfAnswer) -> None:
        rest = self._decoder.finish()
        if self._calling:
            text = "".join(self._calls) + rest
            calls = parse_calls(text)
            for call in calls or ():
                self._put(call)
            if calls:
                reason = "tool_calls"
            else:  # the model meant a call and wrote none that can be read: better seen than lost
                self._say(text)
        elif not self._stop.met:
            self._say(self._stop.finish(rest))
        prompt = self.prompt
        self._put(AnswerEnd(reason, len(prompt.tokens), prompt.audio_tokens, self._written, prompt.audio_seconds))

    def _say(self, text: str) -> None:
        if text:
            self._put(AnswerText(text))

    def _put(self, event: AnswerEvent | VoxtralError) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.events.put_nowait, event)


class StopStrings:
    """Passes text on up to the first of some strings; what may turn out to begin one is held back until it is sure."""

    def __init__(self, strings: tuple[str, ...]) -> None:
        self._strings = strings
        self._held = ""
        self.met = False

    def feed(self, text: str) -> str:
        """What may be shown now."""
        text = self._held + text
        found = [at for stop in self._strings if (at := text.find(stop)) >= 0]
        if found:
            self.met, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._strings), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self, text: str) -> str:
        """What was held back, when no more text comes."""
        return self.feed(text) + ("" if self.met else self._held)


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text begin `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0)
