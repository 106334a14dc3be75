"""The browser page: how it is served, and, in a real browser with a sound file for a microphone, that it works."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
import pytest_asyncio
import soundfile
from playwright.async_api import Browser

from tests.server.browser import PATIENCE_MS, in_a_browser, launched, talk, visit
from tests.server.conftest import Serve
from voxtral_service.server import page
from voxtral_service.server.keys import ANONYMOUS, ApiKey, hashed

WEBM = b"\x1a\x45\xdf\xa3"


# -- how it is served


async def test_the_page_is_open_and_may_run_nothing_but_its_own_files(serve: Serve) -> None:
    key = ApiKey("one", hashed("secret"))
    async with serve(keys=(key,)) as server, httpx2.AsyncClient(base_url=server.url) as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    host = f"127.0.0.1:{server.port}"
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert rules["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "microphone=(self)" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("host", ["", "a b", "x; script-src *", "example.org/path", "'unsafe-inline'"])
def test_a_host_that_is_none_does_not_reach_the_policy(host: str) -> None:
    assert "connect-src 'self'; base-uri" in page.policy(host)


async def test_a_browser_that_has_a_file_is_not_sent_it_again(serve: Serve) -> None:
    async with serve() as server, httpx2.AsyncClient(base_url=server.url) as client:
        first = await client.get("/static/app.js")
        again = await client.get("/static/app.js", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        missing = await client.get("/static/app.py")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert missing.status_code == 404


def test_every_file_that_is_named_is_there_and_every_file_there_is_named() -> None:
    served = page.assets()
    text = {name: asset.content.decode() for name, asset in served.items()}
    named = {page.INDEX, *re.findall(r'(?:href|src)="static/([^"]+)"', text[page.INDEX])}
    for content in text.values():
        named.update(re.findall(r'(?:from "\./|new URL\(")([^"]+\.js)"', content))
    assert named == set(served)


def test_the_page_has_no_script_or_style_that_the_policy_would_stop() -> None:
    html = page.assets()[page.INDEX].content.decode()
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", html)
    assert "://" not in html


# -- in a browser


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two turns of a second, with a pause between them, then silence."""
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    gap = np.zeros(13_000, np.float32)
    soundfile.write(path, np.concatenate([gap[:6_000], talk(1), gap, talk(1), gap]), 16_000)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(microphone: Path) -> AsyncIterator[Browser]:
    async with launched(microphone) as browser:
        yield browser


