"""The sound of answers on its way to a loudspeaker or into a file, and how much of each has been played."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from voxtral_service.audio.encode import SoundFormat, encoder
from voxtral_service.errors import CallerError
from voxtral_service.events import ResponseAudio

RATES = (24_000, 48_000, 16_000)
"""Hz that answers can come in, the best first."""
SUFFIXES = {"ogg": "opus"}
Pcm = npt.NDArray[np.int16]


class Speaker(Protocol):
    """Takes sound as it comes: 16-bit PCM at `sample_rate` Hz."""

    sample_rate: int

    @property
    def playing(self) -> bool:
        """Whether there is sound left that somebody will hear."""
        ...

    def play(self, sound: ResponseAudio) -> None:
        """Play it behind what came before."""
        ...

    def stop(self) -> dict[int, float]:
        """Drop what has not been played: of which responses, and how many seconds of each were."""
        ...

    async def played(self) -> None:
        """Wait until everything has been heard."""
        ...

    def close(self) -> None:
        """Let the device or the file go."""
        ...


class Loudspeaker:
    """The system's loudspeaker, through PortAudio."""

    def __init__(self) -> None:
        """Raises CallerError where there is none, or nothing that reaches it."""
        self._sounddevice = _sounddevice()
        self.sample_rate = self._rate()
        self._waiting: deque[tuple[int, Pcm]] = deque()
        self._heard: dict[int, int] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._silent = asyncio.Event()
        self._silent.set()
        self._stream: Any = self._open()

    @property
    def playing(self) -> bool:
        """See `Speaker`."""
        return bool(self._waiting)

    def play(self, sound: ResponseAudio) -> None:
        """See `Speaker`."""
        self._loop = asyncio.get_running_loop()
        self._silent.clear()
        with self._lock:
            if sound.response not in self._heard:
                waiting = {response for response, _ in self._waiting}
                self._heard = {old: count for old, count in self._heard.items() if old in waiting}
            self._heard.setdefault(sound.response, 0)
            self._waiting.append((sound.response, np.frombuffer(sound.data, np.int16)))

    def stop(self) -> dict[int, float]:
        """See `Speaker`."""
        with self._lock:
            cut = {response for response, _ in self._waiting}
            self._waiting.clear()
            self._silent.set()
            return {response: self._heard[response] / self.sample_rate for response in sorted(cut)}

    async def played(self) -> None:
        """See `Speaker`."""
        await self._silent.wait()
        await asyncio.sleep(self._stream.latency)  # what the device was given last is still on its way

    def close(self) -> None:
        """See `Speaker`."""
        self._stream.close()

    def _fill(self, out: Pcm, frames: int, _time: object, _status: object) -> None:
        """Called by PortAudio's thread, which must not wait for long."""
        filled = 0
        with self._lock:
            while self._waiting and filled < frames:
                response, samples = self._waiting.popleft()
                taken = min(len(samples), frames - filled)
                out[filled : filled + taken, 0] = samples[:taken]
                filled += taken
                self._heard[response] += taken
                if taken < len(samples):
                    self._waiting.appendleft((response, samples[taken:]))
            if filled and not self._waiting and self._loop is not None:
                self._loop.call_soon_threadsafe(self._note_silence)
        out[filled:] = 0

    def _note_silence(self) -> None:
        if not self._waiting:
            self._silent.set()

    def _rate(self) -> int:
        for rate in RATES:
            try:
                self._sounddevice.check_output_settings(channels=1, dtype="int16", samplerate=rate)
            except (self._sounddevice.PortAudioError, ValueError) as error:
                trouble = error
            else:
                return rate
        raise CallerError(f"there is no sound device to play on ({trouble})") from trouble

    def _open(self) -> Any:
        try:
            stream = self._sounddevice.OutputStream(
                samplerate=self.sample_rate, channels=1, dtype="int16", latency="low", callback=self._fill
            )
            stream.start()
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise CallerError(f"the sound device cannot be opened ({error})") from error
        return stream


class SoundFile:
    """A file whose ending is its format; it is made when there is something to write."""

    def __init__(self, path: Path) -> None:
        """Raises CallerError for an ending that is no format."""
        ending = path.suffix.removeprefix(".").lower()
        if (name := SUFFIXES.get(ending, ending)) not in {str(each) for each in SoundFormat}:
            raise CallerError(f"{path} ends in no format that can be written; name it answer.wav", field="output")
        self.path, self.sample_rate, self.seconds = path, RATES[0], 0.0
        self._encoder = encoder(SoundFormat(name), self.sample_rate)
        self._file: Any = None

    @property
    def playing(self) -> bool:
        """See `Speaker`; nobody hears it now."""
        return False

    def play(self, sound: ResponseAudio) -> None:
        """See `Speaker`. Raises OSError when it cannot be written."""
        if self._file is None:
            self._file = self.path.open("wb")
        samples = np.frombuffer(sound.data, np.int16).astype(np.float32) / np.float32(32_768)
        self._file.write(self._encoder.push(samples))
        self.seconds += len(samples) / self.sample_rate

    def stop(self) -> dict[int, float]:
        """See `Speaker`; what is written stays."""
        return {}

    async def played(self) -> None:
        """See `Speaker`."""

    def close(self) -> None:
        """See `Speaker`."""
        if self._file is not None:
            self._file.write(self._encoder.finish())
            self._file.close()
            self._file = None


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise CallerError("to be heard, it needs sounddevice: pip install 'voxtral-service[microphone]'") from error
    except OSError as error:  # the package is there, the library it binds is not
        raise CallerError(f"{error}; on Debian and Ubuntu: apt install libportaudio2") from error
    return sounddevice
