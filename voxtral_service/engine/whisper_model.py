"""Whisper through faster-whisper and CTranslate2: windows of sound in, timed words out, many at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.engine.agreement import HeardWord
from voxtral_service.errors import CheckpointError, EngineError, InvalidOption
from voxtral_service.events import Score, Token

WINDOW_SECONDS = 30.0
"""What the network hears at once; shorter windows are filled up."""
SHORTEST = 0.1
"""Seconds; in less nobody says anything, but the network would write something."""
TOO_REPETITIVE = 2.4
"""Text that zlib shrinks more than this is a loop the model fell into (Radford et al. 2022, section 4.5)."""
NO_SPEECH, UNLIKELY = 0.6, -1.0
"""Probability of no speech above, and mean logprob below, which a window counts as silent (the same section)."""
MOST_BEFORE = 223
"""Tokens before the transcript: half of Whisper's positions, less one, as in OpenAI's own program."""
NO_REPEAT = 3
"""Tokens: in a second try after a loop, no run of as many is written twice."""
LONGEST_WORD = 1.4
"""Seconds; what is longer begins with a pause, which the alignment counts to the word behind it."""
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be made of a window; windows with the same task are heard together.

    `language` None is to be told by ear, out of `languages` if there are any; `beams` counts only at temperature 0.
    """

    language: str | None = None
    translate: bool = False
    prompt: str = ""
    vocabulary: tuple[str, ...] = ()
    temperature: float = 0.0
    beams: int = 5
    vad: bool = True
    """Leave out long silences first; files come without them."""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What is said in a window; times in seconds from its first sample. The language is None if nobody spoke."""

    words: tuple[HeardWord, ...] = ()
    language: str | None = None
    score: Score | None = None


class WhisperModel:
    """A loaded Whisper. Not thread-safe: one engine's thread uses it."""

    def __init__(self, folder: Path, *, device: str, compute_type: str, threads: int, vad: bool = True) -> None:
        """`device` is cpu, cuda or cuda:N; `compute_type` one of CTranslate2's; `vad` leaves out long silences.

        Raises CheckpointError when the files do not fit together, InvalidOption when the device cannot compute in that
        type, EngineError when it has no room.
        """
        import faster_whisper

        kind, _, index = device.partition(":")
        try:
            self._model = faster_whisper.WhisperModel(
                str(folder),
                device=kind,
                device_index=int(index or 0),
                compute_type=compute_type,
                cpu_threads=threads,
                local_files_only=True,
            )
        except ValueError as error:
            raise InvalidOption(
                f"{device} cannot run Whisper in {compute_type}: {_line(error)}", field="dtype"
            ) from error
        except RuntimeError as error:
            if "memory" in str(error).lower():
                raise EngineError(f"{folder.name} does not fit into the memory of {device}: {_line(error)}") from error
            raise CheckpointError(f"{folder} holds no Whisper model that can be loaded: {_line(error)}") from error
        self._vad = vad

    def close(self) -> None:
        """Free the model's memory."""
        self._model.model.unload_model()

    def hear(self, windows: Sequence[Samples], task: Task) -> list[Heard]:
        """What is said in each window of at most 30 s, as if it were alone."""
        cuts = [self._without_silence(window) if task.vad else _Cut(window, None) for window in windows]
        spoken = [i for i, cut in enumerate(cuts) if len(cut.samples) >= SHORTEST * SAMPLE_RATE]
        heard = [Heard()] * len(windows)
        if spoken:
            for i, result in zip(spoken, self._hear([cuts[i].samples for i in spoken], task), strict=True):
                heard[i] = cuts[i].restored(result)
        return heard

    def _without_silence(self, samples: Samples) -> _Cut:
        """A window without silences of more than two seconds; empty if nobody speaks in it."""
        from faster_whisper.vad import SpeechTimestampsMap, collect_chunks, get_speech_timestamps

        if not self._vad or not len(samples):
            return _Cut(samples, None)
        speech = get_speech_timestamps(samples)
        kept = np.concatenate(collect_chunks(samples, speech)[0])
        return _Cut(kept, SpeechTimestampsMap(speech, SAMPLE_RATE) if speech else None)

    def _hear(self, windows: list[Samples], task: Task) -> list[Heard]:
        encoded = self._encode(windows)
        if task.language is not None or not self._model.model.is_multilingual:
            return self._write(windows, encoded, task, task.language or "en")
        languages = [_likeliest(found, task.languages) for found in self._model.model.detect_language(encoded)]
        if len(set(languages)) == 1:
            return self._write(windows, encoded, task, languages[0])
        heard: list[Heard] = [Heard()] * len(windows)
        for language in set(languages):
            mine = [i for i, other in enumerate(languages) if other == language]
            chosen = [windows[i] for i in mine]
            for i, result in zip(mine, self._write(chosen, self._encode(chosen), task, language), strict=True):
                heard[i] = result
        return heard

    def _encode(self, windows: list[Samples]) -> Any:
        from faster_whisper.audio import pad_or_trim

        features = (self._model.feature_extractor(window)[..., :-1] for window in windows)
        return self._model.encode(np.stack([pad_or_trim(mel) for mel in features]))

    def _write(self, windows: list[Samples], encoded: Any, task: Task, language: str) -> list[Heard]:
        from faster_whisper.tokenizer import Tokenizer

        model = self._model
        multilingual = model.model.is_multilingual
        tokenizer = Tokenizer(
            model.hf_tokenizer, multilingual, "translate" if task.translate else "transcribe", language
        )
        written = self._generate(encoded, len(windows), tokenizer, task)
        for i, text in enumerate(written):
            if not task.temperature and text.is_loop(tokenizer):
                [written[i]] = self._generate(self._encode([windows[i]]), 1, tokenizer, task, no_repeat=NO_REPEAT)
        frames = [math.ceil(len(window) / model.feature_extractor.hop_length) for window in windows]
        aligned = model.model.align(encoded, tokenizer.sot_sequence, [text.tokens for text in written], frames)
        return [
            Heard(_words(tokenizer, text.tokens, alignment, len(window) / SAMPLE_RATE), language, text.score)
            for window, text, alignment in zip(windows, written, aligned, strict=True)
        ]

    def _generate(self, encoded: Any, count: int, tokenizer: Any, task: Task, no_repeat: int = 0) -> list[_Written]:
        model = self._model
        prompt = [*_before(tokenizer, task), *tokenizer.sot_sequence, tokenizer.no_timestamps]
        results = model.model.generate(
            encoded,
            [prompt] * count,
            beam_size=1 if task.temperature else task.beams,
            sampling_topk=0 if task.temperature else 1,
            sampling_temperature=task.temperature,
            no_repeat_ngram_size=no_repeat,
            max_length=model.max_length,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return [_Written.of(result, tokenizer, task.temperature) for result in results]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A window without its silences, and the way back to its own clock."""

    samples: Samples
    clock: Any

    def restored(self, heard: Heard) -> Heard:
        if self.clock is None:
            return heard
        words: list[HeardWord] = []
        for word in heard.words:
            chunk = self.clock.get_chunk_index((word.start + word.end) / 2)
            start, end = (self.clock.get_original_time(time, chunk) for time in (word.start, word.end))
            words.append(HeardWord(word.text, start, end, word.tokens))
        return Heard(tuple(words), heard.language, heard.score)


@dataclass(frozen=True, slots=True)
class _Written:
    """A window's text tokens, and how sure the model is of them."""

    tokens: list[int]
    score: Score

    @classmethod
    def of(cls, result: Any, tokenizer: Any, temperature: float) -> _Written:
        """CTranslate2's score is the mean over the tokens without the end of the text, which the sum includes."""
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        length = len(result.sequences_ids[0])
        mean = result.scores[0] * length / (length + 1)
        silent = result.no_speech_prob > NO_SPEECH and mean < UNLIKELY
        return cls([] if silent else tokens, Score(mean, result.no_speech_prob, temperature))

    def is_loop(self, tokenizer: Any) -> bool:
        from faster_whisper.transcribe import get_compression_ratio

        return bool(self.tokens and get_compression_ratio(tokenizer.decode(self.tokens).strip()) > TOO_REPETITIVE)


def _likeliest(found: list[tuple[str, float]], candidates: tuple[str, ...]) -> str:
    """The language of the highest probability; `found` are all of the model's, as tokens, the likeliest first."""
    codes = [token[2:-2] for token, _ in found]
    return next((code for code in codes if not candidates or code in candidates), codes[0])


def _before(tokenizer: Any, task: Task) -> list[int]:
    """What the model is told came before: words that are likely, then text, whose end matters most.

    As faster-whisper lays it out, but never more than there are positions for: its own bounds add up to too many.
    """
    vocabulary = tokenizer.encode(" " + ", ".join(task.vocabulary)) if task.vocabulary else []
    vocabulary = vocabulary[: MOST_BEFORE // 2]
    text = tokenizer.encode(f" {task.prompt.strip()}") if task.prompt.strip() else []
    text = text[-(MOST_BEFORE - len(vocabulary)) :]
    return [tokenizer.sot_prev, *vocabulary, *text] if vocabulary or text else []


def _words(tokenizer: Any, tokens: list[int], alignment: Any, duration: float) -> tuple[HeardWord, ...]:
    """Words from where the cross-attention jumps to their first tokens (dynamic time warping by CTranslate2)."""
    from faster_whisper.transcribe import merge_punctuations

    if not tokens:
        return ()
    texts, groups = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    texts, groups = texts[:-1], groups[:-1]
    at = np.array(alignment.alignments)
    jumps = at[np.diff(at[:, 0], prepend=-1) > 0, 1] / 50  # frames of 20 ms, one for each token and the end
    bounds = np.cumsum([0, *map(len, groups)])
    timed: list[dict[str, Any]] = []
    for text, group, first, last in zip(texts, groups, bounds[:-1], bounds[1:], strict=True):
        said = [
            Token(token, tokenizer.decode([token]), math.log(max(probability, 1e-10)))
            for token, probability in zip(group, alignment.text_token_probs[first:last], strict=True)
        ]
        timed.append({"word": text, "tokens": said, "start": float(jumps[first]), "end": float(jumps[last])})
    merge_punctuations(timed, _PREPENDED, _APPENDED)
    words: list[HeardWord] = []
    for word in timed:
        end = min(word["end"], duration)
        start = max(min(word["start"], end), end - LONGEST_WORD)
        if word["word"].strip():
            words.append(HeardWord(word["word"], start, end, tuple(word["tokens"])))
    return tuple(words)


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
