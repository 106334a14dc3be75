"""Bodies of requests that are read whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request

from voxtral_service.errors import CallerError, TooLarge

PATIENCE = 60.0
"""Seconds for which nothing may come."""


async def read_body(request: Request, most: int, instead: str, *, field: str) -> bytes:
    """All of a request's body, at most `most` bytes; `instead` is what to do when it has more.

    Raises TooLarge that names `field`, CallerError when it stops, ClientDisconnect.
    """
    length = request.headers.get("content-length", "")
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
    chunks: list[bytes] = []
    taken = 0
    incoming: AsyncIterator[bytes] = request.stream()
    while size <= most:
        try:
            chunk = await asyncio.wait_for(anext(incoming, None), PATIENCE)
        except TimeoutError as error:
            raise CallerError(f"the request stopped: nothing came for {PATIENCE:g} seconds; send it again") from error
        if chunk is None:
            return b"".join(chunks)
        chunks.append(chunk)
        taken += len(chunk)
        size = max(size, taken)
    raise TooLarge(f"the request holds more than {most} bytes; {instead}", field=field)
