"""What docs/models.md says: its commands and its program, and that its table is true."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from tests import fakes, hub, snippets, tiny_whisper
from voxtral_service.cli.app import app
from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.catalog import CATALOG, RECOMMENDED
from voxtral_service.engine.kinds import Kind

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "models.md").read_text("utf-8")
VOXTRAL = Path(sys.executable).with_name("voxtral")
REPOSITORY = "Systran/faster-whisper-tiny"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own."""
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("VOXTRAL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("VOXTRAL_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.usefixtures("here")
def test_a_whisper_model_is_looked_at_fetched_used_and_removed(tmp_path: Path) -> None:
    def voxtral(arguments: list[str]) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    [session] = snippets.blocks(PAGE, "console")
    look, info, pull, remove = [line.removeprefix("$ voxtral ").split() for line in session.splitlines()]
    source = tiny_whisper.write_whisper(tmp_path / "source")
    (source / "pytorch_model.bin").write_bytes(bytes(100))
    assert "whisper-tiny\tnot here\t\t39.0 M\ten zh" in voxtral(look)
    assert "fetch       voxtral models pull whisper-tiny\n" in voxtral(info)
    with hub.serving(REPOSITORY, source) as (address, fetched):
        # The hub's client reads its address when it is imported.
        snippets.run(str(VOXTRAL), *pull, folder=tmp_path, HF_ENDPOINT=address, HF_HUB_OFFLINE="0")
    assert {"model.bin", "config.json", "tokenizer.json", "vocabulary.json"} <= set(fetched)
    assert "pytorch_model.bin" not in fetched
    told = dict(line.split(maxsplit=1) for line in voxtral(info).splitlines())
    assert told["kind"] == "whisper"
    assert "translate into English" in told["can"]
    assert told["memory"].startswith("about ")
    noise = np.random.default_rng(0).normal(0, 0.003, 16_000 * 3)
    speech, _ = soundfile.read(ROOT / "models" / "wren-en" / "sample.wav", dtype="float32")
    soundfile.write(tmp_path / "talk.wav", speech[: len(noise)] + noise, 16_000)
    [program] = snippets.blocks(PAGE, "python")
    said = snippets.run(sys.executable, "-W", "error", "-c", program, folder=tmp_path)
    assert said
    assert all(re.fullmatch(r" +\d+\.\d\d \S+", line) for line in said.splitlines())
    voxtral([*remove, "--yes"])
    assert not (tmp_path / "models" / "whisper-tiny").exists()


def test_the_settings_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voxtral_service import config

    [text] = snippets.blocks(PAGE, "toml")
    (tmp_path / "config.toml").write_text(text)
    monkeypatch.setenv("VOXTRAL_CONFIG", str(tmp_path / "config.toml"))
    settings = config.load()
    assert (settings.models_memory, settings.models_idle) == (8_000_000_000, tomllib.loads(text)["models_idle"])


def test_the_table_says_what_the_engines_say(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"text_config": {"max_position_embeddings": 131072}}')
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:3] == "| `"]
    assert {row[0].strip("`") for row in rows} == {kind for kind in Kind if kind.hears}
    for kind, names, live, translates, detects, biased, logprobs, _ in rows:
        model = next(model for model in CATALOG if f"`{model.name}`" in names)
        assert model.kind == kind.strip("`")
        installed = fakes.installed(model.name, languages=model.languages, kind=model.kind)
        able = capabilities(replace(installed, folder=tmp_path))
        said = [
            cell.partition(",")[0].partition(";")[0] == "yes" for cell in (live, translates, detects, biased, logprobs)
        ]
        assert said == [able.live, able.translates, able.detects_language, able.uses_prompt, able.logprobs]
    assert RECOMMENDED.name in rows[0][1]
