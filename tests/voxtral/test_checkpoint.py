from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests import mistral_files, tiny
from voxtral_service.errors import CheckpointError
from voxtral_service.voxtral import checkpoint
from voxtral_service.voxtral.layouts import StoredTensor, hugging_face_layout
from voxtral_service.voxtral.model import VoxtralRealtime
from voxtral_service.voxtral.tokenizer import Tokenizer

Q_BIAS = "audio_tower.layers.0.self_attn.q_proj.bias"
NORM = "language_model.model.norm.weight"


def assert_equal(one: VoxtralRealtime, other: VoxtralRealtime) -> None:
    assert one.config == other.config
    parameters, others = dict(one.named_parameters()), dict(other.named_parameters())
    assert parameters.keys() == others.keys()
    for name, parameter in parameters.items():
        assert torch.equal(parameter, others[name]), name


def as_stored(model: VoxtralRealtime) -> dict[str, Tensor]:
    """A model's parameters under the names of the Hugging Face layout."""
    parameters = dict(model.named_parameters())
    return {
        stored.name: stored.from_parameter(parameters[stored.parameter]) for stored in hugging_face_layout(model.config)
    }


def assert_holds(model: VoxtralRealtime, tensors: dict[str, Tensor]) -> None:
    stored = as_stored(model)
    assert stored.keys() == tensors.keys()
    for name, tensor in stored.items():
        assert torch.equal(tensor, tensors[name]), name
    for layer in model.encoder.layers:
        qkv = layer.get_submodule("attention.qkv")
        assert (qkv.bias[qkv.key_rows] == 0).all()  # type: ignore[index]


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(folders["small"], tmp_path / "model")


