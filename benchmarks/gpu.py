"""The whole step on a GPU, checked and timed, beside transformers on the same weights: `benchmarks/gpu.sh`.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --shape small --device cpu --minutes 1

Needs torch, transformers, numpy and safetensors, and no file but this project: weights are random, made on the device,
in the shape of the public 4B model. First a small model is checked: what the device computes must be what the CPU does
in float32. Then steps of 1, 2, 4, ... streams are timed with windows filled by a minute, by ten minutes, and to their
end, until a step takes longer than 80 ms or there is no memory or time left. Exit status 1 if the check fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

try:
    import mistral_common.audio  # noqa: F401
except ImportError:  # a bare machine; transformers has the same filters
    from transformers.audio_utils import mel_filter_bank

    filters: Any = ModuleType("mistral_common.audio")
    filters.mel_filter_bank = lambda num_mel_bins, **rest: mel_filter_bank(
        num_mel_filters=num_mel_bins, norm="slaney", mel_scale="slaney", **rest
    )
    sys.modules["mistral_common.audio"] = filters

from voxtral_service.engine.model_runner import ModelRunner
from voxtral_service.engine.step import SAMPLES_PER_STEP
from voxtral_service.voxtral.config import (
    LEFT_PAD_TOKENS,
    TOKEN_SECONDS,
    DecoderConfig,
    EncoderConfig,
    VoxtralRealtimeConfig,
)
from voxtral_service.voxtral.config_files import hugging_face_config
from voxtral_service.voxtral.layouts import hugging_face_layout
from voxtral_service.voxtral.model import VoxtralRealtime

SHAPES = {
    "4b": VoxtralRealtimeConfig(),
    "small": VoxtralRealtimeConfig(
        EncoderConfig(64, 128, 2, 2, 32, 128, sliding_window=32),
        DecoderConfig(512, 64, 96, 2, 4, 2, 32, sliding_window=24),
    ),
}
DELAY = 6
PAD, BOS = 32, 1
ROUNDS = 8
FULL = "full"
MINUTES = ("1", "10", FULL)
"""Of audio that fill the windows."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a runner asks of a tokenizer."""

    pad: int = PAD

    def prompt(self, delay: int) -> list[int]:
        """BOS, and padding until the first word may be written."""
        return [BOS] + [self.pad] * (LEFT_PAD_TOKENS + delay)


@dataclass(frozen=True, slots=True)
class Row:
    """One measured step: seconds, of so many streams whose windows that much audio fills."""

    engine: str
    minutes: str
    streams: int
    step: float


def random_model(config: VoxtralRealtimeConfig, device: torch.device, dtype: torch.dtype) -> VoxtralRealtime:
    """Weights that keep numbers of the size of one from layer to layer."""
    with torch.device("meta"):
        model = VoxtralRealtime(config)
    model = model.to(dtype).to_empty(device=device)
    with torch.device(device):
        model.log_mel = type(model.log_mel)(config.encoder.num_mel_bins)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
            else:
                parameter.normal_(std=parameter.shape[1] ** -0.5, generator=generator)
    return model.requires_grad_(False).eval()


def runner_of(model: VoxtralRealtime, slots: int) -> ModelRunner:
    """A runner without a tokenizer's files."""
    return ModelRunner(model, Prompt(), slots)  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------- checking


