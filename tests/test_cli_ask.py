"""`voxtral ask`: a question, its answer on the screen and as sound, in this process and at a server."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests import tiny
from tests.assistant.endpoint import Reply, failing, scripted, text
from tests.assistant.kit import ScriptedModel, ScriptedVoice, SlowTool
from tests.fakes import LoudnessActivity, SpellingEngine
from tests.server.conftest import running
from tests.test_cli_listen import VOXTRAL, Played, level
from voxtral_service import config
from voxtral_service.assistant.assistant import Assistant, AssistantSettings
from voxtral_service.assistant.espeak import Espeak
from voxtral_service.assistant.llm import LanguageModel
from voxtral_service.assistant.speech import Synthesizer
from voxtral_service.assistant.tools import Callee
from voxtral_service.audio import Samples
from voxtral_service.audio.decode import read
from voxtral_service.audio.write import write_wav
from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerOptions, AnswerText, Message, ToolCall
from voxtral_service.cli.answering import OWNER
from voxtral_service.cli.app import app
from voxtral_service.cli.asking import Asking, Said
from voxtral_service.cli.exchange import Exchange
from voxtral_service.cli.screen import Screen
from voxtral_service.cli.serve import open_knowledge
from voxtral_service.cli.speaker import Loudspeaker
from voxtral_service.errors import CallerError
from voxtral_service.events import (
    ConfigureResponses,
    Event,
    ResponseApprovalRequest,
    ResponseAudio,
    ResponseEnded,
    ResponseStarted,
    ResponseText,
    ResponseToolCall,
    ResponseToolResult,
    SessionSettings,
    TranscriptDelta,
    TranscriptFinal,
    Truncate,
    TurnStarted,
)
from voxtral_service.session.dialogue import Dialogue
from voxtral_service.session.session import Session


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOXTRAL_KNOWLEDGE", "false")
    monkeypatch.setenv("VOXTRAL_DATA_DIR", str(tmp_path / "data"))


async def run(*arguments: object) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, ["ask", *map(str, arguments)]))


def assistant(model: LanguageModel, *tools: Callee, voice: Synthesizer | None = None) -> Assistant:
    speaks = voice or ScriptedVoice(first=0)
    return Assistant(model, speaks, AssistantSettings("Be brief."), more_tools=(lambda owner: tools,))


def model(*scripts: Any) -> ScriptedModel:
    return ScriptedModel(scripts, first=0)


# -- in this process


async def test_a_question_is_answered_and_spoken(tmp_path: Path) -> None:
    answer = tmp_path / "answer.wav"
    async with scripted(Reply(text("Nine in ", "the evening."))) as (url, endpoint):
        result = await run("--llm-url", url, "--llm-model", "m", "--output", answer, "What time is it?")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "Nine in the evening.\n"
    assert endpoint.requests[0]["messages"][-1] == {"role": "user", "content": "What time is it?"}
    assert 0.5 < len(read(answer)) / 16_000 < 4
    assert f"{answer}: " in result.stderr


async def test_tools_are_shown_beside_the_answer() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "calculate", "arguments": '{"expression": "17*23"}'}}
    asks = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}, "[DONE]"]
    async with scripted(Reply(asks), Reply(text("391."))) as (url, _):
        result = await run("--llm-url", url, "--llm-model", "m", "--silent", "17 times 23?")
    assert result.stdout == "391.\n"
    assert [line.strip() for line in result.stderr.splitlines()] == ["calculate(expression: 17*23)", "= 391"]


async def test_a_recording_is_heard_and_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_model(tmp_path / "models" / "tiny", tiny.SHAPES["small"])
    monkeypatch.setenv("VOXTRAL_MODELS_DIR", str(tmp_path / "models"))
    write_wav(tmp_path / "question.wav", tiny.sound(1.0))
    async with scripted(Reply(text("Good day."))) as (url, endpoint):
        options = ("--llm-url", url, "--llm-model", "m", "--model", "tiny", "--silent")
        result = await run(*options, tmp_path / "question.wav")
    assert result.exit_code == 0, result.stderr
    heard, answer = result.stdout.splitlines()
    assert answer == "Good day."
    said = endpoint.requests[0]["messages"][-1]["content"]
    assert said
    assert heard == f"> {said}"


async def test_what_is_remembered_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXTRAL_KNOWLEDGE", "true")
    known = open_knowledge(config.load())
    known.memories.enable(OWNER, True)
    known.memories.add(OWNER, "My cat is called Ada.")
    await known.stop()
    async with scripted(Reply(text("Ada."))) as (url, endpoint):
        result = await run("--llm-url", url, "--llm-model", "m", "--silent", "What is my cat called?")
    assert (result.exit_code, result.stdout) == (0, "Ada.\n"), result.stderr
    assert any("My cat is called Ada." in str(message["content"]) for message in endpoint.requests[0]["messages"])


async def test_no_answer_is_an_error() -> None:
    async with scripted(*[failing(401, "no such key")] * 3) as (url, _):
        result = await run("--llm-url", url, "--llm-model", "m", "--silent", "Hello?")
    assert result.exit_code == 1
    assert "no such key" in result.stderr


async def test_an_interrupt_leaves_what_was_written() -> None:
    async with scripted(Reply(text("It is ", finish=None), hold=True)) as (url, endpoint):
        arguments = ["ask", "--silent", "--llm-url", url, "--llm-model", "m", "Hello?"]
        process = await asyncio.create_subprocess_exec(
            VOXTRAL, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdout
        begun = await process.stdout.readexactly(6)
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()
        await asyncio.wait_for(endpoint.left.wait(), 30)
    assert (begun + rest, errors) == (b"It is \n", b"interrupted\n")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such.wav"], "no such file"),
        ([" "], "nothing to ask"),
        (["--silent"], "nothing to ask"),
        (["--mic", "Hello?"], "takes no question"),
        (["--silent", "--output", "a.wav", "Hello?"], "exclude each other"),
        (["--output", "a.midi", "Hello?"], "ends in no format"),
        (["--server", "ws://127.0.0.1:1", "--model", "tiny", "--silent", "Hello?"], "for the server to set"),
        (["--server", "127.0.0.1:1", "--silent", "Hello?"], "is no server's address"),
        (["--llm-url", "http://127.0.0.1:1/v1", "--silent", "Hello?"], "name the model"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio())
    result = CliRunner().invoke(app, ["ask", *arguments])
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


# -- at a server


async def test_a_server_answers_in_writing_and_in_sound(tmp_path: Path) -> None:
    tool, scripts = SlowTool(), model((ToolCall("c", "look_up", '{"of": "it"}'),), ("It is 42.",))
    async with running(assistant=assistant(scripts, tool, voice=Espeak(""))) as server:
        result = await run("--server", server.ws, "--output", tmp_path / "answer.wav", "What is it?")
    assert (result.exit_code, result.stdout) == (0, "It is 42.\n"), result.stderr
    shown = [line.strip() for line in result.stderr.splitlines()]
    assert shown[:-1] == ["look_up(of: it)", "= 42"]
    assert 0.5 < len(read(tmp_path / "answer.wav")) / 16_000 < 3
    assert scripts.asked[0][-1].content == ("What is it?",)


async def test_a_server_hears_a_recording(tmp_path: Path) -> None:
    write_wav(tmp_path / "question.wav", level(20, 0.5))
    write_wav(tmp_path / "silence.wav", level(0, 0.05))
    scripts = model(("Twenty.",))
    async with running(assistant=assistant(scripts)) as server:
        result = await run("--server", server.ws, "--silent", tmp_path / "question.wav")
        silence = await run("--server", server.ws, "--silent", tmp_path / "silence.wav")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "> 20 20 20 20 20\nTwenty.\n"
    assert scripts.asked[0][-1].content == ("20 20 20 20 20",)
    assert silence.exit_code == 2
    assert "no words were heard" in silence.stderr


async def test_a_server_without_a_voice_writes_no_file(tmp_path: Path) -> None:
    async with running(assistant=Assistant(model(("Yes.",)), None, AssistantSettings())) as server:
        result = await run("--server", server.ws, "--output", tmp_path / "answer.wav", "Well?")
    assert (result.exit_code, result.stdout) == (1, "Yes.\n")
    assert "nothing was spoken" in result.stderr
    assert not (tmp_path / "answer.wav").exists()


async def test_a_server_that_is_not_there() -> None:
    result = await run("--server", "ws://127.0.0.1:1", "--silent", "Hello?")
    assert result.exit_code == 1
    assert "does a server listen there" in result.stderr


# -- a conversation


class Ear:
    """A speaker of which so much has been heard as a test says."""

    sample_rate = 24_000
    playing = False

    def __init__(self) -> None:
        self.came = threading.Event()
        self.stops = 0
        self.waiting: set[int] = set()

    def play(self, sound: ResponseAudio) -> None:
        self.waiting.add(sound.response)
        self.came.set()

    def stop(self) -> dict[int, float]:
        waiting, self.waiting = self.waiting, set()
        self.stops += bool(waiting)
        return dict.fromkeys(waiting, 0.25)

    async def played(self) -> None:
        pass

    def close(self) -> None:
        pass


class Person(Played):
    """Asks, and speaks again as soon as the answer is heard, which is an interruption; between that is silent."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(level(20, 0.6))
        self._ear, self._interrupts = ear, True

    def __next__(self) -> Samples:
        try:
            return super().__next__()
        except StopIteration:
            if self.stopped:
                raise
        if self._ear.came.is_set() and self._interrupts:
            self._interrupts = False
            return level(40, 0.8)
        return level(0, 0.08)