def complaint(folder: Path) -> str:
    """The one line that loading the folder ends in, without the folder's name."""
    with pytest.raises(CheckpointError) as raised:
        checkpoint.load(folder, dtype=torch.float32)
    message = str(raised.value)
    assert "\n" not in message
    assert str(folder) in message
    return message.replace(str(folder), "FOLDER")


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_a_folder_saved_by_transformers(reference: ModuleType, tmp_path: Path, shape: str) -> None:
    theirs = reference.random_model(tiny.SHAPES[shape])
    theirs.save_pretrained(tmp_path)
    model = checkpoint.load(tmp_path, dtype=torch.float32)
    assert model.config == tiny.SHAPES[shape]
    assert_holds(model, load_file(tmp_path / "model.safetensors"))
    mel, tokens = torch.randn(1, 80, model.config.encoder.num_mel_bins), torch.randint(0, 500, (1, 10))
    with torch.no_grad():
        expected = reference.logits(theirs, mel, tokens, 6)
    torch.testing.assert_close(model(mel, tokens, torch.tensor([6])), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_transformers_loads_what_is_saved_here(
    reference: ModuleType, folders: dict[str, Path], theirs: dict[str, object], tmp_path: Path, shape: str
) -> None:
    theirs[shape].save_pretrained(tmp_path)  # type: ignore[attr-defined]
    expected = load_file(folders[shape] / "model.safetensors")
    found = load_file(tmp_path / "model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    generation = theirs[shape].generation_config  # type: ignore[attr-defined]
    assert (generation.bos_token_id, generation.eos_token_id, generation.pad_token_id) == (1, None, 11)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_the_processor_of_transformers_takes_the_folder(
    reference: ModuleType, folders: dict[str, Path], shape: str
) -> None:
    inputs = reference.processor(folders[shape])(tiny.sound(1), return_tensors="pt")
    assert inputs.input_ids.tolist() == [Tokenizer.from_folder(folders[shape]).prompt(6)]
    # 32 tokens of silence, a second of 13, and 17 for the delay and a last word.
    bins = tiny.SHAPES[shape].encoder.num_mel_bins
    assert inputs.input_features.shape == (1, bins, 8 * (32 + 13 + 17))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_is_saved_comes_back(tmp_path: Path, dtype: torch.dtype) -> None:
    model = tiny.random_model(tiny.SHAPES["deep"])
    checkpoint.save(model, tmp_path / "new" / "folder", dtype=dtype)
    loaded = checkpoint.load(tmp_path / "new" / "folder", dtype=dtype)
    assert_equal(loaded, tiny.random_model(tiny.SHAPES["deep"]).to(dtype))
    stored = load_file(tmp_path / "new" / "folder" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {dtype}
    written = json.loads((tmp_path / "new" / "folder" / "config.json").read_text())["dtype"]
    assert f"torch.{written}" == str(dtype)


def test_weights_are_converted_to_the_type_asked_for(folders: dict[str, Path], tmp_path: Path) -> None:
    model = checkpoint.load(folders["small"], dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert_equal(model, checkpoint.load(folders["small"], dtype=torch.float32).bfloat16())
    checkpoint.save(model, tmp_path, dtype=torch.float32)
    assert_equal(checkpoint.load(tmp_path, dtype=torch.float32), model.float())


def test_a_loaded_model_is_ready_for_inference(models: dict[str, VoxtralRealtime]) -> None:
    for model in models.values():
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())
        assert not any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()])
        assert model.log_mel.filters.shape == (201, model.config.encoder.num_mel_bins)


def test_shards(reference: ModuleType, tmp_path: Path) -> None:
    theirs = reference.random_model(tiny.SHAPES["small"])
    theirs.save_pretrained(tmp_path / "sharded", max_shard_size="30KB")
    theirs.save_pretrained(tmp_path / "whole")
    assert not (tmp_path / "sharded" / "model.safetensors").exists()
    shards = checkpoint.weight_files(tmp_path / "sharded")
    assert shards == sorted((tmp_path / "sharded").glob("*.safetensors"))
    assert len(shards) > 3
    assert checkpoint.weight_files(tmp_path / "whole") == [tmp_path / "whole" / "model.safetensors"]
    one, other = (checkpoint.load(tmp_path / name, dtype=torch.float32) for name in ("sharded", "whole"))
    assert_equal(one, other)

    shards[1].unlink()
    assert complaint(tmp_path / "sharded") == (
        f"FOLDER lacks {shards[1].name}, named in model.safetensors.index.json; fetch the model again"
    )
    for index in ("{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}'):
        (tmp_path / "sharded" / "model.safetensors.index.json").write_text(index)
        assert complaint(tmp_path / "sharded") == (
            "FOLDER/model.safetensors.index.json is no index of shards: it has no weight_map from tensors to files"
        )
    (tmp_path / "sharded" / "model.safetensors.index.json").write_text("{")
    assert complaint(tmp_path / "sharded").startswith("cannot read FOLDER/model.safetensors.index.json: ")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_the_layout_of_mistral(
    models: dict[str, VoxtralRealtime], tmp_path: Path, shape: str, dtype: torch.dtype
) -> None:
    mistral_files.write(tmp_path, models[shape], dtype)
    assert checkpoint.read_config(tmp_path) == tiny.SHAPES[shape]
    assert checkpoint.weight_files(tmp_path) == [tmp_path / "consolidated.safetensors"]
    loaded = checkpoint.load(tmp_path, dtype=dtype)
    expected = {name: tensor.to(dtype) for name, tensor in as_stored(models[shape]).items()}
    assert_holds(loaded, expected)


def test_a_folder_with_both_layouts(folder: Path, models: dict[str, VoxtralRealtime]) -> None:
    mistral_files.write(folder, models["wide"])
    assert checkpoint.read_config(folder) == tiny.SHAPES["small"]
    assert checkpoint.weight_files(folder) == [folder / "model.safetensors"]
    # Who fetches one of the two weight files often keeps both configurations.
    (folder / "model.safetensors").unlink()
    assert_equal(checkpoint.load(folder, dtype=torch.float32), models["wide"])


def test_tensors_that_do_not_fit_are_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors[Q_BIAS]
    save_file(tensors, path)
    head = "the tensors in FOLDER do not fit its configuration; "
    assert complaint(folder) == head + f"missing: {Q_BIAS}"

    tensors[NORM] = torch.zeros(31)
    save_file(tensors, path)
    assert complaint(folder) == (head + f"missing: {Q_BIAS}; of the wrong shape: {NORM} is [31], not [32]")

    tensors["audio_tower.layers.0.self_attn.k_proj.bias"] = torch.zeros(32)
    tensors["audio_tower.layers.9.other"] = torch.zeros(1)
    save_file(tensors, path)
    assert complaint(folder) == (
        head + f"missing: {Q_BIAS}; not part of this architecture: "
        "audio_tower.layers.0.self_attn.k_proj.bias, audio_tower.layers.9.other; "
        f"of the wrong shape: {NORM} is [31], not [32]"
    )

    save_file({}, path)
    names = [stored.name for stored in hugging_face_layout(tiny.SHAPES["small"])]
    assert complaint(folder) == head + f"missing: {', '.join(names[:5])} and {len(names) - 5} more"


@pytest.mark.parametrize("head", ["lm_head.weight", "language_model.lm_head.weight", "output.weight"])
def test_a_stored_copy_of_the_tied_head_is_no_error(
    folder: Path, models: dict[str, VoxtralRealtime], head: str
) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors[head] = tensors["language_model.model.embed_tokens.weight"].clone()
    save_file(tensors, folder / "model.safetensors")
    assert_equal(checkpoint.load(folder, dtype=torch.float32), models["small"])


def test_a_folder_that_lacks_files(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert complaint(folder) == (
        "FOLDER has config.json but neither model.safetensors nor model.safetensors.index.json"
    )
    (folder / "config.json").unlink()
    nothing = "FOLDER is no model folder: it has neither config.json nor params.json"
    assert complaint(folder) == nothing
    (folder / "params.json").write_text(json.dumps(mistral_files.params(tiny.SHAPES["small"])))
    assert complaint(folder) == "FOLDER has params.json but no consolidated.safetensors"
    assert complaint(tmp_path / "nowhere") == nothing


def test_a_damaged_configuration(folder: Path) -> None:
    path = folder / "config.json"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    assert complaint(folder).startswith("cannot read FOLDER/config.json: ")
    path.write_text(text.replace('"voxtral_realtime"', '"whisper"'))
    assert complaint(folder).startswith("FOLDER/config.json describes a 'whisper' model, ")
    path.write_text(text.replace('"num_mel_bins"', '"mel"'))
    assert complaint(folder) == "FOLDER/config.json lacks the field audio_config.num_mel_bins"


@pytest.mark.parametrize("left", [0, 1, 7, 8, 100, 5000, -1])
def test_a_file_of_weights_that_broke_off(folder: Path, left: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    message = complaint(folder)
    assert message.startswith("FOLDER/model.safetensors is damaged or no safetensors file (")
    assert message.endswith("); fetch it again")


def test_weights_that_are_a_web_page(folder: Path) -> None:
    (folder / "model.safetensors").write_text("<!doctype html><title>Not found</title>" * 9)
    assert complaint(folder).startswith("FOLDER/model.safetensors is damaged or no safetensors file (")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(at=st.integers(0, 6000), value=st.integers(0, 255))
def test_any_damaged_byte_is_an_error_or_does_no_harm(
    folder: Path, folders: dict[str, Path], at: int, value: int
) -> None:
    damaged = bytearray((folders["small"] / "model.safetensors").read_bytes())
    damaged[at] = value
    (folder / "model.safetensors").write_bytes(damaged)
    said = ""
    try:
        model = checkpoint.load(folder, dtype=torch.float32)
    except CheckpointError as error:
        said = str(error)
    else:
        assert model.config == tiny.SHAPES["small"]
    assert "\n" not in said


def test_at_most_one_stored_tensor_is_in_memory(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[Tensor]] = []
    most, to_parameter = 0, StoredTensor.to_parameter

    def counted(self: StoredTensor, stored: Tensor) -> Tensor:
        nonlocal most
        alive.append(weakref.ref(stored))
        most = max(most, sum(one() is not None for one in alive))
        return to_parameter(self, stored)

    monkeypatch.setattr(StoredTensor, "to_parameter", counted)
    model = checkpoint.load(folders["small"], dtype=torch.float32)
    assert len(alive) == len(hugging_face_layout(model.config))
    # The name in the loop holds the last one while the next is fetched.
    assert most <= 2
    assert not any(one() is not None for one in alive)
