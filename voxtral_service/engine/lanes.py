"""Streams of an engine that several recordings share."""

from __future__ import annotations

import asyncio


class Lanes(asyncio.Semaphore):
    """So many streams at once, whatever recordings they are of; who asks first is first. Belongs to one asyncio loop.

    With them a folder of short recordings keeps an engine as busy as one long one, and the last recording of a folder
    gets the streams that the others no longer need.
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count
