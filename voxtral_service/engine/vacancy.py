"""Waiting for a place in an engine, across threads and loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


class Vacancy:
    """Tasks that wait until there is room; any thread may say that there might be some."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    async def wait(self, is_free: Callable[[], bool]) -> None:
        """Return once `is_free` holds; it is asked now and after every `tell`, in the caller's loop."""
        told = asyncio.Event()
        with self._lock:
            self._waiting[told] = asyncio.get_running_loop()
        try:
            while not is_free():
                await told.wait()
                told.clear()
        finally:
            with self._lock:
                del self._waiting[told]

    def tell(self) -> None:
        """There may be room now."""
        with self._lock:
            for told, loop in self._waiting.items():
                with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                    loop.call_soon_threadsafe(told.set)
