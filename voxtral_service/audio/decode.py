"""Whole inputs (files, uploads, pipes) as blocks of mono 16 kHz samples."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

import numpy as np

from voxtral_service.audio import SAMPLE_RATE, Samples
from voxtral_service.audio.container import ContainerStream
from voxtral_service.audio.framing import Framer
from voxtral_service.audio.pcm import PcmDecoder, PcmFormat
from voxtral_service.audio.resample import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Resampler
from voxtral_service.audio.source import ByteSource, Source
from voxtral_service.errors import InvalidAudio

SPOOL_LIMIT = 2 * 1024**3
_PCM_READ = 64 * 1024


class AudioReader:
    """Decodes one input to mono float32 blocks of equal size, the last one shorter; a context manager and a
    one-pass iterator.

    Memory does not grow with the input's length. All channels are averaged, whatever their number. Full scale
    is [-1, 1]; codecs and the resampler may overshoot it a little.

    `source` is a path, bytes, or an object with `read(n)` (only that: it need not seek). Without `pcm` the
    container is recognised by its content; with it, the bytes are headerless samples of that format. `name`
    is what messages call the input. Blocks are `block_seconds` long at `sample_rate` Hz; a live pipe wants
    short ones. An MP4 that has its index at its end and comes from something that cannot seek is stored in a
    temporary file of at most `spool_limit` bytes.

    `duration` is the length in seconds when the header says it or the bit rate suggests it, else None: known
    before decoding, and only as good as the header. `warnings` fills up while iterating: what was cut short,
    damaged or left out.

    Raises `InvalidAudio` when opened, or while iterating, if there is nothing to decode; what can be decoded
    of a damaged input is delivered. An exception of the stream handed in passes through unchanged.
    """

    def __init__(
        self,
        source: Source,
        *,
        pcm: PcmFormat | None = None,
        name: str | None = None,
        block_seconds: float = 1.0,
        sample_rate: int = SAMPLE_RATE,
        spool_limit: int = SPOOL_LIMIT,
    ) -> None:
        self.sample_rate = sample_rate
        self.warnings: list[str] = []
        self._framer = Framer(round(block_seconds * sample_rate))
        with ExitStack() as opened:
            self._source = opened.enter_context(ByteSource.open(source, name))
            self._stream: _PcmStream | ContainerStream
            if pcm is not None:
                self._stream = _PcmStream(self._source, pcm, self.warnings)
            else:
                self._stream = ContainerStream(self._source, self.warnings, spool_limit=spool_limit)
                opened.enter_context(closing(self._stream))
            self._opened = opened.pop_all()
        self.duration = self._stream.duration
        self._blocks = self._decode()

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        return next(self._blocks)

    def close(self) -> None:
        """Free the decoder and close what was opened here; there are no more blocks after."""
        self._blocks.close()
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self) -> Generator[Samples]:
        silent = True
        for samples in self._resampled():
            silent = silent and not len(samples)
            yield from self._framer.push(samples)
        if silent:
            raise InvalidAudio(
                f"{self._source.label}: not one sample of sound could be decoded from it; send a recording"
            )
        if len(rest := self._framer.finish()):
            yield rest

    def _resampled(self) -> Iterator[Samples]:
        resampler: Resampler | None = None
        for rate, samples in self._stream.pieces():
            if resampler is None or resampler.in_rate != rate:  # broadcasts and chained files change it half-way
                if resampler is not None:
                    yield resampler.finish()
                if not MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE:
                    raise InvalidAudio(
                        f"{self._source.label}: its header claims {rate} samples a second, "
                        "which no recorder writes; it is damaged"
                    )
                resampler = Resampler(rate, self.sample_rate)
            yield resampler.push(samples)
        if resampler is not None:
            yield resampler.finish()


class _PcmStream:
    """Headerless samples from a source; the counterpart of `ContainerStream`."""

    def __init__(self, source: ByteSource, pcm: PcmFormat, warnings: list[str]) -> None:
        self._source = source
        self._format = pcm
        self._warnings = warnings
        self.duration = None if source.size is None else source.size / pcm.byte_rate

    def pieces(self) -> Iterator[tuple[int, Samples]]:
        decoder = PcmDecoder(self._format)
        while data := self._source.read(_PCM_READ):
            try:
                samples = decoder.push(data)
            except InvalidAudio as error:
                raise InvalidAudio(f"{self._source.label}: {error}") from error
            yield self._format.sample_rate, samples
        self._source.check()
        if dangling := decoder.finish():
            self._warnings.append(
                f"the last {dangling} bytes are no whole sample and were left out; "
                f"make sure that the input is {self._format}"
            )


def read(
    source: Source,
    *,
    pcm: PcmFormat | None = None,
    name: str | None = None,
    sample_rate: int = SAMPLE_RATE,
    max_seconds: float | None = None,
) -> Samples:
    """All of a short clip at once, shape (n,); arguments as for `AudioReader`.

    Raises `InvalidAudio` as that does, and when the clip is longer than `max_seconds`.
    """
    blocks: list[Samples] = []
    with AudioReader(source, pcm=pcm, name=name, sample_rate=sample_rate) as reader:
        for block in reader:
            blocks.append(block)
            if max_seconds is not None and sum(map(len, blocks)) > max_seconds * sample_rate:
                raise InvalidAudio(f"{name or 'the clip'}: it is longer than {max_seconds:g} s; send a shorter one")
    return np.concatenate(blocks)
