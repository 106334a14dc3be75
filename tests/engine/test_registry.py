"""Models are found where they are said to be, and never replaced by others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests import tiny
from tests.assistant.tiny_chat import write_chat_model
from voxtral_service.engine import choice, loading
from voxtral_service.engine.catalog import CATALOG, RECOMMENDED
from voxtral_service.engine.download import wanted_files
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.registry import Origin, Registry, examine
from voxtral_service.errors import CheckpointError, InvalidOption, ModelNotFound

CPU = torch.device("cpu")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models", tmp_path / "bundled", tmp_path / "hub")


@pytest.fixture
def put(folders: dict[str, Path]) -> Callable[..., Path]:
    def copy(target: Path, shape: str = "small") -> Path:
        return Path(shutil.copytree(folders[shape], target))

    return copy


def put_in_cache(registry: Registry, source: Path, repository: str) -> Path:
    cached = registry.hub_cache / f"models--{repository.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc123")
    return Path(shutil.copytree(source, cached / "snapshots" / "abc123"))


def test_an_empty_machine_has_no_models(registry: Registry) -> None:
    assert registry.installed() == ([], [])


def test_a_folder_says_what_it_holds(folders: dict[str, Path]) -> None:
    model = examine(folders["small"], "x", Origin.FOLDER)
    parameters = tiny.random_model(tiny.SHAPES["small"]).parameters()
    assert model.parameters == sum(p.numel() for p in parameters) - 2 * 32  # the zero key biases are not stored
    assert model.size == (folders["small"] / "model.safetensors").stat().st_size
    assert (model.delay_ms, model.languages, model.licence) == (480, (), None)


def test_models_are_found_by_name_in_three_places(
    registry: Registry, put: Callable[..., Path], folders: dict[str, Path]
) -> None:
    put(registry.bundled_dir / "wren-en")
    put(registry.models_dir / "mine")
    put(registry.models_dir / "org" / "theirs")
    put_in_cache(registry, folders["small"], "some/cached")
    origins = {name: registry.find(name).origin for name in ("wren-en", "mine", "org/theirs", "some/cached")}
    assert origins == {
        "wren-en": Origin.BUNDLED,
        "mine": Origin.FOLDER,
        "org/theirs": Origin.FOLDER,
        "some/cached": Origin.HUB_CACHE,
    }
    models, faults = registry.installed()
    assert [model.name for model in models] == list(origins)
    assert not faults


def test_a_bundled_model_comes_before_one_of_the_same_name(registry: Registry, put: Callable[..., Path]) -> None:
    put(registry.models_dir / "wren-en")
    put(registry.bundled_dir / "wren-en")
    assert registry.find("wren-en").origin is Origin.BUNDLED
    assert len(registry.installed()[0]) == 1


def test_a_folder_is_found_by_its_path(registry: Registry, put: Callable[..., Path], tmp_path: Path) -> None:
    folder = put(tmp_path / "elsewhere" / "trained")
    model = registry.find(str(folder))
    assert (model.name, model.folder) == ("trained", folder)


def test_a_known_model_answers_to_its_hub_id_and_its_alias(registry: Registry, folders: dict[str, Path]) -> None:
    assert RECOMMENDED.repository is not None
    put_in_cache(registry, folders["small"], RECOMMENDED.repository)
    by_alias, by_id = registry.find(RECOMMENDED.name), registry.find(RECOMMENDED.repository)
    assert by_alias == by_id
    assert (by_id.name, by_id.languages, by_id.licence) == (RECOMMENDED.name, RECOMMENDED.languages, "apache-2.0")


def test_the_model_card_tells_languages_and_licence(registry: Registry, put: Callable[..., Path]) -> None:
    folder = put(registry.models_dir / "mine")
    (folder / "README.md").write_text("---\nlanguage: [en, de]\nlicense: mit\n---\n# Mine\n")
    model = registry.find("mine")
    assert (model.languages, model.licence) == (("en", "de"), "mit")
    (folder / "README.md").write_text("---\nlanguage: [\n---\n")
    assert registry.find("mine").languages == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "voxtral-mini-4b-realtime",
            "voxtral-mini-4b-realtime is not on this machine; fetch it with: "
            "voxtral models pull voxtral-mini-4b-realtime",
        ),
        ("org/name", "org/name is not on this machine; fetch it with: voxtral models pull org/name"),
        ("wren-en", "wren-en comes with this package and is missing from it; install it again"),
        ("voxtral-mini", "there is no model called voxtral-mini; did you mean voxtral-mini-3b?"),
        ("zzz", "there is no model called zzz; `voxtral models` lists those there are"),
        ("./zzz", "there is no folder ./zzz; check the path"),
        ("/a/b/c", "there is no folder /a/b/c; check the path"),
    ],
)
def test_what_is_not_here_is_said_with_what_to_do(registry: Registry, name: str, message: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        registry.find(name)
    assert str(caught.value) == message
    assert caught.value.field == "model"


def test_an_incomplete_model_is_an_error_and_not_passed_over(registry: Registry, put: Callable[..., Path]) -> None:
    folder = put(registry.models_dir / "mine")
    (folder / "tekken.json").unlink()
    with pytest.raises(CheckpointError, match=r"mine lacks tekken\.json; fetch it again"):
        registry.find("mine")
    models, [fault] = registry.installed()
    assert not models
    assert "lacks tekken.json" in str(fault)


def test_a_model_whose_shards_are_not_all_there_is_incomplete(registry: Registry, put: Callable[..., Path]) -> None:
    folder = put(registry.models_dir / "mine")
    (folder / "model.safetensors").rename(folder / "model-1-of-2.safetensors")
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"lacks model-2-of-2\.safetensors"):
        registry.find("mine")
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(CheckpointError, match="no index of shards"):
        registry.find("mine")


@pytest.mark.parametrize("content", [b"", b"text that is no header at all", b"\x02" + bytes(7) + b"[]"])
def test_damaged_weights_are_named(registry: Registry, put: Callable[..., Path], content: bytes) -> None:
    folder = put(registry.models_dir / "mine")
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        registry.find("mine")


def test_other_models_in_the_hub_cache_are_none_of_ours(registry: Registry, folders: dict[str, Path]) -> None:
    folder = put_in_cache(registry, folders["small"], "some/whisper")
    (folder / "config.json").write_text('{"model_type": "whisper"}')
    assert registry.installed() == ([], [])
    with pytest.raises(CheckpointError, match=r"'whisper' .* convert it with ct2-transformers-converter"):
        registry.find("some/whisper")


def test_only_what_was_pulled_can_be_removed(registry: Registry, put: Callable[..., Path]) -> None:
    put(registry.bundled_dir / "wren-en")
    folder = put(registry.models_dir / "org" / "name")
    assert registry.pulled("org/name") == folder
    with pytest.raises(ModelNotFound, match=r"wren-en was not pulled into .* \(bundled\)"):
        registry.pulled("wren-en")
    with pytest.raises(ModelNotFound):
        registry.pulled("../bundled/wren-en")


# -- choosing


def test_a_named_model_is_taken_without_a_word(registry: Registry, put: Callable[..., Path]) -> None:
    put(registry.models_dir / "mine")
    chosen = choice.choose(registry, "mine", CPU)
    assert (chosen.model.name, chosen.notice) == ("mine", None)


def test_auto_takes_the_largest_that_fits_and_says_so(
    registry: Registry, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(registry.bundled_dir / "wren-en")
    larger = put(registry.models_dir / "mine", "wide")
    chosen = choice.choose(registry, "auto", CPU)
    assert chosen.model.folder == larger
    assert chosen.notice == (
        "using mine (folder; unknown languages) on cpu; for better transcripts: "
        "voxtral models pull voxtral-mini-4b-realtime (needs a CUDA GPU with 16 GB)"
    )
    monkeypatch.setattr(loading, "LARGEST_ON_CPU", chosen.model.parameters - 1)
    assert choice.choose(registry, "auto", CPU).model.name == "wren-en"


def test_auto_with_the_recommended_model_recommends_nothing(registry: Registry, put: Callable[..., Path]) -> None:
    put(registry.models_dir / RECOMMENDED.name)
    notice = choice.choose(registry, "auto", CPU).notice
    assert notice is not None
    assert notice.startswith("using voxtral-mini-4b-realtime (folder; en, fr, ")
    assert notice.endswith("on cpu")


def test_auto_without_any_model_says_how_to_get_one(registry: Registry) -> None:
    with pytest.raises(ModelNotFound, match="there is no model on this machine; fetch one with `voxtral models pull"):
        choice.choose(registry, "auto", CPU)


def test_auto_without_a_model_that_fits_says_so(
    registry: Registry, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(registry.models_dir / "mine")
    monkeypatch.setattr(loading, "LARGEST_ON_CPU", 1)
    with pytest.raises(ModelNotFound, match="none of the models on this machine fits cpu; fetch"):
        choice.choose(registry, "auto", CPU)


def test_a_gpu_must_have_room_for_the_weights_and_the_streams(
    registry: Registry, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(registry.models_dir / "mine")
    model = registry.find("mine")
    needed = 2 * model.parameters + loading.BESIDE_WEIGHTS
    for free, fits in ((needed - 1, False), (needed, True)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, free))
        assert loading.fits(model, torch.device("cuda")) is fits


# -- loading


def test_a_model_becomes_an_engine(registry: Registry, put: Callable[..., Path]) -> None:
    put(registry.models_dir / "mine")
    engine = loading.load(registry.find("mine"), device=CPU, dtype="bfloat16", slots=2)
    engine.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"device cuda:1 is not there: .*; use --device cpu"):
        loading.pick_device("cuda:1")
    assert loading.pick_device("auto") == CPU


def test_dtypes_suit_their_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loading.pick_dtype("auto", CPU) is torch.float32
    assert loading.pick_dtype("auto", torch.device("cuda")) is torch.bfloat16
    assert loading.pick_dtype("bfloat16", CPU) is torch.bfloat16
    monkeypatch.setattr(loading, "packing_pays", lambda dtype, device: dtype is torch.bfloat16)
    assert loading.pick_dtype("auto", CPU) is torch.float32
    assert loading.pick_dtype("auto", CPU, packs=True) is torch.bfloat16
    assert loading.pick_dtype("float32", CPU, packs=True) is torch.float32
    with pytest.raises(InvalidOption, match="Voxtral models run in float32 or bfloat16, not in int8"):
        loading.pick_dtype("int8", CPU)
    assert loading.compute_type("auto", CPU) == "int8"
    assert loading.compute_type("auto", torch.device("cuda")) == "float16"
    assert loading.compute_type("int8", torch.device("cuda", 1)) == "int8_float16"
    assert loading.compute_type("bfloat16", CPU) == "bfloat16"


def test_hyperthreads_do_not_count_as_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        (tmp_path / f"cpu{cpu}/topology").mkdir(parents=True)
        (tmp_path / f"cpu{cpu}/topology/thread_siblings_list").write_text(siblings)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert loading.physical_cores(tmp_path) == 2
    assert loading.physical_cores(tmp_path / "not Linux") >= 1


# -- fetching


def test_one_layout_is_fetched_and_not_both() -> None:
    common = ["tekken.json", "README.md", ".gitattributes", "example.wav"]
    hugging_face = ["config.json", "model.safetensors"]
    mistral = ["params.json", "consolidated.safetensors"]
    assert wanted_files(common + hugging_face + mistral) == sorted(["tekken.json", "README.md", *hugging_face])
    assert wanted_files(common + mistral) == sorted(["tekken.json", "README.md", *mistral])
    shards = ["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"]
    assert set(shards) <= set(wanted_files(common + shards))
    assert wanted_files(["README.md", "pytorch_model.bin", "config.json"]) == []
    whisper = ["config.json", "model.bin", "tokenizer.json", "vocabulary.txt"]
    assert wanted_files([*whisper, "README.md", ".gitattributes"]) == sorted([*whisper, "README.md"])


def test_the_catalogue_is_complete() -> None:
    for model in CATALOG:
        assert model.licence
        assert model.languages
        assert model.repository is None or (model.parameters and model.needs)
    assert len({model.name for model in CATALOG}) == len(CATALOG)
    assert len({model.repository or model.name for model in CATALOG}) == len(CATALOG)


def test_language_models_are_found_and_are_not_engines(registry: Registry, put: Callable[..., Path]) -> None:
    put(registry.bundled_dir / "wren-en")
    chat = write_chat_model(registry.models_dir / "chatty")
    model = registry.find("chatty")
    assert (model.kind, model.delay_ms) == (Kind.CHAT, None)
    assert model.parameters > 10_000
    assert {model.name for model in registry.installed()[0]} == {"wren-en", "chatty"}
    assert choice.choose(registry, choice.AUTO, CPU).model.name == "wren-en"
    with pytest.raises(ModelNotFound, match="language model"):
        choice.choose(registry, "chatty", CPU)
    (chat / "chat_template.jinja").unlink()
    with pytest.raises(CheckpointError, match="no chat template"):
        registry.find("chatty")