class Obedient:
    """Talks at length until it is interrupted; begun guesses do not count."""

    async def answer(
        self, messages: Sequence[Message[Samples]], options: AnswerOptions
    ) -> AsyncGenerator[AnswerEvent, None]:
        again = any("40" in str(part) for part in messages[-1].content)
        yield AnswerText("Yes." if again else "This is a long answer of many, many words that goes on and on and on.")
        yield AnswerEnd("stop", 0, 0, 0, 0.0)


async def test_speaking_stops_an_answer_and_tells_how_much_of_it_was_heard() -> None:
    ear, out, err = Ear(), io.StringIO(), io.StringIO()
    sent: list[object] = []

    class Watched(Dialogue):
        async def send(self, command: Any) -> None:
            sent.append(command)
            await super().send(command)

        async def __aiter__(self) -> AsyncIterator[Event]:
            yes = False
            async for event in super().__aiter__():
                yield event
                yes = yes or (isinstance(event, ResponseText) and event.text == "Yes.")
                if yes and isinstance(event, ResponseEnded):
                    return

    @asynccontextmanager
    async def held() -> AsyncGenerator[Dialogue]:
        session = Session(SpellingEngine(), asking.session(None) or SessionSettings(), LoudnessActivity)
        dialogue = Watched(session, assistant(Obedient()).open(""))
        await dialogue.send(ConfigureResponses(asking.wish("")))
        yield dialogue
        await dialogue.close()

    with Screen(out, err, quiet=True) as screen:
        asking = Asking(
            Said(sound=Person(ear), live=True), Exchange(screen, ear), ear, screen, quiet=True, half_duplex=False
        )
        await asyncio.wait_for(asking.run(held), 60)
    assert ear.stops == 1
    assert any(isinstance(command, Truncate) and command.audio_ms == 250 for command in sent)
    assert "interrupted" in err.getvalue()
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("> 20")
    assert lines[1].startswith("This is a long answer")
    assert lines[2].startswith("> ")
    assert "40" in lines[2]
    assert lines[3] == "Yes."


