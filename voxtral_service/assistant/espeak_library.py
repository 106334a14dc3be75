"""eSpeak NG's C library through ctypes. It is one per process and does one thing at a time.

Names and numbers are those of its header, `speak_lib.h` of version 1.52.
"""

from __future__ import annotations

import ctypes
import importlib
import re
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from voxtral_service.errors import EngineError, InvalidOption

INSTALL = "pip install 'voxtral-service[speech]'"
MISSING = f"speech needs eSpeak NG: {INSTALL}; or name a server that speaks with speech_url"
NORMAL_RATE = 175
"""Words a minute at speed 1, the library's own."""
BUFFER_MS = 40
"""Sound that the library makes before it hands it over."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8, _ENDPAUSE = 1, 0x1000
_RATE = 1
_EVENT_LIST_TERMINATED, _EVENT_WORD = 0, 1
_OK = 0
_FEMALE = 2


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # a priority in the first byte, then the name
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class InstalledVoice(NamedTuple):
    """`name` is a BCP 47 tag in lower case, or the name of a variant; `title` is for people; `file` is what `speak`
    takes, for a voice with a variant behind a plus sign.
    """

    name: str
    title: str
    file: str
    female: bool


class Piece(NamedTuple):
    """The next samples, shape (n,), and the words that begin: (character of the text, sample of the sound)."""

    samples: npt.NDArray[np.int16]
    words: list[tuple[int, int]]


class EspeakLibrary:
    """The loaded library. Every method may be called from any thread and waits for its turn."""

    def __init__(self) -> None:
        """Raises InvalidOption where the wheel is not installed, EngineError where the library does not start."""
        try:
            wheel: Any = importlib.import_module("espeakng_loader")
        except ImportError as error:
            raise InvalidOption(MISSING, field="model") from error
        self._turn = threading.Lock()
        try:
            self._library = ctypes.CDLL(wheel.get_library_path())
        except OSError as error:
            raise EngineError(f"eSpeak NG cannot be loaded ({error}); install it again: {INSTALL}") from error
        data = wheel.get_data_path()
        self._data = Path(data)
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, data.encode(), _INITIALIZE_DONT_EXIT
        )
        """Hz."""
        if self.sample_rate <= 0:
            raise EngineError(f"eSpeak NG does not find its data in {data} (a long path may be why)")
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))

    def voices(self) -> list[InstalledVoice]:
        """One voice for each language."""
        with self._turn:
            found = self._listed(None, lambda voice: ctypes.string_at(voice.languages + 1).decode("utf-8").lower())
        # The wheel lists some languages whose dictionaries it leaves out.
        return [voice for voice in found if (self._data / f"{self._dictionary(voice)}_dict").exists()]

    def variants(self) -> list[InstalledVoice]:
        """What may be added to a voice's name behind a plus sign."""
        wanted = ctypes.create_string_buffer(b"variant")
        spec = _Voice(languages=ctypes.cast(wanted, ctypes.c_void_p))
        with self._turn:
            return self._listed(ctypes.byref(spec), lambda voice: voice.identifier.decode("utf-8").removeprefix("!v/"))

    def speak(self, text: str, voice: str, speed: float, take: Callable[[Piece], bool]) -> None:
        """Speak a text, handing over each piece as it is made; stops when `take` returns False.

        Speeds below 0.46 sound like 0.46. Raises InvalidOption for a voice that there is not, EngineError when the
        library fails, and what `take` raises.
        """
        raised: list[BaseException] = []

        def on_audio(wave: Any, count: int, events: Any) -> int:
            words, i = [], 0
            while events and events[i].type != _EVENT_LIST_TERMINATED:
                if events[i].type == _EVENT_WORD:
                    words.append((events[i].text_position - 1, events[i].sample))
                i += 1
            samples = np.ctypeslib.as_array(wave, (count,)).copy() if wave and count else np.zeros(0, np.int16)
            try:
                return 0 if take(Piece(samples, words)) else 1
            except BaseException as error:  # noqa: BLE001 - C cannot pass it on; it is raised below
                raised.append(error)
                return 1

        # The library reads up to a NUL, and lone surrogates have no UTF-8; one character stays one.
        data = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
        callback = _Callback(on_audio)
        with self._turn:
            self._library.espeak_SetSynthCallback(callback)
            if self._library.espeak_SetVoiceByName(voice.encode("utf-8", "replace")) != _OK:
                raise InvalidOption(f"there is no voice {voice[:80]!r}", field="voice")
            self._library.espeak_SetParameter(_RATE, round(NORMAL_RATE * speed), 0)
            status = self._library.espeak_Synth(
                data, ctypes.c_size_t(len(data)), 0, _POS_CHARACTER, 0, _CHARS_UTF8 | _ENDPAUSE, None, None
            )
        if raised:
            raise raised[0]
        if status != _OK:
            raise EngineError(f"eSpeak NG failed with status {status}")

    def _dictionary(self, voice: InstalledVoice) -> str:
        """Which one a voice reads: its file says so, or its language does."""
        text = (self._data / "lang" / voice.file).read_text("utf-8", "replace")
        said = re.search(r"^dictionary\s+(\S+)", text, re.MULTILINE)
        return said[1] if said else voice.name.partition("-")[0]

    def _listed(self, spec: Any, name: Callable[[_Voice], str]) -> list[InstalledVoice]:
        found = self._library.espeak_ListVoices(spec)
        listed: dict[str, InstalledVoice] = {}
        i = 0
        while found[i]:
            voice = found[i].contents
            key = name(voice)
            file = voice.identifier.decode("utf-8").removeprefix("!v/")
            listed.setdefault(key, InstalledVoice(key, voice.name.decode("utf-8"), file, voice.gender == _FEMALE))
            i += 1
        return list(listed.values())


@cache
def library() -> EspeakLibrary:
    """The process's library. Raises what `EspeakLibrary` raises."""
    return EspeakLibrary()
