"""What `/v1/chat/completions` says, in a form that clients of OpenAI, of Mistral and of vLLM all read."""

from __future__ import annotations

from collections.abc import Sequence

from voxtral_service.chat import AnswerEnd, AnswerEvent, AnswerText, ToolCall
from voxtral_service.errors import VoxtralError
from voxtral_service.wire import http
from voxtral_service.wire.chat_request import ChatRequest
from voxtral_service.wire.frames import JsonObject

DONE = "data: [DONE]\n\n"


class ChatAnswer:
    """One answer; it remembers what it has said in a stream."""

    def __init__(self, request: ChatRequest, *, id: str, model: str, created: int) -> None:
        """`created` is in seconds of Unix time."""
        self._request = request
        self._head: JsonObject = {"id": id, "created": created, "model": model}
        self._calls = 0

    def whole(self, events: Sequence[AnswerEvent]) -> http.Answer:
        """Everything at once; the last event is the end."""
        text = "".join(event.text for event in events if isinstance(event, AnswerText))
        calls = [_call(event) for event in events if isinstance(event, ToolCall)]
        end = events[-1]
        assert isinstance(end, AnswerEnd)
        message: JsonObject = {"role": "assistant", "content": text or ("" if not calls else None), "refusal": None}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": end.reason, "logprobs": None}
        return http.json_answer({**self._head, "object": "chat.completion", "choices": [choice], "usage": usage(end)})

    def begin(self) -> str:
        """The first server-sent event: who speaks."""
        return self._piece({"role": "assistant", "content": ""})

    def event(self, event: AnswerEvent) -> str:
        """Server-sent events for what was written now."""
        match event:
            case AnswerText(text):
                return self._piece({"content": text})
            case ToolCall():
                self._calls += 1
                return self._piece({"tool_calls": [{"index": self._calls - 1, **_call(event)}]})
            case AnswerEnd():
                return self._end(event)

    def broken(self, error: VoxtralError) -> str:
        """Say in the middle of a stream that nothing more will come, and why."""
        return http.sse(http.openai_error(error))

    def _end(self, end: AnswerEnd) -> str:
        bill = {"usage": usage(end)}
        # Some clients add up what every piece says, so only one does: Mistral's last, or one of its own at OpenAI.
        if self._request.include_usage:
            last = http.sse({**self._head, "object": "chat.completion.chunk", "choices": [], **bill})
            return self._piece({}, end.reason) + last + DONE
        return self._piece({}, end.reason, bill if self._request.mistral else {}) + DONE

    def _piece(self, delta: JsonObject, reason: str | None = None, more: JsonObject | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return http.sse({**self._head, "object": "chat.completion.chunk", "choices": [choice], **(more or {})})


def usage(end: AnswerEnd) -> JsonObject:
    """What it took: OpenAI's fields, and Mistral's whole seconds of sound."""
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "prompt_tokens_details": {"audio_tokens": end.audio_tokens, "cached_tokens": 0},
        "prompt_audio_seconds": round(end.audio_seconds),
    }


def _call(call: ToolCall) -> JsonObject:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