# -- events to the screen


def shown(*events: Event, quiet: bool = False) -> tuple[str, str, Exchange]:
    out, err = io.StringIO(), io.StringIO()
    with Screen(out, err, quiet=True) as screen:
        exchange = Exchange(screen, None, quiet=quiet)
        for event in events:
            exchange.show(event)
    return out.getvalue(), err.getvalue(), exchange


def test_each_side_has_its_own_lines() -> None:
    out, _, _ = shown(
        TurnStarted(1, 0.0),
        TranscriptDelta(1, " what"),
        TranscriptDelta(1, " is it"),
        TranscriptFinal(1, " what is it", (), 0.0, 1.0),
        ResponseStarted(1, 1),
        ResponseText(1, "It is "),
        TurnStarted(2, 2.0),
        TranscriptDelta(2, "mm-hm"),
        ResponseText(1, "nine."),
        TranscriptFinal(2, "mm-hm", (), 2.0, 2.2),
        ResponseEnded(1, "completed", 0.0),
    )
    assert out == "> what is it\nIt is \n> mm-hm\nnine.\n"


def test_a_timer_is_waited_for_until_it_rings() -> None:
    begun = (ResponseStarted(1, None, "x"), ResponseToolCall(1, "c", "set_timer", '{"duration": "1 s"}', here=True))
    *_, exchange = shown(*begun, ResponseToolResult(1, "c", "set"), ResponseEnded(1, "completed", 0.0))
    assert (exchange.answered, exchange.timers) == (True, 1)
    for event in (ResponseStarted(2, None), ResponseText(2, "It is up."), ResponseEnded(2, "completed", 0.0)):
        exchange.show(event)
    assert (exchange.answered, exchange.timers) == (True, 0)
    *_, failed = shown(*begun, ResponseToolResult(1, "c", "no", failed=True), ResponseEnded(1, "completed", 0.0))
    assert failed.timers == 0


