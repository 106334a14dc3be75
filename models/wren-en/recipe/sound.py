"""What happens to clean speech before the network hears it: rooms, microphones, telephones, noise, other speakers.

All functions take and give float32 samples at 16 kHz and draw from the generator that is handed in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from numpy import fft
from torch import Tensor

SAMPLE_RATE = 16_000
Samples = npt.NDArray[np.float32]
Rng = np.random.Generator


def _fast_length(n: int) -> int:
    """Return the next length of the form 2^k, 3 2^k or 5 2^k, which transform fast."""
    return min(m << max(0, (-(-n // m) - 1).bit_length()) for m in (1, 3, 5))


def change_speed(x: Samples, factor: float) -> Samples:
    """Play `factor` times faster, which moves pitch and formants too: a different speaker for the network."""
    positions = np.arange(int(len(x) / factor), dtype=np.float64) * factor
    return np.interp(positions, np.arange(len(x)), x).astype(np.float32)


def warp_frequencies(log_mel: Tensor, factor: float, knee: float = 4800.0) -> Tensor:
    """Move what lies at frequency f to f x `factor` in a spectrogram [frames, bins], evenly up to about `knee` hertz.

    Vocal tract length perturbation (Jaitly and Hinton 2013, section 3): formants and pitch move, the pace stays.
    """
    bins = log_mel.shape[1]
    top = _mel(SAMPLE_RATE / 2)
    edges = _hertz(np.linspace(0, top, bins + 2))[1:-1]
    low = knee * min(factor, 1.0) / factor
    source = np.interp(edges, [0, low * factor, SAMPLE_RATE / 2], [0, low, SAMPLE_RATE / 2])
    position = np.clip(_mel(source) / top * (bins + 1) - 1, 0, bins - 1)
    first = np.minimum(position.astype(np.int64), bins - 2)
    share = torch.from_numpy((position - first).astype(np.float32)).to(log_mel.device)
    left = torch.from_numpy(first).to(log_mel.device)
    return torch.lerp(log_mel[:, left], log_mel[:, left + 1], share)


def _mel(hertz: Any) -> Any:
    """Slaney's scale, that of the model's filters: even to 1 kHz, then logarithmic."""
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1000) / 1000) * 27 / np.log(6.4))


def _hertz(mel: Any) -> Any:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((np.maximum(mel, 15) - 15) * np.log(6.4) / 27))


def shape_spectrum(x: Samples, rng: Rng) -> Samples:
    """Apply a random equaliser, sometimes a narrower band, sometimes a room, as one product in the frequency domain."""
    n = _fast_length(len(x) + SAMPLE_RATE // 4)
    frequencies = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    knots = np.linspace(0, SAMPLE_RATE / 2, 9)
    gain = 10 ** (np.interp(frequencies, knots, rng.normal(0, 4, len(knots))) / 20)
    if rng.random() < 0.3:
        low, high = rng.uniform(30, 350), rng.uniform(2600, 7500)
        gain /= np.sqrt((1 + (low / np.maximum(frequencies, 1)) ** 6) * (1 + (frequencies / high) ** 12))
    spectrum = fft.rfft(x, n) * gain.astype(np.float32)
    if rng.random() < 0.35:
        spectrum *= fft.rfft(room(rng), n)
    return np.asarray(fft.irfft(spectrum, n)[: len(x)], dtype=np.float32)


def room(rng: Rng) -> Samples:
    """Return an impulse response: the direct sound, then noise that dies away in 0.08 to 0.6 s."""
    length = int(rng.uniform(0.08, 0.6) * SAMPLE_RATE * 0.6)
    tail = rng.standard_normal(length).astype(np.float32) * np.exp(
        -np.arange(length, dtype=np.float32) * (4.2 / length)
    )
    tail[: int(rng.uniform(0.001, 0.01) * SAMPLE_RATE)] = 0
    tail *= rng.uniform(0.1, 0.8) / (np.linalg.norm(tail) + 1e-9)
    tail[0] = 1
    return tail


def telephone(x: Samples, a_law: bool) -> Samples:
    """Send through 8 kHz G.711 and back (ITU-T G.711; continuous companding curves, 8 bits)."""
    n = len(x) + len(x) % 2
    narrow = fft.irfft(fft.rfft(x, n)[: n // 4 + 1], n // 2) / 2
    spectrum = np.zeros(n // 2 + 1, np.complex64)
    decoded = fft.rfft((_a_law if a_law else _mu_law)(np.clip(narrow, -1, 1)))
    spectrum[: len(decoded)] = decoded * 2
    return np.asarray(fft.irfft(spectrum, n)[: len(x)], dtype=np.float32)


def _mu_law(x: Samples) -> Samples:
    code = np.round(np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256) * 127) / 127
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255, dtype=np.float32)


def _a_law(x: Samples) -> Samples:
    a, scale = 87.6, 1 + np.log(87.6)
    size = np.abs(x)
    code = np.where(size < 1 / a, a * size / scale, (1 + np.log(np.maximum(a * size, 1e-9))) / scale)
    code = np.round(code * 127) / 127
    size = np.where(code < 1 / scale, code * scale / a, np.exp(code * scale - 1) / a)
    return np.asarray(np.sign(x) * size, dtype=np.float32)


def noise(samples: int, rng: Rng, kind: str | None = None) -> Samples:
    """Return `coloured` noise, `hum`, `clicks` or something like `music`, drawn if not given, at an RMS of one."""
    kind = kind or rng.choice(["coloured", "coloured", "hum", "clicks", "music"])
    if kind == "coloured":
        x = _coloured(samples, rng.uniform(0, 1), rng)
    elif kind == "hum":
        t = np.arange(samples) / SAMPLE_RATE
        base = rng.choice([50, 60]) * rng.uniform(0.98, 1.02)
        x = sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) for k in range(1, 12))
        x = x + 0.1 * _coloured(samples, 0.5, rng)
    elif kind == "clicks":
        x = 0.05 * _coloured(samples, 0.3, rng)
        for start in rng.integers(0, samples - 2000, rng.integers(5, 60)):
            x[start : start + 1600] += rng.standard_normal(1600) * np.exp(-np.arange(1600) / rng.uniform(20, 400))
    else:
        x = _music(samples, rng)
    slow = np.interp(np.arange(samples), np.linspace(0, samples, 9), rng.uniform(0.3, 1, 9))
    x = np.asarray(x * slow, dtype=np.float32)
    return x / (np.sqrt(np.mean(x**2)) + 1e-6)


def _coloured(samples: int, exponent: float, rng: Rng) -> npt.NDArray[np.float64]:
    """Noise whose power falls as frequency^(-2 exponent): 0 is white, 0.5 pink, 1 brown."""
    n = _fast_length(samples)
    spectrum = fft.rfft(rng.standard_normal(n))
    spectrum[1:] *= np.maximum(np.arange(1, len(spectrum)) / len(spectrum), 1e-3) ** -exponent
    return np.asarray(fft.irfft(spectrum, n)[:samples])


def _music(samples: int, rng: Rng) -> npt.NDArray[np.float64]:
    """Chords and notes with harmonics, plucked or held."""
    x = np.zeros(samples)
    beat = int(rng.uniform(0.15, 0.7) * SAMPLE_RATE)
    for start in range(0, samples, beat):
        t = np.arange(min(beat * 2, samples - start)) / SAMPLE_RATE
        envelope = np.minimum(t * 60, 1) * np.exp(-t * rng.uniform(0.5, 6))
        for note in rng.choice([0, 2, 4, 5, 7, 9, 11, 12], rng.integers(1, 4)):
            pitch = 110 * 2 ** ((note + 12 * rng.integers(0, 4)) / 12)
            for k in range(1, 6):
                x[start : start + len(t)] += envelope * np.sin(2 * np.pi * pitch * k * t) * rng.uniform(0, 1) / k
    return x


def disturb(x: Samples, rng: Rng, natural: bool, strength: float) -> tuple[Samples, float]:
    """Vary one utterance: speed, spectrum, telephone, level. Returns the sound and the factor by which it got faster.

    Synthetic voices are few, so their speed varies more than that of recorded ones (`natural`). `strength` from 0 to 1
    scales how often each is done.
    """
    speed = 1.0
    if rng.random() < 0.6 * strength:
        speed = rng.uniform(0.88, 1.14) if natural else rng.uniform(0.8, 1.25)
        x = change_speed(x, speed)
    if rng.random() < 0.6 * strength:
        x = shape_spectrum(x, rng)
    peak = float(np.abs(x).max(initial=0)) + 1e-6
    x = x * np.float32(10 ** (-rng.uniform(1, 26) / 20) / peak)
    if rng.random() < 0.1 * strength:
        x = telephone(x, a_law=bool(rng.random() < 0.5))
    return x, speed
