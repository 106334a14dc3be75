"""What docs/conversations.md shows works: its program against a real server, its options where they are."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from websockets import connect

from tests.assistant.kit import ScriptedModel
from tests.server.conftest import running
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.makings import ResponderSettings
from voxtral_service.audio.pcm import encode_s16le
from voxtral_service.config import Settings
from voxtral_service.server.keys import ApiKey, hashed
from voxtral_service.wire.openai_session import TOOL_CALLS

PAGE = (Path(__file__).parents[1] / "docs" / "conversations.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_names_and_figures_are_those_of_the_code() -> None:
    assert f'include: ["{TOOL_CALLS}"]' in PAGE
    assert f"more than {ResponderSettings().doubt:g} s" in PAGE
    assert AssistantSettings().answer.lead == 0.5
    for flag in re.findall(r"--(llm-\w+)", PAGE):
        assert flag.replace("-", "_") in Settings.model_fields
    assert "assistant_tools" in Settings.model_fields


async def test_its_key_for_a_page_opens_a_session_with_the_settings() -> None:
    snippet = next(snippet for snippet in SNIPPETS if "client_secrets" in snippet)
    key = ApiKey("library", hashed("vx_1"))
    async with running(keys=(key,)) as server:
        told = snippet.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}").replace('"none"', '"vx_1"')
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", told], capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, done.stderr
        [protocols] = re.findall(r"const protocols = (.*);", PAGE)
        names = json.loads(protocols.replace('." + secret', f'.{done.stdout.strip()}"'))
        async with connect(f"{server.ws}/v1/realtime?model=any", subprotocols=names) as socket:
            session = json.loads(await socket.recv())["session"]
    assert session["instructions"] == "You are the voice of a library."
    assert session["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
    assert session["audio"]["output"]["speed"] == 1.2


async def test_its_program_hears_an_answer(tmp_path: Path) -> None:
    snippet = next(snippet for snippet in SNIPPETS if "talk.wav" in snippet)
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(encode_s16le(np.full(24_000, 0.3, np.float32)))
    assistant = Assistant(ScriptedModel([("Good day to you.",)], first=0.0), Espeak(), AssistantSettings())
    async with running(assistant=assistant) as server:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "ignore", "-c", snippet.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    assert done.returncode == 0, done.stderr
    assert "Good day to you." in done.stdout
    assert len((tmp_path / "answer.pcm").read_bytes()) > 24_000
