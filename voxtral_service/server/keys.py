"""API keys: who may use the server, and how much."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from voxtral_service.errors import ForeignOrigin, InvalidOption, Unauthorized

KEY_PREFIX = "vx_"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key by its hash; limits of None are none.

    `max_sessions` counts live sessions at once, `audio_seconds_per_minute` audio taken in by all of them together.
    """

    name: str
    sha256: str
    max_sessions: int | None = None
    audio_seconds_per_minute: float | None = None


def hashed(secret: str) -> str:
    """What is stored of a key. Keys are 256 random bits, so a plain hash gives nothing to guess at."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyFile:
    """Keys in a JSON file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[ApiKey, ...]:
        """All keys, none when there is no file. Raises InvalidOption for a file that is no list of keys."""
        if not self.path.exists():
            return ()
        try:
            return tuple(ApiKey(**entry) for entry in json.loads(self.path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InvalidOption(f"{self.path} is no key file: {error}") from error

    def add(self, name: str, max_sessions: int | None, audio_seconds_per_minute: float | None) -> str:
        """Make a key and return it, the only time it is ever seen. Raises InvalidOption for a name that is taken."""
        if name == ANONYMOUS.name:  # what is kept for a name would be everybody's once the door is open
            raise InvalidOption(f"{name!r} stands for those who come in without a key; choose another name")
        keys = self.read()
        if name in {key.name for key in keys}:
            raise InvalidOption(f"there is a key named {name!r} already; remove it first, or choose another name")
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        self._write((*keys, ApiKey(name, hashed(secret), max_sessions, audio_seconds_per_minute)))
        return secret

    def remove(self, name: str) -> None:
        """Forget a key. Raises InvalidOption when there is none of that name."""
        keys = self.read()
        if name not in {key.name for key in keys}:
            raise InvalidOption(f"there is no key named {name!r}")
        self._write(tuple(key for key in keys if key.name != name))

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps([asdict(key) for key in keys], indent=1) + "\n", "utf-8")
        fresh.replace(self.path)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows at the door."""

    secret: str | None
    origin: str | None
    host: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str], subprotocols: list[str]) -> Credentials:
        """Read a bearer token, an `api-key` or `x-api-key` header, or a browser's subprotocol (OpenAI's, Mistral's)."""
        secret = headers.get("api-key") or headers.get("x-api-key")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            secret = token.strip()
        for protocol in subprotocols:
            if protocol.startswith("openai-insecure-api-key."):
                secret = protocol.removeprefix("openai-insecure-api-key.")
            elif protocol.startswith(EPHEMERAL_PREFIXES["mistral"]):
                secret = protocol
        return cls(secret, headers.get("origin"), headers.get("host"))


EPHEMERAL_PREFIXES = {"openai": "ek_", "mistral": "rt_"}


@dataclass(frozen=True, slots=True)
class _Ephemeral:
    key: ApiKey
    expires_at: float
    session: Mapping[str, Any] | None


MAX_EPHEMERAL = 10_000


class Door:
    """Lets callers in, or says why not. The one place where keys are checked.

    With `keys` None the door is open: everybody is one anonymous caller without limits. Browsers say which page a
    request comes from; pages of the server's own host and of `origins` are let in ("*" for all).
    """

    def __init__(self, keys: tuple[ApiKey, ...] | None, origins: tuple[str, ...] = ()) -> None:
        self._keys = keys
        self._origins = origins
        self._ephemeral: dict[str, _Ephemeral] = {}

    def admit(self, credentials: Credentials, *, now: float) -> ApiKey:
        """The caller's key. Raises Unauthorized or ForeignOrigin."""
        self._check_origin(credentials)
        if self._keys is None:
            return ANONYMOUS
        if credentials.secret is None:
            raise Unauthorized("no API key was sent; send one as 'Authorization: Bearer KEY'")
        digest = hashed(credentials.secret)
        found = None
        for key in self._keys:  # all are compared, so that time tells nothing
            found = key if hmac.compare_digest(key.sha256, digest) else found
        ephemeral = self._ephemeral.get(digest)
        if found is None and ephemeral is not None and now < ephemeral.expires_at:
            found = ephemeral.key
        if found is None:
            raise Unauthorized("this API key is not known here, or has expired")
        return found

    def ephemeral(
        self, key: ApiKey, flavour: str, seconds: float, *, now: float, session: Mapping[str, Any] | None = None
    ) -> tuple[str, float]:
        """A key that stands for another for some seconds, to be given to a browser: the key and when it expires.

        `session` are settings for the sessions that are opened with it, in their dialect.
        """
        self._ephemeral = {digest: e for digest, e in self._ephemeral.items() if e.expires_at > now}
        while len(self._ephemeral) >= MAX_EPHEMERAL:
            self._ephemeral.pop(next(iter(self._ephemeral)))
        secret = EPHEMERAL_PREFIXES[flavour] + secrets.token_urlsafe(32)
        self._ephemeral[hashed(secret)] = _Ephemeral(key, now + seconds, session)
        return secret, now + seconds

    def attached(self, credentials: Credentials, *, now: float) -> dict[str, Any] | None:
        """The settings that came with an ephemeral key, until it expires; None for every other key."""
        ephemeral = self._ephemeral.get(hashed(credentials.secret or ""))
        if ephemeral is None or ephemeral.session is None or now >= ephemeral.expires_at:
            return None
        return dict(ephemeral.session)

    def _check_origin(self, credentials: Credentials) -> None:
        origin = credentials.origin
        if origin is None or "*" in self._origins or origin in self._origins:
            return
        if origin.partition("://")[2] != credentials.host:
            raise ForeignOrigin(
                f"pages of {origin} may not use this server; allow them with --origin {origin}", field="origin"
            )


ANONYMOUS = ApiKey("anonymous", "")
