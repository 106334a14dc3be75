"""Tool servers made with the `mcp` package, as child processes and over HTTP: good ones and bad ones."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from mcp import Client
from mcp.server import MCPServer

from tests.assistant.kit import ScriptedModel
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.mcp_connection import McpConnection
from voxtral_service.assistant.mcp_meter import Meter
from voxtral_service.assistant.mcp_results import MAX_DESCRIPTION, MAX_TOOLS, listed, model_name
from voxtral_service.assistant.mcp_servers import SessionServers, SharedServers, connection_of
from voxtral_service.assistant.tools import Toolbox, ToolFailed
from voxtral_service.chat import ToolCall
from voxtral_service.config import McpServer
from voxtral_service.errors import UpstreamError
from voxtral_service.events import CreateResponse, ResponseEnded, ResponseToolResult, ToolServerFailed, ToolServerReady
from voxtral_service.hosts import AllowedHosts
from voxtral_service.tool_servers import NEVER, ApprovalRule, ToolFilter, ToolServer

SCRIPT = Path(__file__).with_name("mcp_server.py")
AT_ONCE = 3.0
"""Seconds, on a busy machine; the package itself waits for 5 until a server has been told."""
GOOD = {"add", "hang", "die", "fail", "long", "block", "flood", "complain", "odd name/ü"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@asynccontextmanager
async def process(log: Path, **env: str) -> AsyncIterator[McpConnection]:
    server = McpServer(
        label="test",
        command=sys.executable,
        args=(str(SCRIPT), "stdio", str(log)),
        env=env,  # type: ignore[arg-type]
    )
    connection = connection_of(server, first_pause=0.05)
    try:
        await connection.start()
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def web(log: Path, **env: str) -> AsyncIterator[str]:
    """A server over HTTP: its address."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), "http", str(log), stdout=asyncio.subprocess.PIPE, env={"PATH": "", **env}
    )
    try:
        assert child.stdout is not None
        port = int(await asyncio.wait_for(child.stdout.readline(), 60))
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.communicate()


