"""Signatures, as the specification's own library checks them, and the secrets behind them."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from voxtral_service.errors import InvalidOption
from voxtral_service.jobs.webhook import Retries, owner_secret, root_secret, signed

ROOT = b"r" * 32
BODY = '{"type":"job.succeeded","data":{"text":"Übung"}}'


def test_the_specifications_library_takes_a_signature() -> None:
    secret = owner_secret(ROOT, "me")
    headers = signed(secret, "msg_1", BODY.encode(), now=time.time())
    assert Webhook(secret).verify(BODY, headers)["type"] == "job.succeeded"


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp", "owner", "old"])
def test_it_takes_nothing_else(part: str) -> None:
    headers = signed(owner_secret(ROOT, "me"), "msg_1", BODY.encode(), now=time.time() - 3600 * (part == "old"))
    body = BODY.replace("succeeded", "failed") if part == "body" else BODY
    if part in headers:
        headers[part] = headers[part][:-1] + ("2" if headers[part][-1] == "1" else "1")
    with pytest.raises(WebhookVerificationError):
        Webhook(owner_secret(ROOT, "you" if part == "owner" else "me")).verify(body, headers)


def test_the_example_of_the_specification() -> None:
    """From the specification's reference libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', now=1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_waits_grow_to_a_bound_and_differ() -> None:
    retries = Retries(first=5, longest=1000)
    for failed, most in [(1, 5), (2, 20), (3, 80), (4, 320), (5, 1000), (12, 1000)]:
        waits = {retries.wait(failed) for _ in range(50)}
        assert most / 2 <= min(waits) < max(waits) <= most


def test_the_servers_secret_is_made_once_and_kept_to_itself(tmp_path: Path) -> None:
    file = tmp_path / "new" / "webhook.secret"
    secret = root_secret(file)
    assert len(secret) == 32
    assert root_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    for wrong in ("no base64!", "c2hvcnQ="):
        file.write_text(wrong)
        with pytest.raises(InvalidOption, match=r"webhook\.secret"):
            root_secret(file)
