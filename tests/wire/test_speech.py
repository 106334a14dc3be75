"""Speech as OpenAI's and Mistral's clients ask for it, and the answers they read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistralai.client.models import SpeechStreamAudioDelta, SpeechStreamDone, VoiceListResponse

from tests.wire.json_values import altered, json_values
from voxtral_service.errors import EngineError
from voxtral_service.wire import speech_answer
from voxtral_service.wire.form import BadField
from voxtral_service.wire.speech_request import FLOAT_PCM, FORMATS, SpeechRequest, decode
from voxtral_service.wire.voices import OPENAI_VOICES, LocalVoice, stand_in

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "speech" / "answers.json").read_text("utf-8"))
VOICES = [
    LocalVoice("en-us", "en-US", "", ""),
    LocalVoice("en-us+f1", "en-US", "", "female"),
    LocalVoice("en-us+m1", "en-US", "", "male"),
    LocalVoice("de", "de", "German", ""),
]


def read(**fields: Any) -> SpeechRequest:
    return decode(json.dumps({"input": "Hello.", **fields}).encode())


def test_openai() -> None:
    assert read(model="tts-1", voice="alloy") == SpeechRequest("Hello.", "tts-1", "alloy")
    assert read(
        voice={"id": "de"}, response_format="pcm", speed=2, stream_format="sse", instructions="Whisper.", stream=3
    ) == SpeechRequest("Hello.", "", "de", "pcm", 2.0, events=True)
    assert read(voice="de", voice_id="fr").voice == "de"


def test_mistral() -> None:
    assert read() == read(voice=None, stream=False) == SpeechRequest("Hello.", mistral=True)
    assert read(voice_id="de", model="m", response_format="pcm", stream=True, expressiveness=1.5, metadata={}) == (
        SpeechRequest("Hello.", "m", "de", FLOAT_PCM, events=True, mistral=True)
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"input": None}, "input"),
        ({"input": ["x"]}, "input"),
        ({"input": "\n"}, "input"),
        ({"input": "x" * 16_385}, "input"),
        ({"voice": ["x"]}, "voice"),
        ({"voice": {"id": 3}}, "voice"),
        ({"voice_id": 3}, "voice_id"),
        ({"model": 3}, "model"),
        ({"response_format": "ogg"}, "response_format"),
        ({"voice": "x", "speed": 0.2}, "speed"),
        ({"voice": "x", "speed": True}, "speed"),
        ({"voice": "x", "stream_format": "json"}, "stream_format"),
        ({"stream": "true"}, "stream"),
        ({"ref_audio": "AAAA"}, "ref_audio"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadField) as caught:
        read(**fields)
    assert caught.value.field == field


REQUESTS = st.fixed_dictionaries(
    {"input": st.text(min_size=1, max_size=20)},
    optional={
        "model": st.text(max_size=5),
        "voice": st.text(max_size=5) | st.fixed_dictionaries({"id": st.text(max_size=5)}),
        "voice_id": st.text(max_size=5),
        "response_format": st.sampled_from(FORMATS),
        "speed": st.floats(0.25, 4),
        "stream": st.booleans(),
        "stream_format": st.sampled_from(["audio", "sse"]),
    },
)


@given(altered(REQUESTS) | json_values())
@settings(max_examples=200)
def test_any_json_is_understood_or_refused(value: Any) -> None:
    try:
        request = decode(json.dumps(value).encode())
    except BadField:
        return
    assert request.text == value["input"]
    assert request.format in (*FORMATS, FLOAT_PCM)
    assert 0.25 <= request.speed <= 4
    assert request.mistral or request.format != FLOAT_PCM


@given(st.binary(max_size=40))
@settings(max_examples=50)
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(BadField):
        decode(body)


def test_answers_are_golden() -> None:
    for name, mistral in (("openai", False), ("mistral", True)):
        assert speech_answer.delta(b"RIFF", mistral=mistral) + speech_answer.done(mistral=mistral) == GOLDEN[name]
    assert speech_answer.whole(b"RIFF").body == GOLDEN["whole"]
    assert speech_answer.broken(EngineError("the voice broke"), mistral=False) == GOLDEN["broken"]
    assert speech_answer.voice_list(VOICES, 1_700_000_000, limit=1, offset=3) == GOLDEN["voices"]


def test_mistrals_client_reads_them() -> None:
    delta, done = [part.rpartition("data: ")[2] for part in GOLDEN["mistral"].strip().split("\n\n")]
    assert SpeechStreamAudioDelta.model_validate_json(delta).audio_data == "UklGRg=="
    assert SpeechStreamDone.model_validate_json(done).usage.total_tokens == 0
    assert VoiceListResponse.model_validate(GOLDEN["voices"]).items[0].id == "de"


def test_openais_voices_stand_for_local_ones() -> None:
    stands = {name: stand_in(name, VOICES) for name in OPENAI_VOICES}
    assert (stands["alloy"], stands["nova"], stands["Onyx".lower()]) == ("en-us", "en-us+f1", "en-us+m1")
    assert stand_in("NOVA", VOICES) == "en-us+f1"
    assert stand_in("de", VOICES) == "de"
    assert stand_in("someone", VOICES) == "someone"
    assert stand_in("alloy", []) == "alloy"
    assert stand_in("alloy", [LocalVoice("alloy", "", "", "")]) == "alloy"
    assert stand_in("nova", VOICES[:1]) == "en-us"
