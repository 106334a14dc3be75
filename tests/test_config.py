"""Settings come from a file, the environment and flags, the later ones winning."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from voxtral_service import config
from voxtral_service.errors import InvalidOption


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('model = "from-file"\ndelay_ms = 160\nmax_streams = 3\n')
    monkeypatch.setenv("VOXTRAL_CONFIG", str(path))
    return path


def test_defaults_suit_a_machine_that_nobody_has_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOXTRAL_DTYPE")
    settings = config.load()
    assert (settings.model, settings.device, settings.dtype, settings.delay_ms) == ("auto", "auto", "auto", None)
    assert settings.models_dir.name == "models"


@pytest.mark.usefixtures("file")
def test_flags_overrule_the_environment_which_overrules_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXTRAL_DELAY_MS", "240")
    monkeypatch.setenv("VOXTRAL_MODEL", "from-environment")
    settings = config.load(model="from-flag", device=None)
    assert (settings.model, settings.delay_ms, settings.max_streams) == ("from-flag", 240, 3)


@pytest.mark.usefixtures("file")
def test_an_empty_variable_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXTRAL_MODEL", "")
    assert config.load().model == "from-file"


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        config.load().model = "another"


def test_home_is_expanded() -> None:
    assert config.load(models_dir="~/models").models_dir == Path.home() / "models"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"delay_ms": 100}, "--delay is 100; it should be a multiple of 80"),
        ({"delay_ms": 4000}, "--delay is 4000; it should be less than or equal to 2400"),
        ({"device": "tpu"}, "--device is 'tpu'; it should be auto, cpu, cuda or cuda:N"),
        ({"dtype": "int4"}, "--dtype is 'int4'; it should be 'auto', 'float32', 'bfloat16', 'float16' or 'int8'"),
        ({"max_streams": 0}, "--max-streams is 0; it should be greater than or equal to 1"),
    ],
)
def test_a_bad_flag_is_named_with_what_would_be_right(flags: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        config.load(**flags)
    assert str(caught.value) == message
    assert caught.value.field == next(iter(flags))


def test_lists_have_commas_in_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('url_hosts = ["a.example", "10.0.0.0/8"]\nmax_upload = "500MB"')
    settings = config.load()
    monkeypatch.setenv("VOXTRAL_VOCABULARY", "Voxtral, Anna Wren,")
    assert config.load().vocabulary == ("Voxtral", "Anna Wren")
    assert config.load(vocabulary="Wren").vocabulary == ("Wren",)
    assert (settings.url_hosts, settings.max_upload) == (("a.example", "10.0.0.0/8"), 500_000_000)
    monkeypatch.setenv("VOXTRAL_URL_HOSTS", "b.example, *.c.example,")
    assert config.load().url_hosts == ("b.example", "*.c.example")


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXTRAL_MAX_STREAMS", "many")
    with pytest.raises(InvalidOption, match=r"^VOXTRAL_MAX_STREAMS is 'many'; it should be a valid integer"):
        config.load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("delay_ms = 81", r"delay_ms in .*config.toml is 81; it should be a multiple of 80"),
        ("modle = 'x'", r"config.toml sets 'modle', which is no setting; there are: model, "),
        ("model = ", r"cannot read the settings in .*config.toml: Invalid value"),
    ],
)
def test_a_bad_file_is_named(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidOption, match=message):
        config.load()


def test_a_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXTRAL_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(InvalidOption, match=r"VOXTRAL_CONFIG names .*gone.toml, which is not there"):
        config.load()


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (
            'label = "a"\nheaders = {Authorization = "s3cret"}',
            "mcp_servers.0 in the settings: it has either a command or a url",
        ),
        ('label = "a b"\ncommand = "x"', "mcp_servers.0.label"),
        ('label = "a"\ncommand = "x"\nenv = {KEY = ["s3cret"]}', "mcp_servers.0.env.KEY"),
        ('label = "a"\ncommand = "x"\n[[mcp_servers]]\nlabel = "a"\ncommand = "y"', "two of them have one label"),
        ('label = "a"\ncomand = "x"', "mcp_servers.0"),
    ],
)
def test_tool_servers_that_cannot_be_name_the_place_and_no_secrets(file: Path, server: str, said: str) -> None:
    file.write_text(f"[[mcp_servers]]\n{server}\n")
    with pytest.raises(InvalidOption) as caught:
        config.load()
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
