"""Which models there are, as both SDKs read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client import models as mistral
from mistralai.client.errors import SDKError
from openai import AsyncOpenAI

from tests.server.conftest import Running, Serve
from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.registry import Origin, Registry


@pytest.fixture
async def server(serve: Serve) -> AsyncIterator[Running]:
    async with serve() as running:
        yield running


async def test_openai_lists_and_finds(server: Running) -> None:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as sdk:
        (model,) = [model async for model in await sdk.models.list()]
        assert (model.id, model.object, model.owned_by) == ("spelling", "model", "voxtral-service")
        assert (await sdk.models.retrieve("spelling")).created == model.created
        # What a hosted model's name gets in a request is what it gets here.
        assert (await sdk.models.retrieve("whisper-1")).id == "spelling"
        with pytest.raises(openai.NotFoundError, match="voxtral models pull org/name"):
            await sdk.models.retrieve("org/name")


async def test_mistral_lists_and_finds(server: Running) -> None:
    async with Mistral(server_url=server.url, api_key="none") as sdk:
        found = await sdk.models.list_async()
        assert found.data is not None
        (model,) = found.data
        assert isinstance(model, mistral.BaseModelCard)
        assert (model.id, model.capabilities.audio_transcription_realtime) == ("spelling", True)
        assert model.capabilities.completion_chat is False
        told = model.audio_transcription_capabilities
        assert isinstance(told, mistral.AudioTranscriptionCapabilities)
        assert (told.modes, told.languages, told.diarization) == (["offline", "realtime"], ["en"], False)
        with pytest.raises(SDKError) as caught:
            await sdk.models.retrieve_async(model_id="other")
    assert caught.value.status_code == 404


async def test_every_installed_model_is_listed_with_what_it_can_do(server: Running) -> None:
    installed, _ = await asyncio.to_thread(Registry(server.state.pool._registry.models_dir).installed)
    here = [model for model in installed if model.kind.hears]
    server.state.pool._registry = Registry(server.state.pool._registry.models_dir)
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as sdk:
        cards = {model.id: model.model_extra or {} for model in (await sdk.models.list()).data}
    assert set(cards) == {"spelling"} | {model.name for model in here}
    assert any(model.origin is Origin.BUNDLED for model in here)
    for model in here:
        can = cards[model.name]["capabilities"]
        assert can["audio_translation"] == capabilities(model).translates
        assert can["completion_chat"] == (model.kind is Kind.VOXTRAL)
        assert can["audio_transcription_realtime"] is False
