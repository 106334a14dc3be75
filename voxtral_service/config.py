"""Settings, read once at the start: a file, overruled by the environment, overruled by flags.

The file is TOML with the field names of `Settings` as keys; it lies where `config_file` says and need not exist. In the
environment the same names are upper case behind `VOXTRAL_`, for example `VOXTRAL_MODEL=wren-en`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voxtral_service.errors import InvalidOption
from voxtral_service.tool_servers import ALWAYS, LABEL, NEVER, ApprovalRule, ToolFilter

APP = "voxtral"
PREFIX = "VOXTRAL_"


def config_file() -> Path:
    """Where settings are read from: `VOXTRAL_CONFIG`, or `config.toml` in the user's configuration folder."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    return Path(named).expanduser() if named else platformdirs.user_config_path(APP) / "config.toml"


class McpServer(BaseModel):
    """A server of tools that speaks the Model Context Protocol: a program to start, or an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Annotated[str, StringConstraints(pattern=f"^{LABEL}$")]
    command: str = ""
    """A program that speaks MCP over its standard streams, with `args`, in `folder`, with `env` beside the few
    variables that all get.
    """
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = Field(default_factory=dict)
    folder: Path | None = None
    url: str = ""
    """Or a streamable HTTP endpoint, asked with `headers`."""
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    allowed_tools: tuple[str, ...] | None = None
    """None for all."""
    approval: Literal["never", "always", "writes"] | tuple[str, ...] = "never"
    """Which calls clients are asked about first: none, all, all of tools that are not said to be read-only, or those of
    the tools named.
    """

    @model_validator(mode="after")
    def _one_way(self) -> McpServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("it has either a command or a url")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError("url begins with http:// or https://")
        return self

    @property
    def allowed(self) -> ToolFilter:
        """`allowed_tools` as a filter."""
        return ToolFilter(None if self.allowed_tools is None else frozenset(self.allowed_tools))

    @property
    def rule(self) -> ApprovalRule:
        """`approval` as a rule."""
        match self.approval:
            case "never":
                return NEVER
            case "always":
                return ALWAYS
            case "writes":
                return ApprovalRule(never=ToolFilter(read_only=True))
            case names:
                return ApprovalRule(always=ToolFilter(frozenset(names)), never=ToolFilter())


class Settings(BaseSettings):
    """Everything a user may set. Rooms are handed the parts they need, never the whole."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    model: str = "auto"
    """An alias, a folder, a hub id, or `auto` for the best that is here and fits the device."""
    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"
    """What is computed in: float16 and int8 by Whisper only."""
    delay_ms: Annotated[int, Field(ge=80, le=2400, multiple_of=80)] | None = None
    """How long the engine waits before it writes a word; None for the model's own."""
    vocabulary: Annotated[tuple[str, ...], NoDecode] = ()
    """Words that are likely to be said, such as names, unless a client sends its own; `voxtral models info` tells which
    models look out for them.
    """
    models_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path(APP) / "models")
    """Where `voxtral models pull` puts models."""
    max_streams: Annotated[int, Field(ge=1, le=1024)] | None = None
    """How many streams, or pieces of files, are transcribed side by side; None for 4, of a server for as many live
    sessions as it finds that it holds.
    """
    lag_bound: Annotated[float, Field(gt=0)] = 0.5
    """Seconds after the end of speech by which a server wants to have the final text; it takes no more live sessions
    than that allows.
    """
    compile: bool = True
    """Whether a server compiles a small model's step for its CPU, once and in the background, where there is a C++
    compiler; kept in the user's cache.
    """
    models_memory: ByteSize | None = None
    """How much memory a server gives models beside its own, such as 8GB; None for half of what is free at its start."""
    models_idle: Annotated[float, Field(gt=0)] = 600.0
    """Seconds after which a server unloads a model that nobody uses."""
    max_files: Annotated[int, Field(ge=1, le=1024)] = 8
    """How many uploaded recordings a server takes in and transcribes at once; more are refused."""
    max_upload: Annotated[ByteSize, Field(ge=1)] = ByteSize(2 * 2**30)
    """The largest recording that a server takes in or fetches, such as 500MB."""
    max_audio_hours: Annotated[float, Field(gt=0)] = 12.0
    """The longest recording that a server transcribes for one request; a small file may hold days of silence."""
    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path(APP))
    """Where a server keeps what must outlive it: its database, recordings of jobs, the secret behind webhooks."""
    database_url: str = ""
    """SQLite or PostgreSQL, such as postgresql://user@host/name; none for SQLite in `data_dir`."""
    jobs: bool | None = None
    """Whether a server takes jobs; None for yes, unless anybody can reach it without a key."""
    jobs_at_once: Annotated[int, Field(ge=1, le=64)] = 2
    """How many jobs a server works on at once."""
    jobs_most: Annotated[int, Field(ge=1)] = 1000
    """How many jobs of one key may be open; more are refused."""
    jobs_keep_days: Annotated[float, Field(gt=0)] = 30.0
    """How long jobs are kept when they have ended; their recordings are not."""
    knowledge: bool | None = None
    """Whether a server keeps memories and projects; None for yes, unless anybody can reach it without a key."""
    memories_most: Annotated[int, Field(ge=1)] = 1000
    """How many things are remembered for one key."""
    projects_most: Annotated[int, Field(ge=1)] = 100
    """How many projects one key may have."""
    documents_most: Annotated[int, Field(ge=1)] = 500
    """How many documents one project may hold."""
    max_document: Annotated[ByteSize, Field(ge=1)] = ByteSize(100 * 2**20)
    """The largest document that a server takes in."""
    speech_voice: str = ""
    """The voice that speaks unless a client names another; none for the most natural one that is installed."""
    voices_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path(APP) / "voices")
    """Where voices of Piper and Kokoro lie."""
    speech_url: str = ""
    """A server with OpenAI's /v1/audio/speech that speaks instead of what is installed, such as http://localhost:8880/v1."""
    speech_model: str = "tts-1"
    """The model to ask that server for."""
    speech_key: SecretStr = SecretStr("")
    """The key for that server."""
    llm_url: str = ""
    """A server with OpenAI's /v1/chat/completions that answers in conversations, such as http://localhost:11434/v1."""
    llm_model: str = "auto"
    """The model to ask that server for. Without a server: the bundled `wren-chat`, another chat model's folder, or an
    installed model that hears and answers; `auto` is the first where `transformers` is installed.
    """
    llm_key: SecretStr = SecretStr("")
    """The key for that server."""
    assistant_instructions: str = ""
    """What the assistant is told to be, unless a client says; none for a brief and helpful one."""
    assistant_tools: bool = True
    """Whether the assistant has tools of its own: the time, sums, units, timers."""
    time_zone: str = ""
    """Where people are, such as Europe/Paris; none for where the server is."""
    mcp_servers: tuple[McpServer, ...] = ()
    """Servers whose tools every conversation may call; see docs/tools.md."""
    url_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts that a server may fetch recordings from, send webhooks to, and call clients' tool servers on, as
    `voxtral_service.hosts` says; none if it is not set.
    """

    @field_validator("url_hosts", "vocabulary", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        """The environment and the command line have lists with commas."""
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("mcp_servers")
    @classmethod
    def _labels_differ(cls, servers: tuple[McpServer, ...]) -> tuple[McpServer, ...]:
        if len({server.label for server in servers}) < len(servers):
            raise ValueError("two of them have one label")
        return servers

    @field_validator("models_dir", "voices_dir", "data_dir")
    @classmethod
    def _expand_home(cls, path: Path) -> Path:
        return path.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first source that knows a setting wins; the other two are left out on purpose."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def load(**flags: Any) -> Settings:
    """Read the settings; flags that are None were not given.

    Raises InvalidOption that names the first bad setting, where it came from and what would be right.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    path = config_file()
    if os.environ.get(f"{PREFIX}CONFIG") and not path.exists():
        raise InvalidOption(f"{PREFIX}CONFIG names {path}, which is not there")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _explained(error, given, path) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidOption(f"cannot read the settings in {path}: {error}") from error


def _explained(error: ValidationError, flags: dict[str, Any], path: Path) -> InvalidOption:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if len(first["loc"]) > 1 or isinstance(first["input"], dict):  # what is around it may hold secrets
        place = ".".join(map(str, first["loc"]))
        return InvalidOption(f"{place} in the settings: {first['msg'].removeprefix('Value error, ')}", field=name)
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return InvalidOption(f"{path} sets {name!r}, which is no setting; there are: {known}", field=name)
    if name in flags:
        origin = "--" + name.replace("_", "-").removesuffix("-ms")
    elif f"{PREFIX}{name}".upper() in os.environ:
        origin = f"{PREFIX}{name}".upper()
    else:
        origin = f"{name} in {path}"
    # pydantic's sentences read "Input should be ..."; the pattern of `device` is no sentence for a user.
    wish = "auto, cpu, cuda or cuda:N" if name == "device" else first["msg"].removeprefix("Input should be ")
    return InvalidOption(f"{origin} is {first['input']!r}; it should be {wish}", field=name)