def lines(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


async def noted(log: Path, what: str) -> None:
    async with asyncio.timeout(30):
        while what not in await asyncio.to_thread(lines, log):
            await asyncio.sleep(0.02)


async def back(connection: McpConnection) -> None:
    """Connected again."""
    async with asyncio.timeout(60):
        while connection.failure is None:  # it has not noticed yet
            await asyncio.sleep(0.02)
        while connection.failure is not None:
            await asyncio.sleep(0.02)


async def test_a_process_with_tools(log: Path) -> None:
    async with process(log) as connection:
        assert {tool.name for tool in connection.offered} == GOOD
        add = next(tool for tool in connection.tools if tool.name == "add")
        assert add.tool.name == "test__add"
        assert add.tool.description == "Adds two numbers."
        assert set(add.tool.parameters["properties"]) == {"a", "b"}
        assert (add.server, add.asks, add.changes) == ("test", False, False)
        assert next(tool for tool in connection.tools if tool.name == "die").changes
        assert await connection.call("add", '{"a": 17, "b": 25}') == "42"
        with pytest.raises(ToolFailed, match="valid integer"):
            await connection.call("add", '{"a": "x", "b": 1}')
        with pytest.raises(ToolFailed, match="JSON object"):
            await connection.call("add", "[1]")
        with pytest.raises(ToolFailed, match="fail"):
            await connection.call("fail", "{}")
        with pytest.raises(ToolFailed, match="nothing"):
            await connection.call("nothing", "{}")
        odd = next(tool for tool in connection.tools if tool.name == "odd name/ü")
        assert await odd.call("{}") == "odd"
        outcome = await Toolbox(servers=SessionServers((connection,), AllowedHosts(()))).run(
            ToolCall("1", "test__long", '{"size": 20000}')
        )
        assert outcome.output.endswith("[cut off: 4000 more characters]")


async def test_calls_that_hang_are_left_at_once_and_hold_nobody_up(log: Path) -> None:
    async with process(log) as connection:
        hanging = asyncio.create_task(connection.call("hang", "{}"))
        await noted(log, "hang")
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        await noted(log, "cancelled")
        assert await connection.call("add", '{"a": 1, "b": 1}') == "2"

        complaining = asyncio.create_task(connection.call("complain", "{}"))
        began, used = time.monotonic(), time.process_time()
        await asyncio.wait({complaining}, timeout=0.5)
        assert time.process_time() - used < 0.5 * (time.monotonic() - began)

        # Now it reads nothing more, so it cannot even be told that a call is over.
        blocked = asyncio.create_task(connection.call("block", '{"seconds": 600}'))
        await noted(log, "block")
        writing = asyncio.create_task(connection.call("add", json.dumps({"a": "x" * 2**19, "b": 1})))
        await asyncio.sleep(0)
        began = time.monotonic()
        for task in (complaining, blocked, writing):
            task.cancel()
        await asyncio.gather(complaining, blocked, writing, return_exceptions=True)
        assert time.monotonic() - began < AT_ONCE


async def test_a_server_that_dies_or_sends_too_much_is_started_again(log: Path) -> None:
    async with process(log) as connection:
        for tool, arguments, said in (
            ("die", "{}", "has ended"),
            ("flood", "{}", "sends more than"),
            ("long", '{"size": 2000000}', "a message of more than"),
        ):
            with pytest.raises(UpstreamError, match=said):
                await connection.call(tool, arguments)
            await back(connection)
        assert await connection.call("add", '{"a": 1, "b": 2}') == "3"


async def test_more_tools_than_anybody_wants() -> None:
    server = MCPServer("many")
    for number in range(200):
        server.add_tool(lambda: "", name=f"many_{number}", description="y" * 5000)
    async with Client(server) as client:
        tools = await listed(client, "many", ToolFilter())
        few = await listed(client, "many", ToolFilter(frozenset({"many_150"})))
    assert len(tools) == MAX_TOOLS
    assert {len(tool.tool.description) for tool in tools} == {MAX_DESCRIPTION}
    assert [tool.tool.name for tool in few] == ["many_150"]


async def test_what_cannot_be_started_says_so_and_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "later"
    connection = connection_of(McpServer(label="later", command=str(program)), first_pause=0.05)
    with pytest.raises(UpstreamError, match=r"later.*No such file"):
        await connection.start()
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {SCRIPT} stdio\n")
    program.chmod(0o755)
    await back(connection)
    assert connection.tools
    await connection.close()


async def test_a_process_that_speaks_something_else_is_given_up() -> None:
    connection = connection_of(
        McpServer(label="cat", command=sys.executable, args=("-c", "import time; print('hello'); time.sleep(600)")),
        connect_seconds=1.0,
    )
    with pytest.raises(UpstreamError, match="did not answer within 1 s"):
        await connection.start()
    await connection.close()


# -- over HTTP, as sessions name them


async def told(servers: SessionServers, *named: ToolServer) -> list[ToolServerReady | ToolServerFailed]:
    events: list[ToolServerReady | ToolServerFailed] = []

    async def tell(event: ToolServerReady | ToolServerFailed) -> None:
        events.append(event)

    await servers.use(named, tell)
    return events


@asynccontextmanager
async def closing(servers: SessionServers) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await servers.close()


def anybody(url: str) -> AllowedHosts:
    return AllowedHosts((url.split("/")[2],))


async def test_a_session_names_a_server(log: Path) -> None:
    async with web(log, JSON="1", REQUIRE_KEY="1") as url:
        servers = SessionServers((), anybody(url))
        server = ToolServer("test", url, {"Authorization": "Bearer open"}, approval=NEVER)
        async with closing(servers):
            (ready,) = await told(servers, server)
            assert isinstance(ready, ToolServerReady)
            assert {tool.name for tool in ready.tools} == GOOD
            box = Toolbox(servers=servers, timeout=0.5)
            assert (await box.run(ToolCall("1", "test__add", '{"a": 1, "b": 2}'))).output == "3"
            # Named again as it was, it stays connected.
            before = servers.tools()[0].run
            await told(servers, server)
            assert servers.tools()[0].run is before
            outcome = await box.run(ToolCall("1", "test__hang", "{}"))
            assert outcome.failed
            assert "took longer" in outcome.output
            outcome = await box.run(ToolCall("1", "test__long", '{"size": 5000000}'))
            assert outcome.failed
            # A different key makes it another server, whose tools are not those of before.
            (failed,) = await told(servers, ToolServer("test", url, {"Authorization": "Bearer wrong"}))
            assert isinstance(failed, ToolServerFailed)
            assert "401" in failed.message
            assert "wrong" not in failed.message
            assert not servers.tools()


async def test_a_server_that_goes_away_in_a_call(log: Path) -> None:
    async with web(log) as url:
        servers = SessionServers((), anybody(url))
        await told(servers, ToolServer("test", url, approval=NEVER))
        outcome = await Toolbox(servers=servers).run(ToolCall("1", "test__die", "{}"))
        assert outcome.failed
        outcome = await Toolbox(servers=servers, timeout=2.0).run(ToolCall("1", "test__add", '{"a": 1, "b": 2}'))
        assert outcome.failed
        await servers.close()


@pytest.mark.parametrize(
    ("server", "code", "said"),
    [
        (ToolServer("a", "http://169.254.169.254/latest"), "invalid_option", "url_hosts"),
        (ToolServer("a", "file:///etc/passwd"), "invalid_option", "http"),
        (ToolServer("a b", "http://listed.example/"), "invalid_option", "label"),
        (ToolServer("a", "http://listed.example/", {"Host": "inside"}), "invalid_option", "host"),
        (ToolServer("shared", "http://listed.example/"), "invalid_option", "already"),
        (ToolServer("a", "http://listed.example/"), "invalid_option", "private network"),
    ],
)
async def test_servers_that_a_session_cannot_name(server: ToolServer, code: str, said: str) -> None:
    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    shared = McpConnection("shared", lambda meter: None, allowed=ToolFilter(), approval=NEVER)  # type: ignore[arg-type, return-value]
    servers = SessionServers((shared,), AllowedHosts(("listed.example",), resolve=inside))
    (failed,) = await told(servers, server)
    assert isinstance(failed, ToolServerFailed)
    assert (failed.server, failed.code) == (server.label, code)
    assert said in failed.message
    await servers.close()


async def test_a_session_names_a_few_servers_at_most() -> None:
    servers = SessionServers((), AllowedHosts(()))
    events = await told(servers, *(ToolServer(f"s{number}", "http://x/") for number in range(10)))
    assert [event.code for event in events if isinstance(event, ToolServerFailed)] == ["invalid_option"] * 10
    assert "8 tool servers" in str(events[9])


async def test_an_operators_servers_are_there_for_all(log: Path) -> None:
    async with web(log) as url:
        shared = SharedServers(
            [McpServer(label="test", url=url, approval="writes", allowed_tools=("add", "fail"))], AllowedHosts(())
        )
        await shared.settled(60)
        one = shared.session()
        assert [tool.asks for tool in one.tools()] == [False, True]
        await one.close()
        model = ScriptedModel([[ToolCall("1", "test__add", '{"a": 2, "b": 2}')], ["Four."]], first=0)
        responder = Assistant(model, None, AssistantSettings(tools=False), servers=shared).open("somebody")
        await responder.send(CreateResponse())
        events = []
        async for event in responder:
            events.append(event)
            if isinstance(event, ResponseEnded):
                break
        await responder.close()
        assert [event.output for event in events if isinstance(event, ResponseToolResult)] == ["4"]
        assert [tool.name for tool in model.options[0].tools] == ["test__add", "test__fail"]
        await shared.close()


# -- the parts


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        (ApprovalRule(), (True, True, True)),
        (NEVER, (False, False, False)),
        (ApprovalRule(never=ToolFilter(frozenset({"read"}))), (False, True, True)),
        (ApprovalRule(never=ToolFilter(read_only=True)), (False, True, True)),
        (ApprovalRule(always=ToolFilter(frozenset({"send"})), never=ToolFilter()), (False, True, False)),
    ],
)
def test_who_is_asked(rule: ApprovalRule, asks: tuple[bool, ...]) -> None:
    tools = (("read", True), ("send", False), ("drop", False))
    assert tuple(rule.asks(name, read_only=read_only) for name, read_only in tools) == asks


def test_names_for_models() -> None:
    assert model_name("post", "send") == "post__send"
    long, odd, other = model_name("post", "x" * 100), model_name("post", "a b"), model_name("post", "a?b")
    assert len(long) == 64
    assert odd != other
    assert odd.startswith("post__a_b_")


def test_the_meter_forgives_what_was_long_ago() -> None:
    now = [0.0]
    meter = Meter("test", burst=1000, rate=100, clock=lambda: now[0])
    meter.take(1000)
    now[0] = 5.0
    meter.take(500)
    with pytest.raises(UpstreamError, match="more than anybody could read"):
        meter.take(1)
    assert meter.failure is not None
