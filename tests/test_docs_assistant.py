"""What docs/assistant.md shows works: a chatbot with a voice in front of it, a conversation from a program."""

from __future__ import annotations

import asyncio
import io
import re
import shlex
import socket
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from typer.testing import CliRunner

from tests import snippets
from tests.assistant.kit import ScriptedModel
from tests.fakes import SpellingEngine, spelling_pool
from tests.server.conftest import running
from voxtral_service import config
from voxtral_service.assistant import setup
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.audio.decode import read
from voxtral_service.cli.app import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGE = (ROOT / "docs" / "assistant.md").read_text("utf-8")
CHATBOT = ROOT / "clients" / "chatbot.py"
SHOWN, IN_WRITING = snippets.blocks(PAGE, "python")
[ASK] = snippets.blocks(PAGE, "sh")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def chatbot() -> Iterator[int]:
    """The program as it stands, but for its port, which this gives once it answers."""
    port = free_port()
    program = CHATBOT.read_text("utf-8").replace("port=9000", f'port={port}, log_level="info"')
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines = iter(process.stderr.readline, "")
            assert any("Uvicorn running" in line for line in lines)
            yield port
        finally:
            process.terminate()


def test_the_chatbot_is_shown_as_it_is_and_is_short() -> None:
    program = CHATBOT.read_text("utf-8")
    assert program == SHOWN
    kinds = {tokenize.NEWLINE, tokenize.OP, tokenize.NAME}
    tokens = tokenize.generate_tokens(io.StringIO(program).readline)
    assert len({token.start[0] for token in tokens if token.type in kinds}) < 30


def test_a_chatbot_is_asked() -> None:
    with chatbot() as port:
        program, *arguments = shlex.split(ASK.replace("127.0.0.1:9000", f"127.0.0.1:{port}"))
        asked = CliRunner().invoke(app, arguments)
    assert (program, asked.stdout) == ("voxtral", "You said: Good morning.\n"), asked.stderr


async def test_a_voice_in_front_of_it(tmp_path: Path) -> None:
    """With the options that the README gives `voxtral serve`."""
    [line] = re.findall(r"^\$ voxtral serve (--llm-url .*)$", README, re.MULTILINE)
    address, model = re.findall(r"--llm-(?:url|model) (\S+)", line)
    with chatbot() as port:
        settings = config.load(llm_url=address.replace("9000", str(port)), llm_model=model)
        engine = SpellingEngine()
        assistant = setup.assistant(settings, spelling_pool(engine), engine, Espeak())
        async with running(assistant=assistant) as server:
            options = ("--server", server.url, "--output", str(tmp_path / "answer.wav"))
            asked = await asyncio.to_thread(lambda: CliRunner().invoke(app, ["ask", *options, "Good morning"]))
        await assistant.close()
    assert asked.stdout == "You said: Good morning.\n", asked.stderr
    assert 0.5 < len(read(tmp_path / "answer.wav")) / 16_000 < 5


async def test_a_conversation_in_writing(tmp_path: Path) -> None:
    assistant = Assistant(ScriptedModel((("It is ", "391."),), first=0), None, AssistantSettings())
    async with running(assistant=assistant) as server:
        assert await snippets.printed(*snippets.PYTHON, IN_WRITING, folder=tmp_path, port=server.port) == "It is 391."
