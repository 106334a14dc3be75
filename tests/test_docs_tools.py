"""What docs/tools.md shows: a tool server that works, settings, and the limits of the code."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

from tests.assistant.kit import ScriptedModel
from voxtral_service.assistant import mcp_meter, mcp_results, mcp_servers, mcp_stdio, tools
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.mcp_servers import connection_of
from voxtral_service.config import McpServer, Settings
from voxtral_service.events import CreateResponse, ResponseEnded

PAGE = (Path(__file__).parents[1] / "docs" / "tools.md").read_text("utf-8")


def snippet(language: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def servers() -> tuple[McpServer, ...]:
    return Settings(**tomllib.loads(snippet("toml"))).mcp_servers


def test_its_settings_are_some() -> None:
    letters, house = servers()
    assert letters.rule.asks("send_letter", read_only=False)
    assert not house.rule.asks("lights", read_only=False)
    assert not house.allowed.covers("doors", read_only=True)
    assert json.loads(snippet("json"))["type"] == "mcp"


async def test_its_server_sends_a_letter(tmp_path: Path) -> None:
    program = tmp_path / "letters.py"
    program.write_text(snippet("python"))
    letters = servers()[0].model_copy(update={"command": sys.executable, "args": (str(program),)})
    connection = connection_of(letters)
    try:
        await connection.start()
        (tool,) = connection.tools
        assert tool.tool.name == "letters__send_letter"
        assert f"`{tool.tool.name}`" in PAGE
        assert await tool.call('{"to": "Ann", "text": "Hello"}') == "A letter to Ann is on its way."
    finally:
        await connection.close()


async def test_its_table_has_the_tools_there_are() -> None:
    model = ScriptedModel(first=0)
    responder = Assistant(model, None, AssistantSettings()).open("somebody")
    await responder.send(CreateResponse())
    async for event in responder:
        if isinstance(event, ResponseEnded):
            break
    await responder.close()
    table = PAGE.split("## Tool servers")[0]
    assert {tool.name for tool in model.options[0].tools} == set(re.findall(r"`(\w+)`(?=[^|\n]*\| )", table))


def test_its_limits_are_those_of_the_code() -> None:
    assert f"{tools.MAX_OUTPUT:,} characters" in PAGE
    assert f"{mcp_results.MAX_TOOLS} tools of one server, {mcp_servers.MAX_TOOLS} in all" in PAGE
    assert f"{mcp_servers.MAX_SERVERS} servers a session" in PAGE
    assert f"cut at {mcp_results.MAX_DESCRIPTION:,} characters" in PAGE
    assert f"{mcp_results.MAX_SCHEMA:,} is left out" in PAGE
    assert (mcp_stdio.LONGEST_LINE, mcp_meter.BURST, mcp_meter.RATE) == (2**20, 4 * 2**20, 256 * 2**10)