def test_a_call_that_has_to_be_allowed_keeps_the_question_open() -> None:
    asks = ResponseApprovalRequest(1, "c", "files", "delete", '{"name": "a"}')
    _, err, exchange = shown(ResponseStarted(1, None), asks, ResponseEnded(1, "tool_calls", 0.0))
    assert "files asks for delete(name: a)" in err
    assert not exchange.answered
    exchange.show(ResponseStarted(2, None))
    exchange.show(ResponseEnded(2, "completed", 0.0))
    assert exchange.answered


def test_quiet_leaves_out_tools_and_keeps_errors() -> None:
    call = ResponseToolCall(1, "c", "calculate", "{}", here=True)
    failed = ResponseEnded(1, "failed", 0.0, code="upstream_error", message="it is down")
    _, err, exchange = shown(ResponseStarted(1, None), call, failed, quiet=True)
    assert err == "error: it is down\n"
    assert exchange.failed


# -- the loudspeaker


class FakePortAudio:
    """Stands in for sounddevice: a device that takes 48 kHz only, and plays when a test says."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *, absent: bool = False) -> None:
        self.absent = absent
        self.callback: Any = None

    def check_output_settings(self, samplerate: int, **_: object) -> None:
        if self.absent or samplerate != 48_000:
            raise self.PortAudioError("Invalid sample rate")

    def OutputStream(self, *, callback: Any, **_: object) -> Any:  # noqa: N802
        self.callback = callback
        return SimpleNamespace(start=lambda: None, close=lambda: None, latency=0.0)

    def play(self, frames: int) -> list[int]:
        out = np.full((frames, 1), 7, np.int16)
        self.callback(out, frames, None, None)
        return [int(sample) for sample in out[:, 0]]


def sound(response: int, *samples: int) -> ResponseAudio:
    return ResponseAudio(response, np.array(samples, "<i2").tobytes(), 48_000, 0.0)


async def test_a_loudspeaker_knows_how_much_was_played(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakePortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    speaker = Loudspeaker()
    assert speaker.sample_rate == 48_000
    speaker.play(sound(1, 1, 2, 3))
    speaker.play(sound(2, 4, 5))
    assert device.play(4) == [1, 2, 3, 4]
    assert speaker.playing
    assert speaker.stop() == {2: 1 / 48_000}
    assert device.play(2) == [0, 0]
    speaker.play(sound(3, 6))
    assert device.play(2) == [6, 0]
    await asyncio.wait_for(speaker.played(), 30)
    assert speaker.stop() == {}


def test_no_loudspeaker_is_told_of_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio(absent=True))
    with pytest.raises(CallerError, match="no sound device"):
        Loudspeaker()
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(CallerError, match="pip install"):
        Loudspeaker()
