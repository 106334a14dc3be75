"""Speech synthesizers behind one call: `speak(sentence) -> Speech` with 16 kHz samples and, where known, word ends.

    eSpeak NG   formant synthesis, many accents and voice variants, word events     (pip: espeakng-loader)
    Flite       statistical and diphone voices of real speakers, segment times      (libflite, its CMU voices)
    Festival    diphone and HMM voices, no times                                    (festival, festvox-*)
    Pico        small parametric voices, no times                                   (pip: py-nanotts)
    Hibari      small neural voice, no times                                        (pip: hibari-tts)
    Kokoro      neural voices and mixtures of them, no times                        (pip: kokoro-onnx and its files)
    Piper       neural voices, no times                                             (pip: piper-tts and a voice)

Every engine is optional and imported when its class is made. The C libraries keep global state, so an engine belongs
to one process. Times are refined by energy (`trim_ends`), because engines count a pause as part of the word before it.
"""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import soxr

from voxtral_service.assistant import kokoro_model

SAMPLE_RATE = 16_000
Samples = npt.NDArray[np.int16]


@dataclass
class Speech:
    """`samples` at 16 kHz; `ends[i]` is when word i ended in seconds, or None where the engine does not say."""

    samples: Samples
    ends: list[float] | None
    voice: str


