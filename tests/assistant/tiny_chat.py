"""Random chat checkpoints of two layers, each with the chat template of some family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

PLAIN = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls or [] %}"
    "<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}</s>{% endfor %}<assistant>"
)
"""Hermes' way of calling."""
SPECIAL = ["<pad>", "<s>", "</s>", "<system>", "<user>", "<assistant>", "<tool>", "<tool_call>", "</tool_call>"]
WINDOW = 256


def write_chat_model(folder: Path, *, template: str | None = PLAIN, seed: int = 0, **config: Any) -> Path:
    """A float32 Mistral of random weights, whose 265 tokens are bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import MistralConfig, MistralForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    size = len(SPECIAL) + 256
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts), "utf-8")
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, "utf-8")
    torch.manual_seed(seed)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": WINDOW,
        "sliding_window": None,
        "initializer_range": 0.3,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    model = MistralForCausalLM(MistralConfig(vocab_size=size, **{**shape, **config}))
    letters = {tokenizer.token_to_id(chr(code)) for code in range(33, 127)}
    with torch.no_grad():  # it writes what can be printed
        model.lm_head.weight[[token for token in range(size) if token not in letters]] = 0
    model.save_pretrained(folder)
    return folder
