"""Nothing but what is bundled: questions that are spoken, answers that are heard again by the engine that heard them.

A voice asks, wren-en hears, wren-chat calls the tools and words their results, a voice speaks, wren-en hears that.
"""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import numpy as np
import pytest
import torch
from openai import AsyncOpenAI

from tests.assistant.files import pdf
from tests.server.conftest import listening
from tests.server.test_conversation import Client
from voxtral_service.assistant import setup
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.speech import SpeechOptions
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import PcmDecoder, PcmFormat, encode_s16le
from voxtral_service.audio.resample import Resampler
from voxtral_service.cli import serve
from voxtral_service.config import Settings
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.server.state import ServerState

RATE = 24_000
VOICES = (("en-us+f4", 0.9), ("en-us", 0.8), ("en-us+f2", 0.9), ("en-us+m3", 0.9), ("en-us+f3", 0.8), ("en-gb", 0.9))
"""Of eSpeak NG, and how fast they speak. wren-en misses a third of such words: who is not understood says it again."""
GUIDE = (
    "Guide to the town museum.\n\nThe museum opens at ten in the morning. It is closed on Mondays.\n\n"
    "The price of a ticket is twelve dollars. Children pay nothing.",
    "The garden behind the museum was planted in 1921 and has forty apple trees.",
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("bundled")
    return Settings(
        model="wren-en", llm_model=setup.BUNDLED, models_dir=folder / "none", data_dir=folder, time_zone="UTC"
    )


@asynccontextmanager
async def bundled(settings: Settings) -> AsyncIterator[tuple[ServerState, str]]:
    """A server as `voxtral serve` makes it, and its address."""
    state = serve._state(settings, None, (), strict_models=False)
    state.speech = setup.synthesizer(settings)
    state.knowledge = serve.open_knowledge(settings)
    state.knowledge.start()
    state.assistant = setup.assistant(settings, state.pool, state.engine, state.speech, state.knowledge)
    try:
        async with listening(state) as (port, _):
            yield state, f"http://127.0.0.1:{port}"
    finally:
        await state.assistant.close()
        state.engine.close()


async def spoken(text: str, voice: str, speed: float) -> bytes:
    """A question, as a microphone hears it."""
    chunks = Espeak().speak(text, SpeechOptions(voice, speed=speed, sample_rate=RATE))
    sound = np.concatenate([chunk.samples async for chunk in chunks])
    return encode_s16le(np.concatenate((np.zeros(RATE // 4, np.float32), sound, np.zeros(RATE, np.float32))))


class Talk:
    """One session: a person speaks and listens."""

    def __init__(self, state: ServerState, connection: Any) -> None:
        self._state, self._client = state, Client(connection)
        self.heard: list[str] = []

    async def begin(self) -> None:
        await self._client.until("session.created")
        await self._client.update(
            audio={"output": {"speed": 1.2}, "input": {"transcription": {"model": "any"}, "turn_detection": None}}
        )

    async def ask(self, question: str, answer: str) -> str:
        """Say it, if need be in one voice after the other, until that is answered, and has been heard to say it."""
        for voice, speed in VOICES:
            said = await self._say(await spoken(question, voice, speed))
            if answer in said:
                return said
        raise AssertionError((question, self.heard, said))

    async def _say(self, sound: bytes) -> str:
        for at in range(0, len(sound), RATE // 5):
            audio = base64.b64encode(sound[at : at + RATE // 5]).decode()
            await self._client.connection.input_audio_buffer.append(audio=audio)
        await self._client.connection.input_audio_buffer.commit()  # so that the same samples are heard in every run
        await self._client.connection.response.create()
        heard = await self._client.until("conversation.item.input_audio_transcription.completed")
        self.heard.append(heard.transcript)
        return await self.listen()

    async def listen(self) -> str:
        """What is said next, and has been heard."""
        before = len(self._client.events)
        done = await self._client.until("response.done")
        assert done.response.status == "completed", done
        text: str = done.response.output[-1].content[0].transcript
        deltas = [event for event in self._client.events[before:] if event.type == "response.output_audio.delta"]
        sound = b"".join(base64.b64decode(event.delta) for event in deltas)
        again = await transcribe(self._state.engine, [_at_16_khz(sound)], StreamOptions())
        assert alike(text, again.text) > 0.4, (text, again.text)
        return text


@asynccontextmanager
async def talking(state: ServerState, url: str, project: str | None = None) -> AsyncIterator[Talk]:
    query = {"project": project} if project else {}
    async with (
        AsyncOpenAI(api_key="any", base_url=f"{url}/v1") as client,
        client.realtime.connect(model="any", extra_query=query) as connection,
    ):
        talk = Talk(state, connection)
        await talk.begin()
        yield talk


def _at_16_khz(sound: bytes) -> Samples:
    resampler = Resampler(RATE)
    samples = resampler.push(PcmDecoder(PcmFormat.parse(f"pcm_s16le:{RATE}:1")).push(sound))
    return np.concatenate((samples, resampler.finish(), np.zeros(8_000, np.float32)))


def alike(said: str, heard: str) -> float:
    """How much two texts have in common, letter for letter: the model that hears is small, and hears a robot."""
    first, second = ("".join(re.findall(r"[a-z]", in_words(text.lower()))) for text in (said, heard))
    return difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()


UP_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
FROM_TWENTY = "twenty thirty forty fifty sixty seventy eighty ninety"


def in_words(text: str) -> str:
    """Numbers as they are spoken, up to 999; the model writes no digits."""
    return re.sub(r"\d+", lambda match: number(int(match[0])), text)


def number(value: int) -> str:
    if value >= 100:
        return f"{number(value // 100 % 10)} hundred {number(value % 100) if value % 100 else ''}"
    if value < 20:
        return UP_TO_NINETEEN.split()[value]
    return f"{FROM_TWENTY.split()[value // 10 - 2]} {number(value % 10) if value % 10 else ''}"


async def test_the_time_elsewhere_and_a_sum(settings: Settings) -> None:
    async with bundled(settings) as (state, url), talking(state, url) as talk:
        before = datetime.now(ZoneInfo("Asia/Tokyo"))
        told = await talk.ask("What time is it in Tokyo?", "in Tokyo")
        times = {f"{at:%-H:%M}" for at in (before, datetime.now(ZoneInfo("Asia/Tokyo")))}
        assert any(time in told for time in times), (told, times)
        await talk.ask("What is seventeen times twenty three?", "391")


async def test_a_timer_and_what_is_remembered(settings: Settings) -> None:
    async with bundled(settings) as (state, url):
        async with httpx2.AsyncClient(base_url=url) as client:
            (await client.put("/v1/memories/settings", json={"enabled": True})).raise_for_status()
        async with talking(state, url) as talk:
            await talk.ask("Set a timer for three seconds.", "3 seconds")
            assert "3 seconds is up" in await talk.listen()
            await talk.ask("Remember that my car is green.", "I will remember")
        async with talking(state, url) as talk:
            await talk.ask("What color is my car?", "car is green")


async def test_an_answer_from_a_document(settings: Settings) -> None:
    async with bundled(settings) as (state, url):
        async with httpx2.AsyncClient(base_url=url) as client:
            project = (await client.post("/v1/projects", json={"name": "Town"})).raise_for_status().json()["id"]
            file = {"file": ("guide.pdf", pdf(GUIDE), "application/pdf")}
            (await client.post(f"/v1/projects/{project}/documents", files=file)).raise_for_status()
        async with talking(state, url, project) as talk:
            answer = await talk.ask("What does my document say about the price of the ticket?", "twelve")
            assert "guide" in answer.lower()