class Engine(Protocol):
    """One synthesizer with one family of voices."""

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak with a voice, rate and pitch drawn from `rng`; None where the engine failed on this sentence."""


def to_16k(samples: npt.NDArray[Any], rate: int) -> Samples:
    """Resample to 16 kHz and scale the peak to 0.7 of full scale."""
    x = samples.astype(np.float32)
    x = soxr.resample(x, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else x
    return (x * (0.7 * 32767 / max(float(np.abs(x).max(initial=0)), 1e-3))).astype(np.int16)


def trim_ends(samples: Samples, ends: list[float]) -> list[float]:
    """Move each word end back over the silence (below -40 dB of the peak) that follows the word."""
    frame = SAMPLE_RATE // 100
    count = len(samples) // frame
    level = np.abs(samples[: count * frame].reshape(count, frame).astype(np.int32)).max(axis=1, initial=0)
    loud = np.flatnonzero(level > 0.01 * level.max(initial=1))
    trimmed, before = [], 0
    for end in ends:
        index = int(np.searchsorted(loud, end * 100, side="left"))
        last = loud[index - 1] + 1 if index else 0
        before = max(before + 1, min(int(last), count))
        trimmed.append(round(before / 100, 2))
    return trimmed


# ------------------------------------------------------------------------------------------------- eSpeak NG


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_ms", ctypes.c_int), ("sample", ctypes.c_int), ("user_data", ctypes.c_void_p), ("id", _EventId),
    ]  # fmt: skip


_ESPEAK_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_SYNCHRONOUS, _WORD_EVENT, _UTF8, _RATE, _PITCH, _RANGE = 2, 1, 1, 1, 3, 4


def _with_invented(data: Path, count: int) -> Path:
    """Return a copy of eSpeak's data with `count` more variants, `x0` and up: vocal tracts that nobody has yet.

    The ranges are about those of the variants that come with it (docs/voices.md of eSpeak NG says what a line means).
    """
    rng, copy = random.Random("variants"), Path(tempfile.mkdtemp(prefix="espeak-")) / data.name
    shutil.copytree(data, copy)
    for i in range(count):
        pitch, tract = rng.uniform(70, 240), rng.uniform(0.84, 1.2)
        lines = ["language variant", f"name x{i}", f"pitch {pitch:.0f} {pitch * rng.uniform(1.2, 1.8):.0f}"]
        for k in range(9):
            frequency = 100 * tract * rng.uniform(0.93, 1.07)
            lines.append(f"formant {k} {frequency:.0f} {rng.uniform(65, 150):.0f} {rng.uniform(70, 190):.0f}")
        lines += [f"roughness {rng.randint(0, 5)}", f"voicing {rng.randint(50, 140)}"]
        lines += [f"consonants {rng.randint(60, 140)} {rng.randint(60, 140)}"]
        if rng.random() < 0.4:
            lines.append("breath " + " ".join(str(rng.randint(0, 4)) for _ in range(8)))
        if rng.random() < 0.3:
            lines.append(f"klatt {rng.randint(1, 5)}")
        (copy / "voices" / "!v" / f"x{i}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return copy


class Espeak:
    """eSpeak NG through ctypes; `accents` are language names, `variants` files of its `!v` folder.

    `invented` adds that many variants with random vocal tracts.
    """

    def __init__(self, accents: list[str], variants: list[str], invented: int = 0) -> None:
        import espeakng_loader

        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        data = Path(espeakng_loader.get_data_path())
        data = _with_invented(data, invented) if invented else data
        variants = [*variants, *(f"x{i}" for i in range(invented))]
        self.rate = self._lib.espeak_Initialize(_SYNCHRONOUS, 200, str(data).encode(), 0x8000)
        if self.rate <= 0:
            raise RuntimeError(f"espeak_Initialize returned {self.rate}")
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._chunks: list[Samples] = []
        self._starts: dict[int, int] = {}
        self._callback = _ESPEAK_CALLBACK(self._on_audio)  # kept alive: C holds a bare pointer to it
        self.accents, self.variants = accents, variants

    def _on_audio(self, wav: Any, count: int, events: Any) -> int:
        i = 0
        while events and events[i].type != 0:
            if events[i].type == _WORD_EVENT:
                self._starts[events[i].text_position - 1] = events[i].audio_ms
            i += 1
        if wav and count > 0:
            self._chunks.append(np.ctypeslib.as_array(wav, (count,)).copy())
        return 0

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak with a random accent, variant, rate, pitch and pitch range."""
        voice = rng.choice(self.accents) + "+" + rng.choice(self.variants)
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"no eSpeak voice {voice!r}")
        for parameter, value in (
            (_RATE, rng.randint(120, 230)),
            (_PITCH, rng.randint(25, 75)),
            (_RANGE, rng.randint(25, 75)),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._lib.espeak_SetSynthCallback(self._callback)  # each time: the library has one, whoever set it last
        self._chunks, self._starts = [], {}
        data = sentence.encode() + b"\0"
        if (
            self._lib.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, _UTF8, None, None) != 0
            or not self._chunks
        ):
            return None
        samples = to_16k(np.concatenate(self._chunks), self.rate)
        return Speech(samples, self._ends(sentence, samples), f"espeak:{voice}")

    def _ends(self, sentence: str, samples: Samples) -> list[float]:
        """Word ends from word starts; a word whose event is missing or merged gets its share by letters."""
        seconds = len(samples) / SAMPLE_RATE
        positions = [i for i, c in enumerate(sentence) if c != " " and (i == 0 or sentence[i - 1] == " ")]
        known_at = [p for p in positions if p in self._starts] + [len(sentence)]
        known = [self._starts[p] / 1000 for p in known_at[:-1]] + [seconds]
        starts = np.interp([*positions[1:], len(sentence)], known_at, known)
        return trim_ends(samples, [float(s) for s in starts])

    def phonemes(self, word: str, voice: str = "en-us") -> list[str]:
        """Return the phonemes of a word (IPA without stress marks), for the auxiliary loss."""
        self._lib.espeak_SetVoiceByName(voice.encode())
        pointer = ctypes.c_char_p(word.encode())
        text = self._lib.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, (ord("_") << 8) | 2) or b""
        symbols = text.decode().replace("ˈ", "").replace("ˌ", "").replace("ː", "").replace(" ", "_").split("_")
        return [s for s in symbols if s]


# ----------------------------------------------------------------------------------------------------- Flite

