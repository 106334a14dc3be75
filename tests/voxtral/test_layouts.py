from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests import tiny
from voxtral_service.voxtral.config import VoxtralRealtimeConfig
from voxtral_service.voxtral.layers import rotary, rotate
from voxtral_service.voxtral.layouts import StoredTensor, hugging_face_layout, mistral_layout
from voxtral_service.voxtral.model import VoxtralRealtime

Layout = Callable[[VoxtralRealtimeConfig], list[StoredTensor]]
LAYOUTS = [hugging_face_layout, mistral_layout]
E = "mm_streams_embeddings.embedding_module.whisper_encoder."


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_public_4b_checkpoint(layout: Layout) -> None:
    stored = layout(VoxtralRealtimeConfig())
    assert len({tensor.name for tensor in stored}) == len(stored) == 711
    numbers = sum(torch.Size(tensor.shape).numel() for tensor in stored)
    assert round(2 * numbers / 1e9, 2) == 8.86


@pytest.mark.parametrize(
    ("mistral", "hugging_face", "shape"),
    [
        (
            "mm_streams_embeddings.embedding_module.tok_embeddings.weight",
            "language_model.model.embed_tokens.weight",
            (131072, 3072),
        ),
        (E + "conv_layers.0.conv.weight", "audio_tower.embedder.conv1.weight", (1280, 128, 3)),
        (E + "conv_layers.0.conv.bias", "audio_tower.embedder.conv1.bias", (1280,)),
        (E + "conv_layers.1.conv.weight", "audio_tower.embedder.conv2.weight", (1280, 1280, 3)),
        (
            E + "transformer.layers.31.attention.wq.weight",
            "audio_tower.layers.31.self_attn.q_proj.weight",
            (2048, 1280),
        ),
        (
            E + "transformer.layers.31.attention.wv.bias",
            "audio_tower.layers.31.self_attn.v_proj.bias",
            (2048,),
        ),
        (
            E + "transformer.layers.0.attention.wo.bias",
            "audio_tower.layers.0.self_attn.o_proj.bias",
            (1280,),
        ),
        (
            E + "transformer.layers.0.attention_norm.weight",
            "audio_tower.layers.0.self_attn_layer_norm.weight",
            (1280,),
        ),
        (E + "transformer.layers.0.ffn_norm.weight", "audio_tower.layers.0.final_layer_norm.weight", (1280,)),
        (
            E + "transformer.layers.0.feed_forward.w1.weight",
            "audio_tower.layers.0.mlp.gate_proj.weight",
            (5120, 1280),
        ),
        (
            E + "transformer.layers.0.feed_forward.w3.weight",
            "audio_tower.layers.0.mlp.up_proj.weight",
            (5120, 1280),
        ),
        (E + "transformer.layers.0.feed_forward.w2.bias", "audio_tower.layers.0.mlp.down_proj.bias", (1280,)),
        (E + "transformer.norm.weight", "audio_tower.norm.weight", (1280,)),
        (
            "mm_streams_embeddings.embedding_module.audio_language_projection.0.weight",
            "multi_modal_projector.linear_1.weight",
            (3072, 5120),
        ),
        (
            "mm_streams_embeddings.embedding_module.audio_language_projection.2.weight",
            "multi_modal_projector.linear_2.weight",
            (3072, 3072),
        ),
        (
            "layers.25.attention.wk.weight",
            "language_model.model.layers.25.self_attn.k_proj.weight",
            (1024, 3072),
        ),
        (
            "layers.25.feed_forward.w2.weight",
            "language_model.model.layers.25.mlp.down_proj.weight",
            (3072, 9216),
        ),
        (
            "layers.0.ffn_norm.weight",
            "language_model.model.layers.0.post_attention_layernorm.weight",
            (3072,),
        ),
        (
            "layers.0.ada_rms_norm_t_cond.0.weight",
            "language_model.model.layers.0.ada_rms_norm.linear1.weight",
            (32, 3072),
        ),
        (
            "layers.0.ada_rms_norm_t_cond.2.weight",
            "language_model.model.layers.0.ada_rms_norm.linear2.weight",
            (3072, 32),
        ),
        ("norm.weight", "language_model.model.norm.weight", (3072,)),
    ],
)
def test_both_layouts_name_the_same_rows(mistral: str, hugging_face: str, shape: tuple[int, ...]) -> None:
    config = VoxtralRealtimeConfig()
    (one,) = [tensor for tensor in mistral_layout(config) if tensor.name == mistral]
    (two,) = [tensor for tensor in hugging_face_layout(config) if tensor.name == hugging_face]
    assert one.shape == two.shape == shape
    assert (one.parameter, one.first_row) == (two.parameter, two.first_row)


