"""A chat checkpoint of transformers: prompts in, text out. Blocking; `llm_local` calls it from its threads."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from voxtral_service.assistant.local_calls import opening, response_template
from voxtral_service.assistant.local_prefixes import Prefixes
from voxtral_service.audio import Samples
from voxtral_service.chat import AnswerOptions, Message, Tool
from voxtral_service.engine.exclusive import TRANSFORMERS_LOADING
from voxtral_service.engine.loading import pick_device, pick_dtype
from voxtral_service.errors import CheckpointError, InvalidOption

DEFAULT_TOKENS = 1024
"""The longest answer when neither the caller nor the checkpoint says."""
NO_TRANSFORMERS = (
    "a language model on this machine needs transformers, which is not installed; "
    "install it with: pip install 'voxtral-service[assistant]'"
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads, and the text of it that belongs to the answer already."""

    tokens: tuple[int, ...]
    begun: str
    room: int
    """Tokens that its answer may have."""


class Checkpoint:
    """The model of one folder. Everything here may be called by several threads at once."""

    def __init__(self, folder: Path, *, device: str = "auto", dtype: str = "auto") -> None:
        """Raises InvalidOption without transformers or for a model that does not chat, else CheckpointError."""
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging
        except ImportError as error:
            raise InvalidOption(NO_TRANSFORMERS, field="model") from error
        logging.disable_progress_bar()
        target = pick_device(device)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            template = self._tokenizer.get_chat_template() if self._tokenizer.chat_template else None
            if template is None:
                raise InvalidOption(
                    f"the model in {folder} has no chat template, so it only completes texts; name one that was "
                    "trained to chat (often called instruct or chat)",
                    field="model",
                )
            kind = pick_dtype(dtype, target)
            with TRANSFORMERS_LOADING:
                model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=kind)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(f"the language model in {folder} cannot be loaded: {error}") from error
        self._model = model.to(target).eval()
        self._template: str = template
        self.responses = response_template(getattr(self._tokenizer, "response_template", None), template)
        config = self._model.config.get_text_config()
        known = getattr(config, "max_position_embeddings", None) or 4096
        self.window = min(known, self._tokenizer.model_max_length)
        """Tokens that a conversation may have with its answer."""
        ends = self._model.generation_config.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends]) - {None}
        self._prefixes = Prefixes()

    # -- prompts

    def prompt(self, messages: Sequence[Message[Samples]], options: AnswerOptions) -> Prompt:
        """The newest turns that there is room for, whole, with the system message; the last turn always.

        Raises InvalidOption if that alone is too long, or is not what the model's chat template takes.
        """
        if options.must_call and (not options.tools or not opening(self.responses)):
            raise InvalidOption("this model cannot be made to call a tool", field="tool_choice")
        longest = self._longest(options)
        head = [_plain(message) for message in messages if message.role == "system"]
        turns = _turns([message for message in messages if message.role != "system"])
        while True:
            text = self._written(head + [message for turn in turns for message in turn], options.tools)
            begun = opening(self.responses) if options.must_call else ""
            tokens = self._tokenizer(text + begun, add_special_tokens=False)["input_ids"]
            if len(tokens) + min(longest, self.window // 4) <= self.window:
                break
            if len(turns) <= 1:
                raise InvalidOption(
                    f"what is asked has {len(tokens)} tokens, and this model has room for {self.window} "
                    "with its answer",
                    field="messages",
                )
            turns = turns[1:]
        return Prompt(tuple(tokens), begun, min(longest, self.window - len(tokens)))

    def _longest(self, options: AnswerOptions) -> int:
        return options.max_tokens or self._model.generation_config.max_new_tokens or DEFAULT_TOKENS

    def _written(self, messages: list[dict[str, Any]], tools: Sequence[Tool]) -> str:
        from jinja2 import TemplateError

        schemas = [_schema(tool) for tool in tools]
        errors = []
        for form in (messages, _without_system(messages)):  # which some templates know nothing of
            try:
                text: str = self._tokenizer.apply_chat_template(
                    form, tools=schemas or None, add_generation_prompt=True, tokenize=False
                )
                return text
            except (TemplateError, TypeError) as error:
                errors.append(error)
        raise InvalidOption(f"the model's chat template turns this conversation down: {errors[0]}", field="messages")

    # -- writing

    def write(self, prompt: Prompt, options: AnswerOptions, take: Callable[[str], None], stop: threading.Event) -> int:
        """Write an answer and return its number of tokens; `take` gets its text piece by piece, until `stop` is set."""
        from transformers import GenerationConfig, StoppingCriteriaList

        cache = self._prefixes.take(prompt.tokens)
        written = _Written(self._tokenizer, self._ends, take)
        device = self._model.device
        ids = torch.tensor([prompt.tokens], device=device)
        own = self._model.generation_config
        config = GenerationConfig(
            max_new_tokens=prompt.room, do_sample=False, use_cache=True, eos_token_id=sorted(self._ends) or None,
            pad_token_id=own.pad_token_id if own.pad_token_id is not None else min(self._ends, default=0),
            repetition_penalty=own.repetition_penalty,
        )  # fmt: skip
        with torch.inference_mode():
            self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                generation_config=config,
                cache=cache,
                logits_processor=self._sampling(options),
                streamer=written,
                stopping_criteria=StoppingCriteriaList([_Stopped(stop)]),
            )
        self._prefixes.keep([*prompt.tokens, *written.tokens], cache)
        return len(written.tokens)

    def _sampling(self, options: AnswerOptions) -> Any:
        """Draws by adding noise to the scores and taking the best (the Gumbel-max trick): so a seed is one answer's."""
        from transformers import (
            LogitsProcessorList,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        own = self._model.generation_config
        temperature, top_p, top_k = options.temperature, options.top_p, None
        if temperature is None and own.do_sample:
            temperature, top_k = own.temperature or 1.0, own.top_k
            top_p = top_p if top_p < 1 else own.top_p or 1.0
        if not temperature:
            return LogitsProcessorList()
        chain: list[Any] = [TemperatureLogitsWarper(temperature)]
        if top_k:
            chain.append(TopKLogitsWarper(top_k))
        if top_p < 1:
            chain.append(TopPLogitsWarper(top_p))
        return LogitsProcessorList([*chain, _Gumbel(options.seed)])


class _Written:
    """The streamer of `generate`: tokens in, text out, never half a character."""

    def __init__(self, tokenizer: Any, ends: frozenset[int], take: Callable[[str], None]) -> None:
        self.tokens: list[int] = []
        self._tokenizer, self._ends, self._take = tokenizer, ends, take
        self._prompt = True
        self._text = ""

    def put(self, value: torch.Tensor) -> None:
        """The prompt first, then each token."""
        if self._prompt:
            self._prompt = False
            return
        self.tokens += value.flatten().tolist()
        self._show()

    def end(self) -> None:
        """Nothing follows."""
        self._show(last=True)

    def _show(self, *, last: bool = False) -> None:
        shown = [token for token in self.tokens if token not in self._ends]
        text = self._tokenizer.decode(shown, skip_special_tokens=False)
        if (last or not text.endswith("\ufffd")) and len(text) > len(self._text):
            self._take(text[len(self._text) :])
            self._text = text


class _Stopped:
    """A stopping criterion of `generate`."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __call__(self, ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full((ids.shape[0],), self._stop.is_set(), device=ids.device, dtype=torch.bool)


class _Gumbel:
    """A logits processor of `generate`."""

    def __init__(self, seed: int | None) -> None:
        self._random = torch.Generator().manual_seed(seed) if seed is not None else None

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = torch.empty(scores.shape).exponential_(generator=self._random).log_().neg_()
        return scores + noise.to(scores)


# -- messages


def _schema(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _turns(messages: Sequence[Message[Samples]]) -> list[list[dict[str, Any]]]:
    """Each with what somebody said and all that followed on it."""
    turns: list[list[dict[str, Any]]] = []
    for message in messages:
        said = _plain(message)
        before = turns[-1][-1] if turns else {}
        if message.role == "user" and before.get("role") == "user":  # templates want answers between
            before["content"] += "\n" + said["content"]
        elif message.role == "user" or not turns:
            turns.append([said])
        else:
            turns[-1].append(said)
    return turns


def _plain(message: Message[Samples]) -> dict[str, Any]:
    """As chat templates take it."""
    if not all(isinstance(part, str) for part in message.content):
        raise InvalidOption("this language model reads text, not sound", field="messages")
    out: dict[str, Any] = {"role": message.role, "content": "".join(map(str, message.content))}
    if message.calls:
        out["tool_calls"] = [
            {"id": _id(c.id), "type": "function", "function": {"name": c.name, "arguments": _object(c.arguments)}}
            for c in message.calls
        ]
    if message.call_id is not None:
        out["tool_call_id"] = _id(message.call_id)
    return out


def _id(call_id: str) -> str:
    """Nine letters and digits, which Mistral's templates insist on."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


def _object(arguments: str) -> dict[str, Any]:
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _without_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system message in front of what was said first."""
    system = "\n".join(m["content"] for m in messages if m["role"] == "system")
    rest = [dict(m) for m in messages if m["role"] != "system"]
    for message in rest[:1]:
        message["content"] = f"{system}\n\n{message['content']}".strip()
    return rest
