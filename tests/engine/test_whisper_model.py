"""Windows through a real, if tiny, Whisper: languages, prompts, silence, loops, damaged files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests import tiny, tiny_whisper
from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine import loading
from voxtral_service.engine.abilities import capabilities
from voxtral_service.engine.base import StreamOptions, transcribe
from voxtral_service.engine.kinds import Kind
from voxtral_service.engine.registry import Origin, Registry, examine
from voxtral_service.engine.whisper_model import Heard, Task, WhisperModel
from voxtral_service.errors import CheckpointError, InvalidOption

CPU = torch.device("cpu")
SPEECH = Path(__file__).parents[2] / "models" / "wren-en" / "sample.wav"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper.write_whisper(tmp_path_factory.mktemp("whisper") / "tiny")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper.write_whisper(tmp_path_factory.mktemp("whisper") / "tiny.en", multilingual=False)


def load(folder: Path, *, vad: bool = False) -> WhisperModel:
    return WhisperModel(folder, device="cpu", compute_type="int8", threads=1, vad=vad)


@pytest.fixture(scope="module")
def model(folder: Path) -> WhisperModel:
    return load(folder)


def text_of(heard: Heard) -> str:
    return "".join(word.text for word in heard.words)


def with_steps(seconds: int) -> Samples:
    """A sound that is another one in every half second, and constant within."""
    t = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    rng = np.random.default_rng(5)
    tones = np.concatenate([np.sin(2 * np.pi * t * pitch) for pitch in rng.uniform(200, 6000, 2 * seconds)])
    noisy: Samples = (0.3 * tones + 0.003 * rng.standard_normal(len(tones))).astype(np.float32)
    return noisy


def test_words_are_where_the_sound_was(model: WhisperModel) -> None:
    [heard] = model.hear([with_steps(8)], Task("en"))
    assert len(heard.words) == 16
    for i, word in enumerate(heard.words):
        assert word.start == pytest.approx(i / 2, abs=0.2)
        assert word.end == pytest.approx(i / 2 + 0.5, abs=0.25)
        assert "".join(token.text for token in word.tokens) == word.text


def test_each_window_has_a_language_of_its_own(model: WhisperModel) -> None:
    windows = [tiny.sound(3, seed) for seed in range(6)]
    alone = [model.hear([window], Task())[0] for window in windows]
    assert len({heard.language for heard in alone}) > 1
    assert [(text_of(h), h.language) for h in model.hear(windows, Task())] == [(text_of(h), h.language) for h in alone]
    told = model.hear(windows, Task("fr"))
    assert {heard.language for heard in told} == {"fr"}
    among = model.hear(windows, Task(languages=("fr", "it")))
    assert {heard.language for heard in among} <= {"fr", "it"}
    assert all(a.language == b.language for a, b in zip(alone, among, strict=True) if a.language in ("fr", "it"))


def test_a_batch_is_written_as_the_library_writes_it(model: WhisperModel, folder: Path) -> None:
    import faster_whisper

    clips = [tiny.sound(6, seed) for seed in range(4)]
    library = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    segments, _ = faster_whisper.BatchedInferencePipeline(library).transcribe(
        np.concatenate(clips),
        language="en",
        beam_size=5,
        clip_timestamps=[{"start": 6.0 * i, "end": 6.0 * (i + 1)} for i in range(4)],
    )
    expected = [(segment.text, segment.avg_logprob, segment.no_speech_prob) for segment in segments]
    for heard, (text, avg_logprob, no_speech_prob) in zip(model.hear(clips, Task("en")), expected, strict=True):
        assert text_of(heard) == text
        assert heard.score is not None
        assert heard.score.avg_logprob == pytest.approx(avg_logprob)
        assert heard.score.no_speech_prob == no_speech_prob


def test_prompt_and_vocabulary_are_heard_before_the_sound(model: WhisperModel) -> None:
    sound: list[Samples] = [tiny.sound(5, 1)]
    plain, prompted, biased = (
        text_of(model.hear(sound, task)[0])
        for task in (Task("en"), Task("en", prompt="one two"), Task("en", vocabulary=("Wren", "Voxtral")))
    )
    assert len({plain, prompted, biased}) == 3
    [heard] = model.hear(sound, Task("en", prompt="far too long a story " * 200, vocabulary=("word",) * 400))
    assert heard.language == "en"


def test_warmer_text_varies_and_its_score_says_so(model: WhisperModel) -> None:
    sound: list[Samples] = [tiny.sound(10, 1)]
    texts = {text_of(model.hear(sound, Task("en", temperature=1.0))[0]) for _ in range(4)}
    assert len(texts) > 1
    [heard] = model.hear(sound, Task("en", temperature=0.5))
    assert heard.score is not None
    assert heard.score.temperature == 0.5


def test_silence_is_left_out_and_times_are_those_of_the_window(folder: Path) -> None:
    samples, rate = soundfile.read(SPEECH, dtype="float32")
    assert rate == SAMPLE_RATE
    model = load(folder, vad=True)
    silence = np.zeros(6 * SAMPLE_RATE, np.float32)
    assert model.hear([silence, np.zeros(0, np.float32)], Task("en")) == [Heard(), Heard()]
    speech = samples[: 6 * SAMPLE_RATE]
    [heard] = model.hear([np.concatenate((silence, speech, silence, speech))], Task("en"))
    middles = [(word.start + word.end) / 2 for word in heard.words]
    assert middles
    assert all(5.4 < time < 12.6 or 17.4 < time <= 24 for time in middles)
    assert middles == sorted(middles)


def test_a_loop_is_broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(folder)
    t = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    constant: Samples = (np.sin(2 * np.pi * 700 * t) / 3).astype(np.float32)
    broken = text_of(model.hear([constant], Task("en"))[0]).split()
    monkeypatch.setattr("voxtral_service.engine.whisper_model.TOO_REPETITIVE", 1e9)
    looping = text_of(model.hear([constant], Task("en"))[0]).split()
    assert len(set(looping)) <= 2
    assert len(set(broken)) > 2


def test_an_english_only_model_knows_only_english(english: Path) -> None:
    model = examine(english, "tiny.en", Origin.FOLDER)
    able = capabilities(model)
    assert (able.languages, able.translates, able.detects_language) == (("en",), False, False)
    [heard] = load(english).hear([tiny.sound(3)], Task())
    assert heard.language == "en"
    assert heard.words


# -- as a model of this machine


def test_a_whisper_folder_says_what_it_holds(folder: Path) -> None:
    model = examine(folder, "tiny", Origin.FOLDER)
    assert (model.kind, model.delay_ms, model.languages) == (Kind.WHISPER, None, tiny_whisper.LANGUAGES)
    assert model.size == (folder / "model.bin").stat().st_size
    assert model.parameters == pytest.approx(model.size / 4, rel=0.01)  # float32
    assert capabilities(model).translates
    assert loading.need(model, device=CPU) < loading.need(model, device=CPU, dtype="float32")
    (renamed := folder.with_name("known")).exists() or shutil.copytree(folder, renamed)
    turbo = examine(renamed, "whisper-large-v3-turbo", Origin.FOLDER)
    assert not capabilities(turbo).translates


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_files_that_are_missing_are_named(folder: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=f"lacks {name}; fetch it again"):
        examine(copy, "x", Origin.FOLDER)


def test_a_model_that_was_cut_short_is_found_out_before_it_is_loaded(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    content = (copy / "model.bin").read_bytes()
    for broken in (content[:-100_000], content[:30], b"", b"\x07" + content[1:], b"x" * 1000):
        (copy / "model.bin").write_bytes(broken)
        with pytest.raises(CheckpointError, match=r"model\.bin is damaged or no CTranslate2 file"):
            examine(copy, "x", Origin.FOLDER)


def test_vocabularies_are_read_in_both_forms(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    tokens: list[str] = json.loads((copy / "vocabulary.json").read_text("utf-8"))
    (copy / "vocabulary.json").unlink()
    (copy / "vocabulary.txt").write_text("\n".join(tokens), "utf-8")
    assert examine(copy, "x", Origin.FOLDER).languages == tiny_whisper.LANGUAGES
    (copy / "vocabulary.txt").unlink()
    with pytest.raises(CheckpointError, match="no vocabulary that can be read"):
        examine(copy, "x", Origin.FOLDER)


def test_what_cannot_be_loaded_says_why(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    with pytest.raises(InvalidOption, match="cpu cannot run Whisper in float8"):
        WhisperModel(copy, device="cpu", compute_type="float8", threads=1)
    (copy / "model.bin").write_bytes((copy / "model.bin").read_bytes()[:-100_000])
    with pytest.raises(CheckpointError, match="holds no Whisper model that can be loaded"):
        load(copy)


async def test_a_whisper_model_becomes_an_engine(folder: Path) -> None:
    registry = Registry(folder.parent, folder / "none", folder / "none")
    engine = loading.load(registry.find("tiny"), device=CPU, slots=2)
    samples, _ = soundfile.read(SPEECH, dtype="float32")
    try:
        heard = await transcribe(engine, [samples], StreamOptions(bulk=True))
    finally:
        engine.close()
    assert heard.text
    assert heard.language in tiny_whisper.LANGUAGES
