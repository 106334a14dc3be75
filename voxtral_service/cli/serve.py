"""`voxtral serve`: the live service, and the keys to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voxtral_service.cli.command import Command
from voxtral_service.cli.options import Device, Dtype, Model, Vocabulary
from voxtral_service.errors import InvalidOption

if TYPE_CHECKING:
    from voxtral_service.assistant.knowledge import Knowledge
    from voxtral_service.config import Settings
    from voxtral_service.engine.base import Engine
    from voxtral_service.engine.capacity import Capacity
    from voxtral_service.engine.pool import EnginePool
    from voxtral_service.jobs.service import Jobs
    from voxtral_service.server.keys import ApiKey, KeyFile
    from voxtral_service.server.run import Listen
    from voxtral_service.server.state import FileSettings, ServerState

FEWEST_PLACES = 4
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", help="For HTTP and WebSocket.")] = 8000,
    wyoming_port: Annotated[
        int | None, typer.Option("--wyoming-port", help="Listen for Home Assistant as well; usually 10300.")
    ] = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    delay: Annotated[
        int | None,
        typer.Option("--delay", metavar="MS", help="Wait this long before each word unless the client says otherwise."),
    ] = None,
    vocabulary: Vocabulary = None,
    max_streams: Annotated[
        int | None,
        typer.Option(
            "--max-streams",
            help="Live sessions at once; more are refused. Default: as many as it finds that it serves in time.",
        ),
    ] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Let anybody in who can reach the address.")] = False,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="A site whose pages may use the server; * for all.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="A certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key, PEM.")] = None,
    tls: Annotated[
        Literal["self-signed"] | None,
        typer.Option("--tls", help="self-signed: make a certificate for this host; browsers ask before they trust it."),
    ] = None,
    strict_models: Annotated[
        bool,
        typer.Option("--strict-models", help="Refuse clients that ask for another model, not serve them this one."),
    ] = False,
    grace: Annotated[
        float, typer.Option("--grace", help="Seconds that open sessions get when the server stops.")
    ] = 30.0,
    jobs: Annotated[
        bool | None,
        typer.Option(
            "--jobs/--no-jobs", help="Take recordings to be transcribed in the background.", show_default=False
        ),
    ] = None,
    llm_url: Annotated[
        str | None,
        typer.Option("--llm-url", help="A server with OpenAI's /v1/chat/completions, which answers in conversations."),
    ] = None,
    llm_model: Annotated[
        str | None,
        typer.Option("--llm-model", help="The model to ask it for; alone, a local one that answers."),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"], typer.Option("--log-format", help="How lines on standard error are written.")
    ] = "text",
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        typer.Option("--log-level", help="What is logged; never what was said, never keys."),
    ] = "info",
) -> None:
    """Serve live transcription and spoken conversations to clients of OpenAI, Mistral, vLLM and Home Assistant.

    On loopback anybody is let in until there are keys (`voxtral keys add NAME`). On any other address keys are
    required, unless --no-auth is given.

    Examples:

    \b
      voxtral serve
      voxtral serve --llm-url http://localhost:11434/v1 --llm-model mistral-small
      voxtral serve --host 0.0.0.0 --tls self-signed
      voxtral serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
      voxtral serve --log-format json 2> voxtral.log
    """  # noqa: D301
    from voxtral_service import config
    from voxtral_service.server import logs

    logs.configure(log_format, log_level)
    settings = config.load(
        model=model,
        device=device,
        dtype=dtype,
        delay_ms=delay,
        vocabulary=vocabulary,
        max_streams=max_streams,
        jobs=jobs,
        llm_url=llm_url,
        llm_model=llm_model,
    )
    keys = _required_keys(host, wyoming_port, no_auth=no_auth)
    if (tls_cert is None) != (tls_key is None):
        raise InvalidOption("--tls-cert and --tls-key belong together; give both")
    if tls is not None:
        if tls_cert is not None:
            raise InvalidOption("--tls makes a certificate, --tls-cert brings one; give one of them")
        tls_cert, tls_key = _own_certificate()
    from voxtral_service.server.run import Listen

    listen = Listen(host, port, wyoming_port, tls_cert, tls_key, grace)
    _run(settings, listen, keys, tuple(origin or ()), strict_models=strict_models)


def _own_certificate() -> tuple[Path, Path]:
    import platformdirs

    from voxtral_service import config
    from voxtral_service.server.logs import announce
    from voxtral_service.server.tls import names_of_this_host, self_signed

    names = names_of_this_host()
    files = self_signed(platformdirs.user_data_path(config.APP) / "tls", names)
    announce(f"a certificate of its own for {', '.join(names)}: {files.certificate}")
    return files.certificate, files.key


def _required_keys(host: str, wyoming_port: int | None, *, no_auth: bool) -> tuple[ApiKey, ...] | None:
    """The keys to check, None for an open door. Raises InvalidOption where the door may not be open."""
    keys = key_file().read()
    if no_auth:
        return None
    if host not in LOOPBACK:
        if not keys:
            raise InvalidOption(
                f"{host} can be reached by others, and there are no keys; make one with `voxtral keys add NAME`, "
                "or say --no-auth to let anybody in",
                field="host",
            )
        if wyoming_port is not None:
            raise InvalidOption(
                f"Wyoming knows no keys, so anybody who reaches {host}:{wyoming_port} could use it; say --no-auth if "
                "that is meant, or listen on 127.0.0.1",
                field="wyoming_port",
            )
    return keys or None


def _run(
    settings: Settings,
    listen: Listen,
    keys: tuple[ApiKey, ...] | None,
    origins: tuple[str, ...],
    *,
    strict_models: bool,
) -> None:
    import asyncio

    from voxtral_service.assistant import setup
    from voxtral_service.server.logs import announce
    from voxtral_service.server.run import loop_factory, run

    state = _state(settings, keys, origins, strict_models=strict_models)
    # An open door would let anybody fill the disk.
    guarded = keys is not None or listen.host in LOOPBACK
    if guarded if settings.knowledge is None else settings.knowledge:
        state.knowledge = open_knowledge(settings)
    state.speech = setup.synthesizer(settings)
    state.assistant = setup.assistant(settings, state.pool, state.engine, state.speech, state.knowledge)
    if guarded if settings.jobs is None else settings.jobs:
        state.jobs = open_jobs(settings, state.pool, state.files)
    scheme = "https" if listen.tls_cert else "http"
    door = "anybody is let in" if keys is None else f"{len(keys)} keys"
    wyoming = f", Wyoming on port {listen.wyoming_port}" if listen.wyoming_port else ""
    announce(f"serving {state.model.name} on {scheme}://{listen.host}:{listen.port}{wyoming}; {door}")
    if state.capacity is not None:
        announce(_told(state.capacity))
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(run(state, listen))
    finally:
        state.engine.close()


def _state(
    settings: Settings, keys: tuple[ApiKey, ...] | None, origins: tuple[str, ...], *, strict_models: bool
) -> ServerState:
    import time
    from functools import partial

    from voxtral_service.audio.vad import SileroModel
    from voxtral_service.engine import loading
    from voxtral_service.engine.base import Measured
    from voxtral_service.engine.choice import choose
    from voxtral_service.engine.memory import available
    from voxtral_service.engine.pool import EnginePool, LoadedModel
    from voxtral_service.engine.registry import Registry
    from voxtral_service.events import SessionSettings
    from voxtral_service.fetch import Fetcher
    from voxtral_service.server.keys import Door
    from voxtral_service.server.logs import announce
    from voxtral_service.server.seats import Seats
    from voxtral_service.server.state import FileSettings, ServedModel, ServerState
    from voxtral_service.session.vad import VoiceActivity

    device = loading.pick_device(settings.device)
    registry = Registry(settings.models_dir)
    choice = choose(registry, settings.model, device, live=True)
    if choice.notice:
        announce(choice.notice)
    slots = settings.max_streams or loading.places(choice.model, device)
    # A few places stay free of files' work, so that live streams seldom have to take one from a file.
    load = partial(
        loading.load,
        device=device,
        dtype=settings.dtype,
        slots=slots,
        reserve=slots // 4,
        compiling="in the background" if settings.compile else "never",
    )
    engine = load(choice.model, lag_bound=settings.lag_bound)
    capacity = _measure(engine, settings.lag_bound)
    # A start in a busy moment must not turn away the second caller: whether it is too many shows when they speak.
    found = max(FEWEST_PLACES, min(slots, capacity.streams)) if capacity else slots
    places = settings.max_streams or found
    pool = EnginePool(
        registry,
        partial(load, slots=min(slots, loading.PLACES), reserve=min(slots, loading.PLACES) // 4),
        need=partial(loading.need, device=device, dtype=settings.dtype),
        budget=settings.models_memory or available(device) // 2,
        idle_seconds=settings.models_idle,
        default=LoadedModel(choice.model, engine),
        strict=strict_models,
    )
    silero = SileroModel()
    return ServerState(
        engine=engine,
        model=ServedModel(choice.model.name, choice.model.languages, int(time.time())),
        pool=pool,
        activity=lambda: VoiceActivity(silero),
        door=Door(keys, origins),
        seats=Seats(places, settings.max_files, late=lambda: isinstance(engine, Measured) and engine.is_late),
        capacity=capacity,
        files=FileSettings(
            max_upload=settings.max_upload,
            max_seconds=settings.max_audio_hours * 3600,
            lanes=max(1, min(places, loading.PLACES) // 4),
            delay_ms=settings.delay_ms,
            vocabulary=settings.vocabulary,
        ),
        fetcher=Fetcher(settings.url_hosts, max_bytes=settings.max_upload),
        defaults=SessionSettings(delay_ms=settings.delay_ms, vocabulary=settings.vocabulary),
        strict_models=strict_models,
    )


def _measure(engine: Engine, lag_bound: float) -> Capacity | None:
    """How many live sessions the engine holds; None where it cannot be measured."""
    from voxtral_service import metrics
    from voxtral_service.engine.base import Measured

    if not isinstance(engine, Measured):
        return None
    capacity = engine.measure(lag_bound)
    metrics.CAPACITY.set(capacity.streams)
    return capacity


def _told(capacity: Capacity) -> str:
    bound = f"within {1000 * capacity.bound:g} ms"
    if capacity.streams:
        # With --max-streams no larger batch was measured.
        about = "at least" if capacity.streams == capacity.steps[-1].streams else "about"
        return f"this machine holds {about} {capacity.streams} live streams {bound}"
    return f"this machine is too slow for one live stream {bound}, so text will be late; a smaller model may not be"


def open_knowledge(settings: Settings) -> Knowledge:
    """The memories and projects of a server, with their database at its newest revision."""
    from voxtral_service.assistant.knowledge import Knowledge, KnowledgeLimits
    from voxtral_service.cli.database import database
    from voxtral_service.database.folder import FileFolder

    opened = database(settings)
    opened.upgrade()
    limits = KnowledgeLimits(
        settings.memories_most, settings.projects_most, settings.documents_most, settings.max_document
    )
    return Knowledge(opened, FileFolder(settings.data_dir / "documents"), limits=limits)


def open_jobs(settings: Settings, pool: EnginePool, files: FileSettings) -> Jobs:
    """The jobs of a server, with their database at its newest revision."""
    from voxtral_service.cli.database import database
    from voxtral_service.database.folder import FileFolder
    from voxtral_service.fetch import Fetcher
    from voxtral_service.jobs.runner import Pace
    from voxtral_service.jobs.service import JobLimits, Jobs
    from voxtral_service.jobs.webhook import ATTEMPT_SECONDS, root_secret

    opened = database(settings)
    opened.upgrade()
    return Jobs(
        opened,
        FileFolder(settings.data_dir / "jobs"),
        pool,
        Fetcher(settings.url_hosts, max_bytes=settings.max_upload),
        Fetcher(settings.url_hosts, max_bytes=0, max_seconds=ATTEMPT_SECONDS),
        root_secret(settings.data_dir / "webhook.secret"),
        limits=JobLimits(settings.jobs_most, settings.jobs_keep_days * 86400),
        pace=Pace(at_once=settings.jobs_at_once, lanes=files.lanes, max_seconds=files.max_seconds),
    )


keys_app = typer.Typer(no_args_is_help=True, help="API keys of the live service.")


@keys_app.command("add", cls=Command)
def add_key(
    name: Annotated[str, typer.Argument(help="What to call it, such as the client it is for.")],
    max_sessions: Annotated[int | None, typer.Option("--max-sessions", help="Live sessions at once.")] = None,
    audio_per_minute: Annotated[
        float | None, typer.Option("--audio-per-minute", help="Seconds of audio a minute; more is read more slowly.")
    ] = None,
) -> None:
    """Make a key and print it: the only time it is shown."""
    print(key_file().add(name, max_sessions, audio_per_minute))


@keys_app.command("list", cls=Command)
def list_keys() -> None:
    """Names and limits, one key a line."""
    for key in key_file().read():
        sessions = "any" if key.max_sessions is None else key.max_sessions
        audio = "any" if key.audio_seconds_per_minute is None else f"{key.audio_seconds_per_minute:g} s"
        print(f"{key.name}\tsessions: {sessions}\taudio a minute: {audio}")


@keys_app.command("rm", cls=Command)
def remove_key(name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """Forget a key; servers that run go on with it until they are started again."""
    key_file().remove(name)


def key_file() -> KeyFile:
    """The user's keys: `keys.json` beside the settings."""
    from voxtral_service import config
    from voxtral_service.server.keys import KeyFile

    return KeyFile(config.config_file().with_name("keys.json"))
