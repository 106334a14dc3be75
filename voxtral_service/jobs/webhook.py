"""Telling of the ends of jobs, signed, at least once.

Messages are signed as Standard Webhooks says (https://www.standardwebhooks.com, symmetric signatures `v1`): over
`id.timestamp.body` with HMAC-SHA256; the secret is shown as `whsec_` and base64. A receiver must check the signature
and that the timestamp is recent, and take a `webhook-id` that it has seen for a repetition.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxtral_service import metrics
from voxtral_service.errors import InvalidOption, StorageError, VoxtralError
from voxtral_service.fetch import Fetcher
from voxtral_service.jobs.crew import Crew
from voxtral_service.jobs.outbox import Delivery, Outbox

logger = logging.getLogger(__name__)

PREFIX = "whsec_"
ATTEMPT_SECONDS = 20.0
"""How long an attempt may take, and less than `Deliverer`'s `hold`."""
GONE = 410
"""Standard Webhooks: a receiver that answers so wants nothing more."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a delivery is attempted; the wait before attempt n + 1 is `first` times 4^(n-1) seconds, at most
    `longest`, less up to half of it at random. The default gives up after some two days.
    """

    attempts: int = 12
    first: float = 5.0
    longest: float = 6 * 3600.0

    def wait(self, failed: int) -> float:
        """Seconds to wait when so many attempts have failed."""
        wait: float = min(self.first * 4.0 ** (failed - 1), self.longest)
        return wait * random.uniform(0.5, 1.0)


class Deliverer:
    """The senders of one process. `hold` is longer than any attempt takes: an attempt that is not settled by then has
    died with its process and is made again.
    """

    def __init__(
        self,
        outbox: Outbox,
        fetcher: Fetcher,
        root: bytes,
        *,
        retries: Retries | None = None,
        at_once: int = 8,
        hold: float = 60.0,
        poll: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._fetcher = fetcher
        self._root = root
        self._retries = retries or Retries()
        self._hold = hold
        self._clock = clock
        self.crew: Crew[Delivery] = Crew(
            at_once, self._take, self._deliver, name_of=lambda delivery: delivery.id, poll=poll
        )

    def _take(self, most: int) -> Sequence[Delivery]:
        return self._outbox.take(now=self._clock(), hold=self._hold, limit=most)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            refusal = await self._attempt(delivery)
            if refusal is None:
                metrics.WEBHOOKS.labels("delivered").inc()
                await asyncio.to_thread(self._outbox.delivered, delivery.id, now=self._clock())
                return
            message, final = refusal
            failed = delivery.attempts + 1
            if final or failed >= self._retries.attempts:
                metrics.WEBHOOKS.labels("dead").inc()
                logger.error("webhook %s of %s is given up: %s", delivery.id, delivery.job_id, message)
                await asyncio.to_thread(self._outbox.give_up, delivery.id, message, now=self._clock())
            else:
                metrics.WEBHOOKS.labels("failed").inc()
                run_at = self._clock() + self._retries.wait(failed)
                await asyncio.to_thread(self._outbox.failed, delivery.id, message, run_at=run_at)
        except StorageError as error:  # it is delivered again when its hold has run out
            logger.error("webhook %s cannot be settled: %s", delivery.id, error)

    async def _attempt(self, delivery: Delivery) -> tuple[str, bool] | None:
        """None if the receiver took it, else why not and whether that is its last word."""
        body = delivery.body.encode()
        headers = {
            "content-type": "application/json",
            **signed(owner_secret(self._root, delivery.owner), delivery.id, body, now=self._clock()),
        }
        try:
            status = await self._fetcher.post(delivery.url, body, headers, field="webhook_url")
        except VoxtralError as error:
            return str(error), False
        return None if 200 <= status < 300 else (f"the receiver answers {status}", status == GONE)


def signed(secret: str, id: str, body: bytes, *, now: float) -> dict[str, str]:
    """The headers of a message; `secret` as it is shown."""
    timestamp = str(int(now))
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, b".".join((id.encode(), timestamp.encode(), body)), hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def owner_secret(root: bytes, owner: str) -> str:
    """The secret that an owner's messages are signed with, from the server's own: nobody can sign another's."""
    return PREFIX + base64.b64encode(hmac.new(root, f"webhook {owner}".encode(), hashlib.sha256).digest()).decode()


def root_secret(file: Path) -> bytes:
    """The server's own secret, 32 bytes in a file that only its owner can read; made when it is missing.

    Raises InvalidOption for a file that holds none.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n", "ascii")
        try:
            file.hardlink_to(fresh)  # the first of several servers that start at once wins
        except FileExistsError:
            logger.debug("another server has made %s", file)
        finally:
            fresh.unlink()
    try:
        secret = base64.b64decode(file.read_text("ascii").strip(), validate=True)
    except ValueError as error:
        raise InvalidOption(f"{file} is no secret; delete it to have a new one made: {error}") from error
    if len(secret) < 24:
        raise InvalidOption(f"{file} is shorter than 24 bytes; delete it to have a new one made")
    return secret