def test_no_key_of_the_encoder_has_a_bias() -> None:
    for layout in LAYOUTS:
        names = [tensor.name for tensor in layout(tiny.SHAPES["small"])]
        assert not [name for name in names if name.endswith(("k_proj.bias", "wk.bias"))]
        assert len([name for name in names if name.endswith("bias")]) == 2 + 2 * 4


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_every_row_is_stored_once_and_comes_back(shape: str, layout: Layout) -> None:
    model = VoxtralRealtime(tiny.SHAPES[shape])
    parameters = {name: torch.randn_like(parameter) for name, parameter in model.named_parameters()}
    rows = Counter[tuple[str, int]]()
    for stored in layout(model.config):
        parameter = parameters[stored.parameter]
        numbers = stored.from_parameter(parameter)
        assert numbers.shape == stored.shape
        span = range(stored.first_row, stored.first_row + stored.shape[0])
        assert torch.equal(stored.to_parameter(numbers), parameter[span.start : span.stop])
        rows.update((stored.parameter, row) for row in span)
    assert set(rows.values()) == {1}
    left = [(name, row) for name, one in parameters.items() for row in range(len(one)) if not rows[name, row]]
    keys = model.encoder.layers[0].attention.qkv.key_rows  # type: ignore[union-attr]
    assert isinstance(keys, slice)
    assert {row for _, row in left} == set(range(keys.start, keys.stop))
    assert all(name.startswith("encoder.") and name.endswith("qkv.bias") for name, _ in left)


def turned(stored: Tensor, head_dim: int) -> Tensor:
    """Rows of Mistral's q or k in the order of Hugging Face's, as its conversion script does it."""
    heads = stored.shape[0] // head_dim
    rest = stored.shape[1:]
    return stored.view(heads, head_dim // 2, 2, *rest).transpose(1, 2).reshape(heads * head_dim, *rest)


@pytest.mark.parametrize("shape", tiny.SHAPES)
def test_queries_and_keys_are_permuted_and_nothing_else(shape: str) -> None:
    config = tiny.SHAPES[shape]
    permuted = set()
    for mistral in mistral_layout(config):
        numbers = torch.arange(torch.Size(mistral.shape).numel()).view(mistral.shape)
        rows = mistral.to_parameter(numbers)
        if mistral.name.endswith(("wq.weight", "wq.bias", "wk.weight")):
            tower = config.encoder if "whisper" in mistral.name else config.decoder
            assert torch.equal(rows, turned(numbers, tower.head_dim))
            permuted.add(mistral.name)
        elif "conv_layers" in mistral.name and numbers.ndim == 3:
            for kernel, part in enumerate(rows.chunk(3, 1)):
                assert torch.equal(part, numbers[..., kernel])
        else:
            assert torch.equal(rows, numbers)
    assert len(permuted) == 3 * config.encoder.num_layers + 2 * config.decoder.num_layers


@pytest.mark.parametrize("theta", [1e4, 1e6])
def test_interleaved_rotary_on_mistral_weights_gives_the_same_scores(theta: float) -> None:
    heads, head_dim, size = 3, 16, 20
    weights = torch.randn(2, heads * head_dim, size, dtype=torch.float64)
    bias = torch.randn(heads * head_dim, dtype=torch.float64)
    positions = torch.tensor([0, 1, 5, 749, 100_000])
    x = torch.randn(len(positions), size, dtype=torch.float64)

    def interleaved(rows: Tensor) -> Tensor:
        pairs = torch.view_as_complex(rows.view(len(positions), heads, head_dim // 2, 2))
        frequencies = theta ** (-torch.arange(head_dim // 2, dtype=torch.float64) * 2 / head_dim)
        angles = positions[:, None] * frequencies
        return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)[:, None]).flatten(2)

    def halves(rows: Tensor) -> Tensor:
        angles = rotary(positions[None], head_dim, theta, torch.float64)
        return rotate(rows.view(1, len(positions), heads, head_dim), angles)[0]

    def stored(name: str, shape: tuple[int, ...]) -> StoredTensor:
        return StoredTensor(name, shape, "", 0, "interleaved", head_dim)

    q, k = interleaved(x @ weights[0].T + bias), interleaved(x @ weights[1].T)
    matrix, vector = stored("w", (heads * head_dim, size)), stored("b", (heads * head_dim,))
    our_q = halves(x @ matrix.to_parameter(weights[0]).T + vector.to_parameter(bias))
    our_k = halves(x @ matrix.to_parameter(weights[1]).T)
    expected = torch.einsum("qhd,khd->hqk", q, k)
    torch.testing.assert_close(torch.einsum("qhd,khd->hqk", our_q, our_k), expected, atol=1e-8, rtol=0)
