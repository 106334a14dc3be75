"""An assistant as the settings want it: which model answers, what speaks."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from voxtral_service.assistant.all_voices import AllVoices
from voxtral_service.assistant.answer import AnswerSettings
from voxtral_service.assistant.assistant import INSTRUCTIONS, Assistant, AssistantSettings
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.llm import LanguageModel
from voxtral_service.assistant.mcp_servers import SharedServers
from voxtral_service.assistant.phrases import phrases
from voxtral_service.assistant.sentence_speech import SentenceModel, SentenceSynthesizer
from voxtral_service.assistant.speech import Chooser, SpeechOptions, Synthesizer
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import PcmDecoder, PcmFormat
from voxtral_service.audio.resample import Resampler
from voxtral_service.chat import AnswerEvent, AnswerOptions, Message
from voxtral_service.config import Settings
from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.base import Engine, Listener, StreamOptions, transcribe
from voxtral_service.engine.pool import EnginePool
from voxtral_service.engine.registry import InstalledModel, Registry
from voxtral_service.errors import CheckpointError, EngineError, InvalidOption, ModelNotFound, NoLanguageModel
from voxtral_service.events import Clip
from voxtral_service.hosts import AllowedHosts

logger = logging.getLogger(__name__)

PLUG_IN = (
    "no language model is plugged in; set llm_url and llm_model for a server with OpenAI's /v1/chat/completions "
    "(Ollama, vLLM, llama.cpp, a hosted one), or llm_model for a chat model on this machine, or one that hears"
)
BUNDLED = "wren-chat"
"""What answers when nothing else is plugged in."""


def assistant(
    settings: Settings,
    pool: EnginePool,
    engine: Engine | None,
    synthesizer: Synthesizer | None,
    knowledge: Knowledge | None = None,
) -> Assistant:
    """The assistant of a server or a command. `engine` understands sound that callers put into messages, if they may.

    `knowledge` is what it knows of people, and whoever opened that closes it.

    Raises InvalidOption and ModelNotFound for settings that cannot be.
    """
    answering = language_model(settings, pool)

    async def understand(clip: Clip) -> str | Samples:
        samples = _samples(clip)
        if answering.hears or engine is None:
            return samples
        return (await transcribe(engine, [samples], StreamOptions())).text

    return Assistant(
        answering.model,
        synthesizer,
        AssistantSettings(
            settings.assistant_instructions or INSTRUCTIONS,
            AnswerSettings(phrases=phrases(settings.speech_voice)),
            home_zone(settings.time_zone),
            tools=settings.assistant_tools,
        ),
        hears=answering.hears,
        understand=understand if engine is not None else None,
        knowledge=knowledge,
        servers=SharedServers(settings.mcp_servers, AllowedHosts(settings.url_hosts)),
        closing=answering.close,
    )


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers, and whether it hears; `close` frees it."""

    model: LanguageModel
    hears: bool = False
    close: Callable[[], Awaitable[None]] | None = None


def language_model(settings: Settings, pool: EnginePool) -> Answering:
    """The language model that the settings name, or the one that comes along. Raises like `assistant`."""
    if settings.llm_url:
        return _endpoint(settings)
    registry = Registry(settings.models_dir)
    if settings.llm_model == "auto":
        return _bundled(registry, settings)
    model = registry.find(settings.llm_model)
    if not model.kind.hears:
        return _local(model, settings)
    if not capabilities(model).longest_conversation:
        raise InvalidOption(f"{model.name} transcribes and does not answer; {PLUG_IN}", field="llm_model")
    return Answering(Hearer(pool, model), hears=True)


def _bundled(registry: Registry, settings: Settings) -> Answering:
    """The small model that comes with the package, where it and transformers are installed."""
    if importlib.util.find_spec("transformers") is not None:
        try:
            return _local(registry.named(BUNDLED), settings)
        except ModelNotFound:
            pass
        except CheckpointError as error:
            logger.warning("nobody answers in conversations: %s", error)
    return Answering(Nobody())


def _local(model: InstalledModel, settings: Settings) -> Answering:
    from voxtral_service.assistant.llm_local import LocalModel

    local = LocalModel(model.folder, device=settings.device)
    local.preload()

    async def close() -> None:
        local.close()

    return Answering(local, close=close)