@in_a_browser
async def test_what_is_said_is_shown_and_can_be_saved(serve: Serve, chromium: Browser) -> None:
    async with serve() as server, visit(chromium, server) as tab:
        await tab.page.click("#toggle")
        await tab.page.locator("#open .draft .text:not(:empty)").wait_for(timeout=PATIENCE_MS)
        await tab.turns(1)
        await tab.page.locator("#delay").fill("4")
        await tab.page.locator("#vocabulary").fill(" Anna Wren,Voxtral, ")
        turns = await tab.turns(2)
        await tab.page.click("#toggle")
        await tab.state("idle")

        assert tab.delays("session.update") == ["medium", "xhigh", "xhigh"]
        assert tab.delays("session.updated")[-1] == "xhigh"
        told = [frame["session"] for frame in tab.frames("session.update") if "audio" in frame["session"]]
        assert told[-1]["audio"]["input"]["transcription"]["keywords"] == ["Anna Wren", "Voxtral"]
        assert all(re.fullmatch(r"\d+( \d+)+", turn) for turn in turns)
        assert all(9 < len(turn.split()) < 26 for turn in turns)

        assert await tab.download("txt") == f"{turns[0]}\n\n{turns[1]}\n"
        saved = json.loads(await tab.download("json"))
        assert saved["model"] == "spelling"
        assert [turn["text"] for turn in saved["turns"]] == turns
        for turn in saved["turns"]:
            assert 1 <= turn["end"] - turn["start"] <= 2.5
            times = [time for word in turn["words"] for time in (word["start"], word["end"])]
            assert turn["start"] <= times[0] <= times[-1] <= turn["end"]
            assert times[1::2] == sorted(times[1::2])
            # As the fake engine stamps them: a word for each tenth of a second, counted from the start of the turn.
            assert turn["word_times"] == "server"
            assert all(word["end"] - word["start"] == pytest.approx(0.1, abs=0.002) for word in turn["words"][:-1])
        assert 1.6 <= saved["turns"][1]["start"] - saved["turns"][0]["start"] <= 2
        srt, vtt = await tab.download("srt"), await tab.download("vtt")
        assert re.match(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n\d+ ", srt)
        assert vtt.startswith("WEBVTT\n\n00:00:00.")
        shown = re.sub(r"(?m)^\d+$\n|^.*-->.*$", "", srt).split()
        assert shown == " ".join(turns).split()

        await tab.page.click("#clear")
        await tab.page.locator("#empty").wait_for()
        await tab.page.click("text=Undo")
        assert await tab.turns(2) == turns
        assert tab.errors == []
        assert server.state.seats.taken == 0


@in_a_browser
async def test_a_full_server_and_a_lost_connection_are_waited_for(serve: Serve, chromium: Browser) -> None:
    async with serve(places=1) as server, visit(chromium, server) as tab:
        with server.state.seats.seat(ANONYMOUS):
            await tab.page.click("#toggle")
            await tab.notice("The server is full: 1 of 1 places are taken. Trying again")
        await tab.state("live")
        before = await tab.turns(1)
        for session in list(server.state.open):
            await session.stop()
        await tab.notice("The connection was lost.")
        await tab.state("live")
        after = await tab.turns(2)
        assert after[:1] == before


@in_a_browser
async def test_without_a_worklet_a_recorder_is_used_and_turns_end_by_hand(serve: Serve, chromium: Browser) -> None:
    no_worklet = "Object.defineProperty(BaseAudioContext.prototype, 'audioWorklet', { value: undefined })"
    async with serve() as server, visit(chromium, server, no_worklet) as tab:
        await tab.page.check("input[value=manual]")
        await tab.page.click("#toggle")
        await tab.page.locator("#open .draft .text:not(:empty)").wait_for(timeout=PATIENCE_MS)
        await tab.page.locator("main").press("Enter")
        await tab.turns(1)
        await tab.page.locator("#open .draft .text:not(:empty)").wait_for(timeout=PATIENCE_MS)
        await tab.page.click("#toggle")
        await tab.state("idle")
        first, second = json.loads(await tab.download("json"))["turns"]
        assert first["start"] == 0
        assert first["end"] == second["start"] < second["end"]
        # A busy browser's first frame may be a single byte.
        assert b"".join(frame for frame in tab.sent if isinstance(frame, bytes)).startswith(WEBM)
        assert tab.errors == []


@in_a_browser
async def test_what_keeps_the_page_from_listening_is_said_in_words(serve: Serve, chromium: Browser) -> None:
    refuse = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError') }"
    insecure = "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined })"
    async with serve() as server:
        for before, words in ((refuse, "may not use the microphone"), (insecure, "over HTTPS or from localhost")):
            async with visit(chromium, server, before) as tab:
                await tab.page.click("#toggle")
                await tab.notice(words)
                await tab.state("idle")


@in_a_browser
async def test_a_key_is_asked_for_and_forgotten_with_the_tab(serve: Serve, chromium: Browser) -> None:
    async with serve(keys=(ApiKey("one", hashed("vx_right")),)) as server, visit(chromium, server) as tab:
        await tab.page.locator("#key-form", has_text="needs an API key").wait_for()
        for key, answer in (("not a key", "not an API key"), ("vx_wrong", "does not know this API key")):
            await tab.page.fill("#key", key)
            await tab.page.press("#key", "Enter")
            await tab.page.locator("#key-message", has_text=answer).wait_for()
        await tab.page.fill("#key", "vx_right")
        await tab.page.press("#key", "Enter")
        await tab.page.locator("#key-form").wait_for(state="hidden")
        await tab.page.click("#toggle")
        await tab.state("live")
        assert await tab.page.evaluate("Object.values(localStorage).join().includes('vx_right')") is False
        assert await tab.page.evaluate("sessionStorage.getItem('voxtral.key')") == "vx_right"
