from __future__ import annotations

import asyncio
import json

import pytest

from tests.assistant.virtual import run
from voxtral_service.assistant.tools import Toolbox
from voxtral_service.assistant.tools_timers import MAX_TIMERS, Timers, duration
from voxtral_service.chat import ToolCall


def test_timers_speak_when_they_are_due() -> None:
    said: list[tuple[float, str]] = []

    async def scenario() -> list[str]:
        async def announce(text: str) -> None:
            said.append((asyncio.get_running_loop().time(), text))

        timers = Timers(announce)
        toolbox = Toolbox(timers.tools())

        async def call(name: str, arguments: str = "{}") -> str:
            return (await toolbox.run(ToolCall("1", name, arguments))).output

        told = [
            await call("set_timer", '{"duration":"five minutes"}'),
            await call("set_timer", '{"duration":"60","reminder":"take out the bread."}'),
            await call("set_timer", '{"duration":10}'),
            await call("cancel_timer", '{"timer":"3"}'),
            await call("cancel_timer", '{"timer":"9"}'),
        ]
        await asyncio.sleep(240)
        told.append(await call("list_timers"))
        await asyncio.sleep(100)
        told.append(await call("list_timers"))
        for _ in range(MAX_TIMERS):
            await call("set_timer", '{"duration":"5"}')
        told.append(await call("set_timer", '{"duration":"5"}'))
        timers.close()
        await asyncio.sleep(100)
        return told

    told = run(scenario())
    assert told[:4] == [
        "timer 1 is set for 5 minutes",
        "timer 2 is set for 1 minute",
        "timer 3 is set for 10 seconds",
        "timer 3 is cancelled",
    ]
    assert "there is no timer '9'" in told[4]
    assert told[5:7] == ["1: timer in 1 minute", "no timers are set"]
    assert "cancel one first" in told[7]
    assert said == [(60.0, "Reminder: take out the bread."), (300.0, "Your timer of 5 minutes is up.")]


def test_durations() -> None:
    assert [duration(s) for s in (0.2, 59.6, 3905, 86400)] == [
        "1 second",
        "1 minute",
        "1 hour 5 minutes 5 seconds",
        "24 hours",
    ]


@pytest.mark.parametrize(
    ("said", "cancelled"),
    [
        ("", "timer 4 is cancelled"),
        ("it", "timer 4 is cancelled"),
        ("two", "timer 2 is cancelled"),
        ("the second one", "timer 2 is cancelled"),
        ("my five minute timer", "timer 3 is cancelled"),
        ("pasta", "timer 2 is cancelled"),
        ("the reminder to call mum", "timer 4 is cancelled"),
        ("all of them", "timers 1, 2, 3 and 4 are cancelled"),
        ("ten minutes", "there is no timer 'ten minutes'"),
        ("the laundry", "4: call mum in 20 minutes"),
    ],
)
def test_which_timer_is_meant(said: str, cancelled: str) -> None:
    async def scenario() -> str:
        async def announce(_: str) -> None:
            raise AssertionError

        timers = Timers(announce)
        toolbox = Toolbox(timers.tools())
        for length, reminder in (("5 minutes", ""), ("11 minutes", "pasta"), ("300", ""), ("1200", "call mum")):
            arguments = json.dumps({"duration": length, "reminder": reminder})
            await toolbox.run(ToolCall("1", "set_timer", arguments))
        outcome = await toolbox.run(ToolCall("1", "cancel_timer", json.dumps({"timer": said})))
        timers.close()
        return outcome.output

    assert cancelled in run(scenario())


@pytest.mark.parametrize("said", ["soon", "", "0", "-5 minutes", "25 hours"])
async def test_no_durations(said: str) -> None:
    async def announce(_: str) -> None:
        raise AssertionError

    outcome = await Toolbox(Timers(announce).tools()).run(ToolCall("1", "set_timer", json.dumps({"duration": said})))
    assert outcome.failed
