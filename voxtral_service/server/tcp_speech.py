"""Speaking over a Wyoming connection: one text after another, sentence by sentence while it still comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

from voxtral_service import metrics
from voxtral_service.assistant.sentences import SentenceSplitter
from voxtral_service.assistant.speech import SpeechOptions, Synthesizer
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.errors import EngineError, UpstreamError, VoxtralError
from voxtral_service.server.keys import ANONYMOUS
from voxtral_service.server.speech import SAMPLE_RATE, installed
from voxtral_service.server.state import ServerState
from voxtral_service.wire import wyoming_speech
from voxtral_service.wire.wyoming_speech import EndSpeech, SpeakText, SpeechCommand, StartSpeech

SLICE = 100
"""Characters that are looked through for the end of a sentence at once; the splitter is made for short ones."""
WAITING = 16
"""Commands; a client that sends faster than it is spoken to is read from no further."""
Send = Callable[[list[bytes]], Awaitable[None]]


class Speaker:
    """Carries out a connection's commands in order; `refuse` tells of an error, after which nothing follows."""

    def __init__(self, state: ServerState, send: Send, refuse: Callable[[VoxtralError], Awaitable[None]]) -> None:
        self._state, self._send, self._refuse = state, send, refuse
        self._commands: asyncio.Queue[SpeechCommand] = asyncio.Queue(WAITING)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Speak until this is left, which ends it at once."""
        task = asyncio.create_task(self._run(), name="wyoming-speech")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def take(self, command: SpeechCommand) -> None:
        """Carry out a command when those before it are; waits while too many do."""
        await self._commands.put(command)

    async def _run(self) -> None:
        while True:
            command = await self._commands.get()
            if not isinstance(command, StartSpeech):
                continue  # what follows a refusal
            outcome = "disconnected"
            try:
                with self._state.seats.speaking(ANONYMOUS):
                    await self._speak(command)
                outcome = "done"
            except VoxtralError as error:
                outcome = "failed" if isinstance(error, EngineError | UpstreamError) else "refused"
                await self._refuse(error)
            finally:
                metrics.SPEECH.labels(outcome).inc()

    async def _speak(self, start: StartSpeech) -> None:
        synthesizer = installed(self._state)
        options = SpeechOptions(start.voice, start.language, sample_rate=SAMPLE_RATE)
        splitter, begun = SentenceSplitter(), False
        command: SpeechCommand = start
        while not isinstance(command, EndSpeech):
            command = await self._commands.get()
            for piece in _pieces(splitter, command):
                begun = await self._say(synthesizer, piece, options, begun=begun)
        closing = wyoming_speech.end(stream=start.stream)
        await self._send(closing if begun else [wyoming_speech.begin(SAMPLE_RATE), *closing])

    async def _say(self, synthesizer: Synthesizer, text: str, options: SpeechOptions, *, begun: bool) -> bool:
        async with aclosing(synthesizer.speak(text, options)) as chunks:
            async for chunk in chunks:
                frames = wyoming_speech.sound(encode_s16le(chunk.samples), chunk.sample_rate)
                await self._send(frames if begun else [wyoming_speech.begin(chunk.sample_rate), *frames])
                begun = True
        return begun


def _pieces(splitter: SentenceSplitter, command: SpeechCommand) -> Iterator[str]:
    if not isinstance(command, SpeakText):
        yield from splitter.finish()
        return
    for first in range(0, len(command.text), SLICE):
        yield from splitter.push(command.text[first : first + SLICE])
