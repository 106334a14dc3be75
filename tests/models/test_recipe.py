"""The recipe: its texts, its targets, and the whole way from a sentence to a model folder, in the small."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from voxtral_service.voxtral import checkpoint

FOLDER = Path(__file__).parents[2] / "models" / "wren-en"


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    """Imports modules of the recipe by name; they find each other as scripts of one folder do."""
    before = set(sys.modules)
    sys.path.insert(0, str(FOLDER / "recipe"))
    yield importlib.import_module
    sys.path.remove(str(FOLDER / "recipe"))
    for name in set(sys.modules) - before:
        if (FOLDER / "recipe" / f"{name}.py").exists():
            del sys.modules[name]


def test_requests_have_a_word_for_each_token(recipe: Any) -> None:
    text, requests = recipe("text"), recipe("spoken_requests")
    rng = random.Random(0)
    for speak in (requests.spoken_request, text.assistant_request):
        for _ in range(500):
            spoken = speak(rng)
            assert len(text.transcript(spoken).split()) == len(spoken.split()), spoken


def test_every_rule_of_the_grammar_can_be_spoken(recipe: Any) -> None:
    requests = recipe("spoken_requests")
    for rule, alternatives in requests.RULES.items():
        if "{}" not in alternatives:  # those may say nothing
            assert all(requests.spoken_request(random.Random(i), rule) for i in range(3)), rule


def test_requests_of_the_evaluation_never_change(recipe: Any) -> None:
    text, rng = recipe("text"), random.Random("evaluation assistant")
    requests = "\n".join(text.assistant_request(rng) for _ in range(1000))
    assert hashlib.sha256(requests.encode()).hexdigest()[:16] == "e66f00fb1b98dfde"


def test_transcripts_keep_the_letters_of_other_languages(recipe: Any) -> None:
    text = recipe("text")
    assert text.transcript("Dr. Müller, grüß’ Gott: 3", "de") == "dr müller grüß gott"
    assert text.transcript("Dr. Watson isn't here.") == "doctor watson isn't here"


@pytest.mark.parametrize("factor", [0.86, 1.16])
@pytest.mark.parametrize("hertz", [500, 1500, 3000])
def test_a_vocal_tract_moves_a_tone_by_its_factor(recipe: Any, factor: float, hertz: float) -> None:
    sound, log_mel = recipe("sound"), checkpoint.load(FOLDER, dtype=torch.float32).log_mel

    def tone(frequency: float) -> torch.Tensor:
        wave = torch.sin(2 * torch.pi * frequency * torch.arange(16_000) / 16_000)
        return log_mel.whole(wave)

    moved = sound.warp_frequencies(tone(hertz), factor)
    assert abs(int(moved[50].argmax()) - int(tone(hertz * factor)[50].argmax())) <= 1


def test_words_are_due_a_delay_after_they_end(recipe: Any) -> None:
    rows, pieces = recipe("rows"), recipe("tekken").Pieces(FOLDER / "tekken.json")
    left = rows.LEFT_PAD_TOKENS * 0.08
    row = rows.Row(np.zeros(0, np.float32), ["yes", "no"], [left + 0.4, left + 2.0])
    for delay in (2, 6, 30):
        ids = rows.delayed_tokens(row, pieces, delay, 120)
        marks = np.flatnonzero(ids == rows.STREAMING_WORD)
        assert marks.tolist() == [33 + delay + 5, 33 + delay + 25]
        assert pieces.decode(ids.tolist()) == "yes no"


SYNTHESIZERS = {
    "espeak": lambda voices: voices.Espeak(["en-us"], ["m3"], invented=2),
    "flite": lambda voices: voices.Flite(["slt"]),
    "pico": lambda voices: voices.Pico("en"),
    "hibari": lambda voices: voices.Hibari(),
    "kokoro": lambda voices: voices.Kokoro(Path(os.environ.get("KOKORO_DIR", ""))),
}


@pytest.mark.parametrize("name", SYNTHESIZERS)
def test_synthesizers_that_are_here_speak(recipe: Any, name: str) -> None:
    try:
        engine = SYNTHESIZERS[name](recipe("voices"))
    except (ImportError, OSError) as error:
        pytest.skip(str(error))
    sentence = "What time is it in Tokyo?"
    voices = set()
    for seed in range(3):
        speech = engine.speak(sentence, random.Random(seed))
        assert speech.samples.dtype == np.int16
        assert 0.8 < len(speech.samples) / 16_000 < 4
        assert abs(np.abs(speech.samples).max() - 0.7 * 32767) < 2
        if speech.ends is not None:
            assert len(speech.ends) == len(sentence.split())
            assert speech.ends == sorted(speech.ends)
        voices.add(speech.voice)
    assert {voice.split(":")[0] for voice in voices} == {name}


def test_a_store_without_a_weight_is_not_left_out_in_silence(recipe: Any, tmp_path: Path) -> None:
    rows, store = recipe("rows"), recipe("store")
    with store.StoreWriter(tmp_path / "parrot") as writer:
        writer.add(np.ones(16_000, np.int16), "hello", "parrot:polly")
    with pytest.raises(ValueError, match="parrot"):
        rows.Rows([store.Store(tmp_path / "parrot")], {"real": 1.0}, np.random.default_rng(0), tokens=96)


def test_the_best_path_marks_each_label_where_it_is_loudest(recipe: Any) -> None:
    align = recipe("align")
    heard = [0, 0, 3, 3, 0, 5, 0, 5, 0, 0]
    log_probs = torch.full((1, len(heard), 7), -5.0)
    log_probs[0, range(len(heard)), heard] = 0.0
    states, scores = align.viterbi(log_probs, [[3, 5, 5]], [len(heard)])
    assert states[0].tolist() == [0, 0, 1, 1, 2, 3, 4, 5, 6, 6]
    assert float(scores[0]) == 0.0


def test_a_finished_model_is_taught_more_and_grows(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthesize, train = recipe("synthesize"), recipe("train")
    export, align = recipe("export"), recipe("align")
    data, run, out = tmp_path / "data", tmp_path / "run", tmp_path / "model"
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("It was late. Nobody spoke for a while, but the rain went on.")

    def call(module: Any, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        module.main()

    call(synthesize, "--text", tmp_path / "text", "--out", data, "--hours", 0.03, "--only", "espeak")
    small = ("--batch", 1, "--tokens", 96, "--no-compile", "--watch-every", 10**6, "--log-every", 1, "--warmup", 1)
    learn = ("--data", data, "--run", run, "--minutes", 0.005, *small)
    call(train, *learn, "--stage", "ctc", "--start", FOLDER, "--heard", 464)
    call(align, "--data", data, "--run", run)
    steps = [json.loads(line)["step"] for line in (run / "curves.jsonl").read_text().splitlines()]
    call(train, *learn, "--stage", "joint", "--delays", "2-30")
    entries = [json.loads(line) for line in (run / "curves.jsonl").read_text().splitlines()]
    resumed = entries[len(steps) :]
    assert resumed[0]["step"] > steps[-1]
    assert all(entry["hours"] >= 464 for entry in entries)
    assert all(np.isfinite(entry["words"]) for entry in resumed if "words" in entry)

    call(export, "--run", run, "--out", out, "--weights", "master")
    taught, before = (checkpoint.load(folder, dtype=torch.float32) for folder in (out, FOLDER))
    assert taught.config == before.config
    assert (out / "tekken.json").read_bytes() == (FOLDER / "tekken.json").read_bytes()
    assert not torch.equal(taught.decoder.embedding.weight, before.decoder.embedding.weight)
    assert torch.allclose(taught.decoder.embedding.weight, before.decoder.embedding.weight, atol=0.1)

    grow, tekken, grown = recipe("grow"), recipe("tekken"), tmp_path / "grown"
    call(grow, "--run", run, "--data", data, "--out", grown, "--vocabulary", 1540, "--decoder-layers", 4)
    larger, average = checkpoint.load(grown, dtype=torch.float32), torch.load(run / "checkpoint.pt")["average"]
    assert (larger.config.decoder.vocab_size, larger.config.decoder.num_layers) == (1540, 4)
    assert torch.equal(larger.decoder.embedding.weight[:1536], average["model.decoder.embedding.weight"].bfloat16())
    pieces, old = tekken.Pieces(grown / "tekken.json"), tekken.Pieces(run / "tekken.json")
    assert pieces.pieces[: len(old.pieces)] == old.pieces
    words = {
        word
        for path in data.glob("*.jsonl")
        for line in path.read_text().splitlines()
        for word in json.loads(line)["text"].split()
    }
    assert {word: pieces.decode(pieces.encode_word(word)) for word in words} == {word: word for word in words}
    assert sum(len(pieces.encode_word(word)) for word in words) < sum(len(old.encode_word(word)) for word in words)
    learn = ("--data", data, "--run", grown, "--minutes", 0.005, *small)
    call(train, *learn, "--stage", "joint", "--delays", "2-30", "--start", grown / "start.pt")
    assert (grown / "checkpoint.pt").exists()
