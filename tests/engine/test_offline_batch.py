"""Texts written side by side are those that transformers' own `generate` writes."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoProcessor, VoxtralForConditionalGeneration

from tests import tiny
from voxtral_service.chat import Message
from voxtral_service.engine.offline_batch import Batch, Sampler
from voxtral_service.engine.offline_model import OfflineModel
from voxtral_service.errors import CheckpointError, EngineError, VoxtralError
from voxtral_service.voxtral.instruct import Prompt

MOST = 30
CLIPS = ((3.0, "en"), (1.0, None), (31.0, "fr"), (7.0, "de"), (20.0, None))


@dataclass(eq=False)
class Text:
    """Takes what it is given, up to an end."""

    prompt: Prompt
    most: int = MOST
    sampler: Sampler = field(default_factory=Sampler)
    cancelled: bool = False
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def take(self, token: int, logprob: float) -> bool:
        self.tokens.append(token)
        self.logprobs.append(logprob)
        return token != 2 and len(self.tokens) < self.most

    def fail(self, error: VoxtralError) -> None:
        raise error


def clip(number: int) -> NDArray[np.float32]:
    """Sound that survives the 16-bit file that transformers' processor leads it through."""
    whole = np.round(tiny.sound(CLIPS[number][0], number) * 0.9 * 32768).clip(-16000, 16000)
    return (whole / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def model(offline_folder: Path) -> OfflineModel:
    return OfflineModel.load(offline_folder, dtype=torch.float32, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def reference(offline_folder: Path) -> list[dict[str, Any]]:
    """For every clip the tokens that transformers writes, and how likely it found them."""
    network = VoxtralForConditionalGeneration.from_pretrained(offline_folder).eval()
    processor = AutoProcessor.from_pretrained(offline_folder)
    results = []
    for number, (_, language) in enumerate(CLIPS):
        inputs = processor.apply_transcription_request(
            audio=[clip(number)], language=language, model_id="x", sampling_rate=16000, format=["WAV"]
        )
        output = network.generate(
            **inputs, max_new_tokens=MOST, do_sample=False, return_dict_in_generate=True, output_logits=True
        )
        tokens = output.sequences[0, inputs.input_ids.shape[1] :].tolist()
        logprobs = [
            float(logits[0].log_softmax(-1)[token]) for logits, token in zip(output.logits, tokens, strict=True)
        ]
        results.append({"tokens": tokens, "logprobs": logprobs})
    return results


@pytest.fixture(scope="module")
def prompts(model: OfflineModel) -> list[Prompt]:
    return [model.tokenizer.transcription(clip(i), language) for i, (_, language) in enumerate(CLIPS)]


def test_the_clips_tell_something(reference: list[dict[str, Any]]) -> None:
    texts = [tuple(result["tokens"]) for result in reference]
    assert len({text[:8] for text in texts}) == len(CLIPS)
    assert min(map(len, texts)) < MOST
    assert all(len(set(text)) > len(text) // 2 for text in texts)


def test_one_text_alone(model: OfflineModel, prompts: list[Prompt], reference: list[dict[str, Any]]) -> None:
    for prompt, expected in zip(prompts, reference, strict=True):
        batch, text = Batch(model), Text(prompt)
        batch.join(text)
        while batch.rows:
            batch.step()
        assert text.tokens == expected["tokens"]
        assert text.logprobs == pytest.approx(expected["logprobs"], abs=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_texts_join_end_and_are_dropped_without_a_trace_on_others(
    model: OfflineModel, prompts: list[Prompt], reference: list[dict[str, Any]], seed: int
) -> None:
    chance = random.Random(seed)
    order = chance.sample(range(len(CLIPS)), len(CLIPS))
    dropped, waits = order[seed], [chance.randrange(10) for _ in CLIPS]
    batch = Batch(model)
    texts = {number: Text(prompts[number]) for number in order}
    for number, wait in zip(order, waits, strict=True):
        batch.join(texts[number])
        for _ in range(wait):
            batch.step()
        texts[dropped].cancelled |= texts[dropped] in batch.rows
    while batch.rows:
        batch.step()
    for number, text in texts.items():
        expected = reference[number]["tokens"]
        assert text.tokens == (expected if not text.cancelled else expected[: len(text.tokens)])


def test_a_batch_written_by_generate_is_the_same(
    offline_folder: Path, model: OfflineModel, prompts: list[Prompt], reference: list[dict[str, Any]]
) -> None:
    """`generate` pads on the left too, and fills up what has ended."""
    network = VoxtralForConditionalGeneration.from_pretrained(offline_folder).eval()
    processor = AutoProcessor.from_pretrained(offline_folder)
    inputs = processor.apply_transcription_request(
        audio=[clip(i) for i in range(len(CLIPS))],
        language=[language for _, language in CLIPS],
        model_id="x",
        sampling_rate=16000,
        format=["WAV"] * len(CLIPS),
    )
    output = network.generate(**inputs, max_new_tokens=MOST, do_sample=False)[:, inputs.input_ids.shape[1] :]
    for row, expected in zip(output.tolist(), reference, strict=True):
        length = len(expected["tokens"])
        assert row[:length] == expected["tokens"]


def test_a_conversation_is_answered_as_transformers_answers(offline_folder: Path, model: OfflineModel) -> None:
    processor = AutoProcessor.from_pretrained(offline_folder)
    network = VoxtralForConditionalGeneration.from_pretrained(offline_folder).eval()
    inputs = processor.apply_chat_template([{"role": "user", "content": "Who speaks?"}])
    expected = network.generate(**inputs, max_new_tokens=MOST, do_sample=False)[0, inputs.input_ids.shape[1] :]
    text, batch = Text(model.tokenizer.conversation([Message("user", ("Who speaks?",))])), Batch(model)
    batch.join(text)
    while batch.rows:
        batch.step()
    assert text.tokens == expected.tolist()


def test_a_seed_makes_sampling_repeatable(model: OfflineModel, prompts: list[Prompt]) -> None:
    def sampled(seed: int, beside: bool) -> list[int]:
        batch, text = Batch(model), Text(prompts[1], sampler=Sampler(1.5, 0.95, seed))
        if beside:
            batch.join(Text(prompts[0], sampler=Sampler(1.0, 1.0, 7)))
        batch.join(text)
        while batch.rows:
            batch.step()
        return text.tokens

    assert sampled(1, beside=False) == sampled(1, beside=True)
    assert sampled(1, beside=False) != sampled(2, beside=False)


def test_nucleus_sampling_takes_only_from_the_nucleus() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    for top_p, expected in (
        (0.4, {0}),
        (0.5, {0}),
        (0.51, {0, 1}),
        (0.8, {0, 1}),
        (0.81, {0, 1, 2}),
        (1.0, {0, 1, 2, 3}),
    ):
        sampler = Sampler(1.0, top_p, 0)
        assert {sampler.choose(logits) for _ in range(200)} == expected


def test_a_folder_with_missing_weights_is_refused(offline_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in offline_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["language_model.lm_head.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks 1 weights"):
        OfflineModel.load(tmp_path, dtype=torch.float32, device=torch.device("cpu"))
    (tmp_path / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="no usable"):
        OfflineModel.load(tmp_path, dtype=torch.float32, device=torch.device("cpu"))


def test_without_transformers_the_command_that_installs_it_is_told(
    offline_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(EngineError, match=r"pip install 'voxtral-service\[voxtral-offline\]'"):
        OfflineModel.load(offline_folder, dtype=torch.float32, device=torch.device("cpu"))
