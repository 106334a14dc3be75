"""A real browser in front of a real server, with a sound file for a microphone."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from playwright.async_api import Browser, Page, WebSocket, async_playwright

from tests.server.conftest import Running
from voxtral_service.audio import Samples

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
Test = TypeVar("Test", bound=Callable[..., Awaitable[None]])
_SKIPPED_WITHOUT = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
PATIENCE_MS = 20_000  # what a busy machine may take


def in_a_browser(test: Test) -> Test:
    """Skipped where there is no Chromium; one is shared by all of these, hence the one loop."""
    for mark in (pytest.mark.asyncio(loop_scope="module"), _SKIPPED_WITHOUT):
        test = mark(test)
    return test


@dataclass
class Tab:
    """A page in a browser, and what it did."""

    page: Page
    errors: list[str] = field(default_factory=list)
    sent: list[str | bytes] = field(default_factory=list)
    received: list[str | bytes] = field(default_factory=list)

    @property
    def errors_but_missing(self) -> list[str]:
        """Errors but for what a server without memories does not have."""
        return [error for error in self.errors if "404" not in error]

    def watch(self, socket: WebSocket) -> None:
        socket.on("framesent", partial(list.append, self.sent))
        socket.on("framereceived", partial(list.append, self.received))

    async def state(self, state: str) -> None:
        await self.page.wait_for_selector(f"body[data-state={state}]", timeout=PATIENCE_MS)

    async def turns(self, count: int) -> list[str]:
        """The settled turns' text, once there are so many."""
        turns = self.page.locator("#log .turn .text")
        await turns.nth(count - 1).wait_for(timeout=PATIENCE_MS)
        return await turns.all_inner_texts()

    async def notice(self, text: str) -> None:
        await self.page.locator("#notice", has_text=text).wait_for(timeout=PATIENCE_MS)

    async def download(self, format: str) -> str:
        async with self.page.expect_download() as started:
            await self.page.click(f"[data-format={format}]")
        download = await started.value
        assert re.fullmatch(rf"transcript-[\d-]+\.{format}", download.suggested_filename)
        return await asyncio.to_thread(Path(await download.path()).read_text, "utf-8")

    def frames(self, kind: str, *, received: bool = False) -> list[dict[str, Any]]:
        """The events of a type that were sent or received, in order."""
        frames = [json.loads(frame) for frame in (self.received if received else self.sent) if isinstance(frame, str)]
        return [frame for frame in frames if frame["type"] == kind]

    def delays(self, event: str) -> list[str]:
        """The delays that were asked for, or with "session.updated" confirmed, in order."""
        frames = [json.loads(frame) for frame in self.sent + self.received if isinstance(frame, str)]
        sessions = [frame["session"] for frame in frames if frame["type"] == event]
        return [session["audio"]["input"]["transcription"]["delay"] for session in sessions if "audio" in session]


def talk(seconds: float) -> Samples:
    """Sound that noise suppression takes for a voice: a buzz in syllables."""
    t = np.arange(round(seconds * 16_000)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * k * t + np.sin(9 * t)) / k for k in range(1, 12))
    syllables = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 2 * t))
    return np.asarray(0.25 * buzz * syllables, np.float32)


@asynccontextmanager
async def launched(microphone: Path) -> AsyncIterator[Browser]:
    """Chromium, whose microphone plays this file once."""
    flags = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
        "--autoplay-policy=no-user-gesture-required",
        "--no-sandbox",
        "--disable-dev-shm-usage",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        await browser.close()


@asynccontextmanager
async def visit(chromium: Browser, server: Running, before: str = "") -> AsyncIterator[Tab]:
    """The page, in a window of its own; `before` is run in it ahead of its own scripts."""
    context = await chromium.new_context(permissions=["microphone"], accept_downloads=True)
    if before:
        await context.add_init_script(before)
    tab = Tab(await context.new_page())
    tab.page.on("console", lambda message: tab.errors.append(message.text) if message.type == "error" else None)
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.page.on("websocket", tab.watch)
    await tab.page.goto(server.url)
    yield tab
    await context.close()
