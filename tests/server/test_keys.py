"""Who is let in, and how much they may."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from voxtral_service.errors import ForeignOrigin, InvalidOption, Overloaded, Unauthorized
from voxtral_service.server.keys import ANONYMOUS, ApiKey, Credentials, Door, KeyFile, hashed
from voxtral_service.server.seats import AudioAllowance, Seats

SECRET = "vx_secret"
KEY = ApiKey("me", hashed(SECRET))


def credentials(*protocols: str, **headers: str) -> Credentials:
    return Credentials.of({name.replace("_", "-"): value for name, value in headers.items()}, list(protocols))


@pytest.mark.parametrize(
    "shown",
    [
        credentials(authorization=f"Bearer {SECRET}"),
        credentials(authorization=f"bearer  {SECRET} "),
        credentials(api_key=SECRET),
        credentials(x_api_key=SECRET),
        credentials("realtime", f"openai-insecure-api-key.{SECRET}"),
    ],
)
def test_a_known_key_is_let_in_however_it_is_sent(shown: Credentials) -> None:
    assert Door((KEY,)).admit(shown, now=0) == KEY


@pytest.mark.parametrize(
    "shown",
    [
        credentials(),
        credentials(authorization="Bearer vx_other"),
        credentials(authorization=f"Basic {SECRET}"),
        credentials(authorization=f"Bearer {KEY.sha256}"),
        credentials("realtime", "rt_unknown"),
    ],
)
def test_others_are_not(shown: Credentials) -> None:
    with pytest.raises(Unauthorized):
        Door((KEY,)).admit(shown, now=0)
    assert Door(None).admit(shown, now=0) == ANONYMOUS


def test_pages_of_other_sites_are_not_let_in_even_through_an_open_door() -> None:
    foreign = credentials(origin="https://evil.example", host="localhost:8000")
    own = credentials(origin="http://localhost:8000", host="localhost:8000")
    with pytest.raises(ForeignOrigin, match=r"--origin https://evil\.example"):
        Door(None).admit(foreign, now=0)
    assert Door(None).admit(own, now=0) == ANONYMOUS
    assert Door(None, ("https://evil.example",)).admit(foreign, now=0) == ANONYMOUS
    assert Door(None, ("*",)).admit(foreign, now=0) == ANONYMOUS


@pytest.mark.parametrize("flavour", ["openai", "mistral"])
def test_ephemeral_keys_stand_for_their_key_until_they_expire(flavour: str) -> None:
    door = Door((KEY,))
    secret, expires = door.ephemeral(KEY, flavour, 60, now=1000)
    assert expires == 1060
    protocol = f"openai-insecure-api-key.{secret}" if flavour == "openai" else secret
    assert door.admit(credentials("realtime", protocol), now=1059) == KEY
    with pytest.raises(Unauthorized):
        door.admit(credentials("realtime", protocol), now=1060)


def test_settings_come_with_an_ephemeral_key_until_it_expires() -> None:
    for door in (Door((KEY,)), Door(None)):
        secret, _ = door.ephemeral(KEY, "openai", 60, now=1000, session={"type": "realtime"})
        bare, _ = door.ephemeral(KEY, "openai", 60, now=1000)
        assert door.attached(credentials(api_key=secret), now=1059) == {"type": "realtime"}
        assert door.attached(credentials(api_key=secret), now=1060) is None
        assert door.attached(credentials(api_key=bare), now=1001) is None
        assert door.attached(credentials(api_key=SECRET), now=1001) is None
        assert door.attached(Credentials(None, None, None), now=1001) is None


def test_ephemeral_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxtral_service.server.keys.MAX_EPHEMERAL", 3)
    door = Door((KEY,))
    secrets = [door.ephemeral(KEY, "openai", 60, now=0)[0] for _ in range(5)]
    with pytest.raises(Unauthorized):
        door.admit(credentials(api_key=secrets[0]), now=1)
    assert door.admit(credentials(api_key=secrets[4]), now=1) == KEY


def test_the_key_file_keeps_hashes_only_and_to_itself(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "new" / "keys.json")
    assert file.read() == ()
    secret = file.add("phone", 2, None)
    assert secret not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.read() == (ApiKey("phone", hashed(secret), 2, None),)
    with pytest.raises(InvalidOption, match="already"):
        file.add("phone", None, None)
    with pytest.raises(InvalidOption, match="without a key"):
        file.add(ANONYMOUS.name, None, None)
    with pytest.raises(InvalidOption, match="no key named"):
        file.remove("tablet")
    file.remove("phone")
    assert json.loads(file.path.read_text()) == []


@pytest.mark.parametrize("content", ["{", '{"a": 1}', '[{"nom": 1}]', "[3]"])
def test_a_damaged_key_file_is_said_to_be_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(InvalidOption, match="no key file"):
        KeyFile(tmp_path / "keys.json").read()


def test_seats_are_counted_in_all_and_by_key() -> None:
    seats = Seats(3)
    small = ApiKey("small", "", max_sessions=1)
    with seats.seat(small):
        with pytest.raises(Overloaded, match="'small' may have 1"), seats.seat(small):
            pass
        with seats.seat(KEY), seats.seat(KEY):
            with pytest.raises(Overloaded, match="all 3") as caught, seats.seat(KEY):
                pass
            assert caught.value.retry_after == 5
    assert seats.taken == 0
    seats.draining = True
    with pytest.raises(Overloaded, match="shutting down"), seats.seat(KEY):
        pass


def test_an_allowance_slows_down_who_sends_more() -> None:
    allowance = AudioAllowance(60, now=0)
    assert allowance.delay(60, now=0) == 0
    assert allowance.delay(1, now=0) == 1
    assert allowance.delay(0, now=1) == 0
    assert allowance.delay(30, now=100) == 0
    assert AudioAllowance(None, now=0).delay(10_000, now=0) == 0