def _endpoint(settings: Settings) -> Answering:
    import httpx2

    from voxtral_service.assistant.llm_endpoint import Endpoint, EndpointSettings

    if settings.llm_model == "auto":
        raise InvalidOption("llm_url names a server; name the model to ask it for as llm_model", field="llm_model")
    client = httpx2.AsyncClient()
    told = EndpointSettings(settings.llm_url, settings.llm_model, settings.llm_key.get_secret_value())
    return Answering(Endpoint(told, client), close=client.aclose)


def synthesizer(settings: Settings) -> Synthesizer | None:
    """What speaks: the server that the settings name, else all that is installed, the natural voices first.

    None where nothing is. Raises InvalidOption for a URL that is none and a voice that there is not.
    """
    from voxtral_service.assistant.speech_endpoint import SpeechEndpoint

    if settings.speech_url:
        return SpeechEndpoint(
            settings.speech_url,
            model=settings.speech_model,
            voice=settings.speech_voice or "alloy",
            key=settings.speech_key.get_secret_value(),
        )
    return installed_voices(settings.speech_voice, settings.voices_dir)


def installed_voices(voice: str, folder: Path) -> Synthesizer | None:
    """All voices of this machine as one synthesizer, whose default is `voice`; Piper's and Kokoro's lie in `folder`."""
    from voxtral_service.assistant import hibari_model, kokoro_model, piper_model
    from voxtral_service.assistant.espeak import Espeak

    models: list[SentenceModel] = []
    if hibari_model.installed():
        models.append(hibari_model.Hibari())
    if kokoro_model.installed():
        models.append(kokoro_model.Kokoro(folder))
    if piper_model.installed():
        models.append(piper_model.Piper(folder))
    members: list[Chooser] = []
    for model in models:
        if found := model.voices():
            known = voice.lower() in {each.name.lower() for each in found}
            members.append(SentenceSynthesizer(model, voice if known else ""))
    if importlib.util.find_spec("espeakng_loader"):
        theirs = any(member.takes(SpeechOptions(voice=voice)) for member in members) if voice else False
        members.append(Espeak("" if theirs else voice))
    if voice and members:
        members.sort(key=lambda member: not member.takes(SpeechOptions(voice=voice)))
        if not members[0].takes(SpeechOptions(voice=voice)):
            raise InvalidOption(f"there is no voice {voice!r}", field="speech_voice")
    return AllVoices(members) if members else None


def home_zone(name: str) -> ZoneInfo:
    """The time zone of this name; without one, the machine's. Raises InvalidOption where there is none."""
    try:
        return ZoneInfo(name or _machines_zone())
    except (ZoneInfoNotFoundError, ValueError) as error:
        if not name:
            return ZoneInfo("UTC")
        raise InvalidOption(f"there is no time zone {name!r}; such as Europe/Paris", field="time_zone") from error


def _machines_zone() -> str:
    told = os.environ.get("TZ", "").lstrip(":")
    linked = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    return told or linked or "UTC"


def _samples(clip: Clip) -> Samples:
    """A clip at 16 kHz. Raises InvalidAudio."""
    given = clip.audio_format
    pcm = PcmFormat.parse(f"{given.encoding}:{given.sample_rate}:{given.channels}")
    resampler = Resampler(pcm.sample_rate)
    return np.concatenate((resampler.push(PcmDecoder(pcm).push(clip.data)), resampler.finish()))


class Nobody:
    """A LanguageModel where there is none: it says so."""

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        """See `LanguageModel`."""
        raise NoLanguageModel(PLUG_IN)
        yield  # type: ignore[unreachable]  # what makes this a generator


class Hearer:
    """A LanguageModel that is an engine of the pool, such as Voxtral 2507: it hears what was said."""

    def __init__(self, pool: EnginePool, model: InstalledModel) -> None:
        self._pool, self._model = pool, model

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        """See `LanguageModel`; the first answer may wait until the model is loaded."""
        async with self._pool.use(self._model) as loaded:
            if not isinstance(loaded.engine, Listener):
                raise EngineError(f"{self._model.name} was loaded with an engine that does not answer")
            async with aclosing(loaded.engine.answer(messages, options)) as events:
                async for event in events:
                    yield event
