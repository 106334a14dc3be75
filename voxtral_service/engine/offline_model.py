"""The Voxtral 2507 network, as transformers has it: sound and tokens in, logits out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from voxtral_service.audio import SAMPLE_RATE
from voxtral_service.engine.abilities import VOXTRAL_CONTEXT
from voxtral_service.engine.exclusive import TRANSFORMERS_LOADING
from voxtral_service.errors import CheckpointError, EngineError
from voxtral_service.voxtral.instruct import InstructTokenizer, Prompt
from voxtral_service.voxtral.tokenizer import in_short

CHUNKS_AT_ONCE = 8
"""Chunks of 30 s that go through the audio encoder together; bounds its memory for long recordings."""
INSTALL = "pip install 'voxtral-service[voxtral-offline]'"

Cache = Any
"""transformers' DynamicCache: keys and values of every layer, each [batch, heads, positions, head_dim]."""
Layers = list[tuple[Tensor, Tensor]]
"""What is in a cache."""


class OfflineModel:
    """A network on its device, with its tokenizer. Not thread-safe: one engine's thread uses it."""

    def __init__(self, network: Any, extractor: Any, tokenizer: InstructTokenizer) -> None:
        self._network, self._extractor, self.tokenizer = network, extractor, tokenizer
        text = network.config.text_config
        self.context: int = min(VOXTRAL_CONTEXT, text.max_position_embeddings)

    @classmethod
    def load(cls, folder: Path, *, dtype: torch.dtype, device: torch.device) -> OfflineModel:
        """Read a folder in the Hugging Face layout.

        Raises EngineError when transformers is not installed, CheckpointError when the files do not fit together.
        """
        try:
            from transformers import VoxtralForConditionalGeneration, WhisperFeatureExtractor
            from transformers.utils import logging
        except ImportError as error:
            raise EngineError(
                f"this model runs through the package transformers, which is missing or too old ({error}); "
                f"install it with: {INSTALL}"
            ) from error
        tokenizer = InstructTokenizer.from_folder(folder)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            with TRANSFORMERS_LOADING:
                network, report = VoxtralForConditionalGeneration.from_pretrained(
                    folder, dtype=dtype, local_files_only=True, output_loading_info=True
                )
        except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
            raise CheckpointError(f"{folder} holds no usable Voxtral 2507 model: {in_short(error)}") from error
        if missing := sorted(report["missing_keys"]):
            raise CheckpointError(f"{folder} lacks {len(missing)} weights, {missing[0]} first; fetch the model again")
        if len(tokenizer) > network.config.text_config.vocab_size:
            raise CheckpointError(f"{folder}: its tokenizer has more tokens than the network")
        if tokenizer.audio != network.config.audio_token_id:
            raise CheckpointError(f"{folder}: its tokenizer and config.json disagree on the audio token")
        extractor = WhisperFeatureExtractor(feature_size=network.config.audio_config.num_mel_bins)
        return cls(network.to(device).eval().requires_grad_(False), extractor, tokenizer)

    @torch.inference_mode()
    def prefill(self, prompt: Prompt) -> tuple[Cache, Tensor]:
        """Read a prompt: a cache with batch 1, and the logits [1, vocabulary] of what follows, in float32."""
        tokens = torch.tensor([prompt.tokens], device=self._network.device)
        embeddings = self._network.get_input_embeddings()(tokens)
        if prompt.clips:
            embeddings[tokens == self.tokenizer.audio] = self._hear(prompt).to(embeddings.dtype)
        cache = cache_of([])
        output = self._network(inputs_embeds=embeddings, cache=cache, use_cache=True, logits_to_keep=1)
        return cache, output.logits[:, -1].float()

    @torch.inference_mode()
    def decode(self, cache: Cache, mask: Tensor, positions: Tensor, tokens: Tensor) -> Tensor:
        """One token more for every row: its logits [batch, vocabulary] in float32; the cache grows by a column.

        `mask` [batch, past + 1] tells which columns count, `positions` [batch] where each row's new token is, `tokens`
        [batch] what it is.
        """
        output = self._network(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=positions[:, None],
            cache=cache,
            use_cache=True,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        device: torch.device = self._network.device
        return device

    def _hear(self, prompt: Prompt) -> Tensor:
        """What stands in place of the prompt's [AUDIO] tokens, [audio tokens, hidden_size].

        The loudest moment of a clip sets the floor of all its chunks, so a clip becomes a spectrogram as a whole.
        """
        chunks: list[Tensor] = []
        for clip in prompt.clips:
            mel = self._extractor(clip, sampling_rate=SAMPLE_RATE, padding=True, truncation=False, return_tensors="pt")
            chunks.extend(mel.input_features[0].split(self._extractor.nb_max_frames, dim=-1))
        vectors = [
            self._network.get_audio_features(torch.stack(chunks[at : at + CHUNKS_AT_ONCE]), return_dict=True)
            for at in range(0, len(chunks), CHUNKS_AT_ONCE)
        ]
        return torch.cat([output.pooler_output for output in vectors])


def cache_of(layers: Layers) -> Cache:
    """A cache that holds these, or an empty one."""
    from transformers import DynamicCache

    return DynamicCache(layers or None)


def layers_of(cache: Cache) -> Layers:
    """What a cache holds."""
    return [(layer.keys, layer.values) for layer in cache.layers]