_LAST_SEGMENT_END = "daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"


class _FliteWave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p), ("sample_rate", ctypes.c_int), ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short)),
    ]  # fmt: skip


class _FliteVoice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class Flite:
    """Flite's compiled-in CMU voices through ctypes (`awb`, `kal16`, `rms`, `slt`)."""

    def __init__(self, voices: list[str]) -> None:
        for name in ("libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        self._lib = ctypes.CDLL("libflite.so.1")
        self._lib.flite_init()
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for function, result, arguments in (
            ("flite_synth_text", pointer, [text, pointer]),
            ("utt_wave", ctypes.POINTER(_FliteWave), [pointer]),
            ("utt_relation", pointer, [pointer, text]),
            ("relation_head", pointer, [pointer]),
            ("item_next", pointer, [pointer]),
            ("ffeature_float", ctypes.c_float, [pointer, text]),
            ("delete_utterance", None, [pointer]),
            ("flite_feat_set_float", None, [pointer, text, ctypes.c_float]),
        ):
            getattr(self._lib, function).restype = result
            getattr(self._lib, function).argtypes = arguments
        self._voices = {}
        for name in voices:
            register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
            register.restype = ctypes.POINTER(_FliteVoice)
            register.argtypes = [text]
            self._voices[name] = register(None)

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak with a random voice, duration and (diphone voice) pitch."""
        name = rng.choice(list(self._voices))
        voice, lib = self._voices[name], self._lib
        lib.flite_feat_set_float(voice.contents.features, b"duration_stretch", rng.uniform(0.75, 1.25))
        if name.startswith("kal"):
            lib.flite_feat_set_float(voice.contents.features, b"int_f0_target_mean", rng.uniform(80, 180))
        utterance = lib.flite_synth_text(sentence.encode(), ctypes.cast(voice, ctypes.c_void_p))
        if not utterance:
            return None
        wav = lib.utt_wave(utterance).contents
        samples = to_16k(np.ctypeslib.as_array(wav.samples, (wav.num_samples,)), wav.sample_rate)
        ends = []
        item = lib.relation_head(lib.utt_relation(utterance, b"Token"))
        while item:
            ends.append(lib.ffeature_float(item, _LAST_SEGMENT_END.encode()))
            item = lib.item_next(item)
        lib.delete_utterance(utterance)
        if len(ends) != len(sentence.split()):
            return None
        return Speech(samples, trim_ends(samples, ends), f"flite:{name}")


# -------------------------------------------------------------------------------------------------- Festival

_FESTIVAL_PROGRAM = """
(define (say_to_file voice stretch text file)
  (eval (list voice))
  (Parameter.set 'Duration_Stretch stretch)
  (utt.save.wave (utt.synth (eval (list 'Utterance 'Text text))) file 'riff)
  (format t "DONE\\n")
  (fflush nil))
"""


class Festival:
    """A Festival process that is fed Scheme, one sentence at a time; no word times."""

    def __init__(self, voices: list[str]) -> None:
        self.voices = voices
        self._process = subprocess.Popen(
            ["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._file = Path(tempfile.mkdtemp()) / "speech.wav"
        self._send(_FESTIVAL_PROGRAM)

    def _send(self, scheme: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(scheme + "\n")
        self._process.stdin.flush()

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak with a random voice and duration."""
        assert self._process.stdout is not None
        voice = rng.choice(self.voices)
        text = sentence.replace('"', "")
        self._send(f'(say_to_file \'voice_{voice} {rng.uniform(0.8, 1.2):.2f} "{text}" "{self._file}")')
        if self._process.stdout.readline().strip() != "DONE":
            raise RuntimeError("festival ended")
        with wave.open(str(self._file)) as wav:
            samples = to_16k(np.frombuffer(wav.readframes(wav.getnframes()), np.int16), wav.getframerate())
        return Speech(samples, None, f"festival:{voice}")


# ------------------------------------------------------------------------------------------------------ Pico


class Pico:
    """SVOX Pico through `py-nanotts`, which brings the voices of a few languages; no word times."""

    def __init__(self, language: str) -> None:
        from py_nanotts import NanoTTS, Voice

        self._synthesizer = NanoTTS()
        self.voices = sorted(voice.value for voice in Voice if voice.value.startswith(f"{language}-"))
        if not self.voices:
            raise OSError(f"no Pico voice speaks {language}")

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak with a random voice, speed and pitch."""
        voice, speed, pitch = rng.choice(self.voices), rng.uniform(0.75, 1.3), rng.uniform(0.75, 1.25)
        pcm = self._synthesizer.speak(sentence, voice=voice, speed=speed, pitch=pitch)
        samples = np.frombuffer(pcm, np.int16)
        return Speech(to_16k(samples, SAMPLE_RATE), None, f"pico:{voice}") if samples.any() else None


# --------------------------------------------------------------------------------------------- neural voices


class Hibari:
    """The American voice bundled with `hibari-tts` (Apache-2.0, distilled from Kokoro-82M); no word times."""

    def __init__(self) -> None:
        from hibari import Hibari as Model

        self._model = Model(threads=1)

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak at a random speed."""
        audio = self._model(sentence, speed=rng.uniform(0.75, 1.35), seed=rng.randint(0, 1 << 30))
        return Speech(to_16k(audio, 24_000), None, "hibari:heart")


class Kokoro:
    """Kokoro-82M from a folder with `kokoro*.onnx` and `voices*.bin`, by `kokoro-onnx`; no word times.

    Its voices are vectors, and what lies between two of them is a voice as well: half of the sentences are spoken by
    such a mixture. Voices of other languages lend their sound to English; one in five voices is such a one.
    """

    def __init__(self, folder: Path | None) -> None:
        model, styles = kokoro_model.files(folder) if folder else (None, None)
        if model is None or styles is None:
            raise OSError(f"Kokoro needs a folder with kokoro*.onnx and voices*.bin, not {folder}")
        self._model = kokoro_model.load(model, styles)
        voices: list[str] = self._model.get_voices()
        self._english, self._other = ([v for v in voices if (v[0] in "ab") == here] for here in (True, False))

    def _draw(self, rng: random.Random) -> str:
        return rng.choice(self._other if self._other and rng.random() < 0.2 else self._english)

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak with a random voice or mixture at a random speed."""
        first, second, share = self._draw(rng), self._draw(rng), rng.uniform(0.25, 0.75)
        style, name = self._model.get_voice_style(first), first
        if rng.random() < 0.5 and second != first:
            style = (share * style + (1 - share) * self._model.get_voice_style(second)).astype(np.float32)
            name = f"{first}+{second}"
        language = "en-gb" if first.startswith("b") else "en-us"
        audio, rate = self._model.create(sentence, style, speed=rng.uniform(0.8, 1.45), lang=language)
        return Speech(to_16k(audio, rate), None, f"kokoro:{name}") if audio.any() else None


class Piper:
    """A Piper voice file; no word times."""

    def __init__(self, voice: Path) -> None:
        from piper import PiperVoice, SynthesisConfig

        self._voice = PiperVoice.load(voice)
        self._config = SynthesisConfig
        self.name = voice.stem

    def speak(self, sentence: str, rng: random.Random) -> Speech | None:
        """Speak at a random rate, with random variability."""
        config = self._config(
            length_scale=rng.uniform(0.75, 1.3), noise_scale=rng.uniform(0.4, 0.9), noise_w_scale=rng.uniform(0.5, 1.0)
        )
        chunks = list(self._voice.synthesize(sentence, config))
        if not chunks:
            return None
        audio = np.concatenate([chunk.audio_int16_array for chunk in chunks])
        return Speech(to_16k(audio, chunks[0].sample_rate), None, f"piper:{self.name}")
