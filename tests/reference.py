"""Stock transformers, the implementation that this project is compared with.

Importing it takes seconds: tests ask for the `reference` fixture, so that only workers that need it pay.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForSpeechSeq2Seq,
    AutoProcessor,
    VoxtralRealtimeFeatureExtractor,
    VoxtralRealtimeForConditionalGeneration,
)
from transformers.utils import logging

from voxtral_service.voxtral.config import VoxtralRealtimeConfig
from voxtral_service.voxtral.config_files import hugging_face_config

logging.set_verbosity_error()
logging.disable_progress_bar()


def load(folder: Path) -> Any:
    """The model in a folder, which must fit to the last tensor."""
    model, report = AutoModelForSpeechSeq2Seq.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(report.values()), report
    return model.eval()


def random_model(config: VoxtralRealtimeConfig, seed: int = 0, dtype: torch.dtype = torch.float32) -> Any:
    """A model as transformers initialises it, biases and norms shaken so that each one matters."""
    torch.manual_seed(seed)
    data = hugging_face_config(config, "float32")
    model = VoxtralRealtimeForConditionalGeneration(AutoConfig.for_model(**data))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.to(dtype).eval()


def processor(folder: Path) -> Any:
    return AutoProcessor.from_pretrained(folder)


def log_mel(samples: NDArray[np.float32], num_mel_bins: int) -> Tensor:
    """Frames of a clip, [time, num_mel_bins]."""
    extractor = VoxtralRealtimeFeatureExtractor(feature_size=num_mel_bins)
    features: Tensor = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features
    return features[0].T


def encoder_frames(model: Any, mel: Tensor) -> Tensor:
    """Mel [batch, 8 n, num_mel_bins] -> the audio tower's output [batch, 4 n, hidden_size]."""
    frames: Tensor = model.model.audio_tower(mel.transpose(1, 2)).last_hidden_state
    return frames


def audio_vectors(model: Any, mel: Tensor) -> Tensor:
    """Mel [batch, 8 n, num_mel_bins] -> what is added to the embeddings, [batch, n, hidden_size]."""
    vectors: Tensor = model.get_audio_features(mel.transpose(1, 2), return_dict=True).pooler_output
    return vectors


def logits(model: Any, mel: Tensor, input_ids: Tensor, delay: int) -> Tensor:
    """As `VoxtralRealtime.forward`, with one delay for all rows."""
    output = model(input_ids=input_ids, input_features=mel.transpose(1, 2), num_delay_tokens=delay)
    result: Tensor = output.logits
    return result


def loss(model: Any, mel: Tensor, input_ids: Tensor, delay: int) -> Tensor:
    """Cross-entropy of each token given those before it."""
    features = mel.transpose(1, 2)
    output = model(input_ids=input_ids, input_features=features, num_delay_tokens=delay, labels=input_ids)
    result: Tensor = output.loss
    return result


def delay_scales(model: Any, delay: int) -> Tensor:
    """1 + g(delay) of every layer, [num_layers, hidden_size]."""
    embedding = model.model.time_embedding(torch.tensor([float(delay)]))
    layers = model.model.language_model.layers
    return torch.stack([1 + layer.ada_rms_norm(embedding) for layer in layers])


def stored_gradients(model: Any) -> dict[str, Tensor]:
    """Gradients under the names that `save_pretrained` writes."""
    return {
        name.removeprefix("model.").replace("language_model.", "language_model.model.", 1): parameter.grad
        for name, parameter in model.named_parameters()
    }
