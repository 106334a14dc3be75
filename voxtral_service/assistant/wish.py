"""What a caller wants of answers, put into practice with what there is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from voxtral_service.assistant.answer import AnswerSettings, Parts
from voxtral_service.assistant.speech import MAX_SPEED, MIN_SPEED
from voxtral_service.audio import Samples
from voxtral_service.audio.pcm import encode_alaw, encode_mulaw, encode_s16le
from voxtral_service.events import ResponseSettings

ENCODERS: dict[str, Callable[[Samples], bytes]] = {
    "pcm_s16le": encode_s16le,
    "pcm_mulaw": encode_mulaw,
    "pcm_alaw": encode_alaw,
}
"""Encodings that answers can come in."""


def parts_for(parts: Parts, wish: ResponseSettings) -> Parts:
    """What the answers are made with. A caller's tool takes the place of one of the same name here."""
    toolbox, tools = parts.toolbox.without({tool.name for tool in wish.tools}), wish.tools
    if wish.tool_choice == "none":
        toolbox, tools = toolbox.only(()), ()
    elif wish.tool_name:
        toolbox, tools = toolbox.only((wish.tool_name,)), tuple(t for t in tools if t.name == wish.tool_name)
    return replace(
        parts, synthesizer=parts.synthesizer if wish.spoken else None, toolbox=toolbox, client_tools=tuple(tools)
    )


def answer_settings(settings: AnswerSettings, wish: ResponseSettings) -> AnswerSettings:
    """How the answers are made."""
    speech = replace(
        settings.speech,
        voice=wish.voice or settings.speech.voice,
        speed=min(max(wish.speed, MIN_SPEED), MAX_SPEED),
        sample_rate=wish.audio_format.sample_rate,
    )
    must_call = wish.tool_choice == "required" or bool(wish.tool_name)
    max_tokens = wish.max_tokens if wish.max_tokens is not None else settings.options.max_tokens
    return replace(
        settings,
        speech=speech,
        encode=ENCODERS[wish.audio_format.encoding],
        lead=settings.lead if wish.paced else math.inf,
        options=replace(settings.options, max_tokens=max_tokens, must_call=must_call),
    )
