from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest

from voxtral_service.assistant.places import zone_of
from voxtral_service.assistant.tools import MAX_OUTPUT, BuiltIn, Toolbox
from voxtral_service.assistant.tools_calculator import CALCULATOR, CalculatorArguments
from voxtral_service.assistant.tools_clock import clock_tool
from voxtral_service.chat import ToolCall

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("tokyo, Japan", "Asia/Tokyo"),
        ("Japan", "Asia/Tokyo"),
        ("São Paulo", "America/Sao_Paulo"),
        ("new york", "America/New_York"),
        ("New York City, USA", None),
        ("the United Kingdom", "Europe/London"),
        ("Europe/Paris", "Europe/Paris"),
        ("france", "Europe/Paris"),
        ("Beijing", "Asia/Shanghai"),
        ("UTC", "UTC"),
        ("Tokio", "Asia/Tokyo"),
        ("sidney", "Australia/Sydney"),
        ("tocco", "Asia/Tokyo"),  # as a small recogniser heard it
        ("san fransisco", "America/Los_Angeles"),
        ("Atlantis", None),
        ("the moon", None),
        ("", None),
    ],
)
def test_places(place: str, zone: str | None) -> None:
    found = zone_of(place)
    assert (found.key if found else None) == zone


async def told(name: str, arguments: str) -> str:
    toolbox = Toolbox([clock_tool(ZoneInfo("Europe/Paris"), lambda: NOW), CALCULATOR])
    return (await toolbox.run(ToolCall("1", name, arguments))).output


async def test_the_time() -> None:
    assert await told("get_time", "") == "16:13 on Monday, 21 September 2026 (Europe/Paris, UTC+0200)"
    assert await told("get_time", '{"place":"Tokyo"}') == (
        "23:13 on Monday, 21 September 2026 in Tokyo (Asia/Tokyo, UTC+0900)"
    )
    assert "in New York (America/New_York" in await told("get_time", '{"place":"new yorck","days":2}')
    assert await told("get_time", '{"days":1}') == "+1 days from today is Tuesday, 22 September 2026 (Europe/Paris)"
    assert "no time zone of 'Atlantis'" in await told("get_time", '{"place":"Atlantis"}')


async def test_the_calculator() -> None:
    assert await told("calculate", '{"expression":"17*23"}') == "391"
    assert await told("calculate", '{"expression":"seventeen times twenty three"}') == "391"
    assert await told("calculate", '{"expression":"1/3"}') == "about 0.333333"
    assert await told("calculate", '{"expression":"1e9/7"}') == "about 142857142.86"
    assert "divided by zero" in await told("calculate", '{"expression":"1/0"}')


@pytest.mark.parametrize("arguments", ["{", "[]", "{}", '{"expression":7}'])
async def test_wrong_arguments_are_told_to_the_model(arguments: str) -> None:
    assert "wrong arguments: " in await told("calculate", arguments)


def test_schemas_come_from_the_arguments() -> None:
    schema = CALCULATOR.tool.parameters
    assert schema["type"] == "object"
    assert schema["required"] == ["expression"]
    assert schema["properties"]["expression"]["type"] == "string"


async def test_results_are_bounded_in_length_and_time() -> None:
    async def long(_: CalculatorArguments) -> str:
        return "x" * (MAX_OUTPUT + 5)

    async def slow(_: CalculatorArguments) -> str:
        await asyncio.Event().wait()
        return ""

    toolbox = Toolbox(
        [BuiltIn("long", "", CalculatorArguments, long), BuiltIn("slow", "", CalculatorArguments, slow)], timeout=0.01
    )
    call = '{"expression":""}'
    assert (await toolbox.run(ToolCall("1", "long", call))).output.endswith("[cut off: 5 more characters]")
    assert (await toolbox.run(ToolCall("1", "slow", call))).failed


async def test_two_tools_of_one_name() -> None:
    with pytest.raises(ValueError, match="two tools calculate"):
        Toolbox([CALCULATOR, CALCULATOR])


async def test_a_tool_that_there_is_not() -> None:
    outcome = await Toolbox([CALCULATOR]).run(ToolCall("1", "fly", "{}"))
    assert outcome.failed
    assert "calculate" in outcome.output