def disagreement(device: torch.device) -> float:
    """How far vectors computed on the device are from the CPU's in float32, at most; infinite if a token differs."""
    torch.backends.cuda.matmul.allow_tf32 = False
    config, worst = SHAPES["small"], 0.0
    here = random_model(config, torch.device("cpu"), torch.float32)
    there = random_model(config, torch.device("cpu"), torch.float32).to(device)
    runners = [runner_of(here, 5), runner_of(there, 5)]
    rng = np.random.default_rng(0)
    for at in range(60):
        if at % 12 == 0:
            for runner in runners:
                runner.join(at // 12, DELAY + at // 12)
        slots = rng.permutation(at // 12 + 1)
        sound = 0.2 * rng.standard_normal((len(slots), SAMPLES_PER_STEP)).astype(np.float32)
        tokens = rng.integers(0, config.decoder.vocab_size, len(slots))
        vectors = [runner.encode(slots, sound) for runner in runners]
        worst = max(worst, float((vectors[0] - vectors[1].cpu()).abs().max()))
        written = [runner.decode(slots, v, tokens) for runner, v in zip(runners, vectors, strict=True)]
        if written[0].tolist() != written[1].tolist():
            return float("inf")
    return worst


# ------------------------------------------------------------------------------------------------------- timing


def positions(minutes: str, config: VoxtralRealtimeConfig) -> int:
    """How far into its audio a stream is: so many minutes, or until its windows are full."""
    if minutes == FULL:
        return 1 + max(config.decoder.sliding_window, config.encoder.sliding_window // 4)
    return int(60 * float(minutes) / TOKEN_SECONDS)


def room(model: VoxtralRealtime, device: torch.device, most: int) -> int:
    """Streams that the device's memory has room for."""
    if device.type != "cuda":
        return min(most, 8)
    free, _ = torch.cuda.mem_get_info(device)
    probe = runner_of(model, 1)
    each = probe.bytes_per_slot()
    del probe
    torch.cuda.empty_cache()
    return max(1, min(most, int(0.85 * free / each) - 2))


def our_steps(runner: ModelRunner, minutes: str, deadline: float) -> Iterator[Row]:
    """Steps of more and more streams, until they take longer than real time."""
    config = runner.model.config
    for slot in range(runner.slots):
        runner.join(slot, DELAY)
    runner.pass_time(np.arange(runner.slots), positions(minutes, config))
    sizes = [2**n for n in range(20) if 2**n < runner.slots] + [runner.slots]
    for streams in sizes:
        slots = np.arange(streams)
        sound = 0.1 * np.random.default_rng(0).standard_normal((streams, SAMPLES_PER_STEP)).astype(np.float32)
        times = []
        for _ in range(2 + ROUNDS):  # the first captures a graph, the second warms up
            begun = time.perf_counter()
            runner.decode(slots, runner.encode(slots, sound), np.full(streams, PAD))  # tokens come back, so it is done
            times.append(time.perf_counter() - begun)
        step = median(times[2:])
        yield Row("this engine", minutes, streams, step)
        if step > TOKEN_SECONDS or time.monotonic() > deadline:
            return


def transformers_of(model: VoxtralRealtime) -> Any:
    """The same weights in transformers' network, on the same device."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import VoxtralRealtimeConfig as TheirConfig
        from transformers import VoxtralRealtimeForConditionalGeneration
        from transformers.utils import logging

    logging.set_verbosity_error()
    weight = model.decoder.embedding.weight
    described = hugging_face_config(model.config, str(weight.dtype).removeprefix("torch."))
    with torch.device(weight.device):
        network = VoxtralRealtimeForConditionalGeneration._from_config(
            TheirConfig.from_dict(described), dtype=weight.dtype
        ).eval()
    ours = dict(model.named_parameters())
    theirs = {name.removeprefix("model."): parameter for name, parameter in network.named_parameters()}
    with torch.no_grad():
        for stored in hugging_face_layout(model.config):
            in_memory = stored.name if stored.name in theirs else stored.name.replace(".model.", ".", 1)
            theirs[in_memory].copy_(stored.from_parameter(ours[stored.parameter]))
    return network


def their_step(network: Any, bins: int, frames: int, deadline: float) -> float:
    """Seconds of a step of one stream, the median of the last ones of a generate call over so many frames."""
    weight: Tensor = next(network.parameters())
    marks: list[float] = []

    def features() -> Iterator[Tensor]:
        yield torch.randn(1, bins, (LEFT_PAD_TOKENS + 1 + DELAY) * 8, device=weight.device, dtype=weight.dtype)
        for _ in range(frames):
            marks.append(time.perf_counter())
            if time.monotonic() > deadline:
                return
            yield torch.randn(1, bins, 8, device=weight.device, dtype=weight.dtype)

    prompt = torch.tensor([Prompt().prompt(DELAY)], device=weight.device)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        network.generate(
            input_ids=prompt, input_features=features(), num_delay_tokens=DELAY, do_sample=False, eos_token_id=None
        )
    return float(median(np.diff(marks)[-ROUNDS:].tolist()))


def measure(shape: str, device: torch.device, dtype: torch.dtype, most: int, seconds: float) -> Iterator[Row]:
    """All rows, within about so many seconds."""
    config, begun = SHAPES[shape], time.monotonic()
    model = random_model(config, device, dtype)
    network = transformers_of(model)
    step = their_step(network, config.encoder.num_mel_bins, 40, begun + seconds / 4)
    yield Row("transformers", "0.1", 1, step)
    del network
    if device.type == "cuda":
        torch.cuda.empty_cache()
    runner = runner_of(model, room(model, device, most))
    for n, minutes in enumerate(MINUTES):
        yield from our_steps(runner, minutes, begun + seconds * (0.4 + 0.2 * n))


def main() -> int:
    """Check, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=[*SHAPES], default="4b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--most", type=int, default=512, help="streams (default 512, or what there is memory for)")
    parser.add_argument("--minutes", type=float, default=7, help="after which it stops (default 7)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("torch sees no CUDA device; --device cpu --shape small shows that the program works", file=sys.stderr)
        return 2
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    worst = disagreement(device)
    print(f"{name}, torch {torch.__version__}: differs from the CPU by {worst:.1e} at most", flush=True)
    if worst > 1e-3:
        print("that is too much: the step is wrong on this device", file=sys.stderr)
        return 1
    rows = []
    print(f"{'engine':14}{'minutes':>9}{'streams':>9}{'step ms':>10}{'a stream':>10}")
    for row in measure(options.shape, device, getattr(torch, options.dtype), options.most, 60 * options.minutes):
        rows.append(row)
        told = f"{1e3 * row.step:10.2f}{1e3 * row.step / row.streams:10.3f}"
        print(f"{row.engine:14}{row.minutes:>9}{row.streams:9}{told}", flush=True)
    if options.json:
        record = {"device": name, "shape": options.shape, "dtype": options.dtype, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
