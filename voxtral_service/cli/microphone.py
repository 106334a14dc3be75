"""The microphone, as blocks of samples for one worker thread to iterate over."""

from __future__ import annotations

import queue
import threading
from typing import Any, Self

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.resample import Resampler
from voxtral_service.errors import CallerError, InvalidOption

BLOCK = 0.08
"""Seconds: an engine's step."""
MOST_WAITING = 30.0
"""Seconds of sound that may wait for an engine or a server that is behind; more is dropped, and told of."""
_WAKE = 0.1
"""Seconds in which a wait for sound notices that it has been stopped."""


class Microphone:
    """Blocks of what is heard, until `stop`; opened at the first one."""

    live = True

    def __init__(self, name: str | None = None) -> None:
        """`name` is a part of a device's name, or its number. Raises CallerError when microphones cannot be used."""
        self._sounddevice = _sounddevice()
        self._name: str | int | None = int(name) if name and name.isdecimal() else name
        self._heard: queue.Queue[Samples] = queue.Queue(round(MOST_WAITING / BLOCK))
        self._stopped = threading.Event()
        self._stream: Any = None
        self._resampler = Resampler(SAMPLE_RATE)
        self._dropped = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost so far."""
        lost = f"{self._dropped * BLOCK:.1f} s of sound were lost, because they came faster than they were understood"
        return (lost,) if self._dropped else ()

    def open(self) -> None:
        """Start to listen; raises InvalidOption when there is no such microphone. Harmless when open."""
        if self._stream is not None:
            return
        try:
            rate = self._rate()
            self._resampler = Resampler(rate)
            self._stream = self._sounddevice.InputStream(
                samplerate=rate,
                blocksize=round(BLOCK * rate),
                device=self._name,
                channels=1,
                dtype="float32",
                callback=self._take,
            )
            self._stream.start()
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise InvalidOption(
                f"the microphone cannot be opened ({error}); `python -m sounddevice` lists those there are, "
                "--microphone NAME takes one of them",
                field="microphone",
            ) from error

    def stop(self) -> None:
        """Hear no more, from any thread or a signal's handler; what was heard before is still handed out."""
        self._stopped.set()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Samples:
        self.open()
        while True:
            # Asked before the queue is: a block that came in between is not taken for the end.
            stopped = self._stopped.is_set()
            try:
                return self._resampler.push(self._heard.get(timeout=0 if stopped else _WAKE))
            except queue.Empty:
                if stopped:
                    raise StopIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._stream is not None:
            self._stream.close()

    def _rate(self) -> int:
        """The engines' own rate where the device has it, else the device's."""
        try:
            self._sounddevice.check_input_settings(self._name, channels=1, dtype="float32", samplerate=SAMPLE_RATE)
        except self._sounddevice.PortAudioError:
            device = self._sounddevice.query_devices(self._name, "input")
            return int(device["default_samplerate"])
        return SAMPLE_RATE

    def _take(self, sound: Any, _frames: int, _time: object, _status: object) -> None:
        """Called by PortAudio's thread, which must not wait."""
        if self._stopped.is_set():
            return
        try:
            self._heard.put_nowait(np.array(sound[:, 0], np.float32))
        except queue.Full:
            self._dropped += 1


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise CallerError(
            "microphones need the package sounddevice: pip install 'voxtral-service[microphone]'; "
            "or listen to a recording with --file FILE"
        ) from error
    except OSError as error:  # the package is there, the library it binds is not
        raise CallerError(
            f"{error}; on Debian and Ubuntu: apt install libportaudio2; or listen to a recording with --file FILE"
        ) from error
    return sounddevice
