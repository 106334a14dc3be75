"""Whose client sent an HTTP request about a recording."""

from __future__ import annotations

from collections.abc import Mapping

from voxtral_service.wire.form import Form
from voxtral_service.wire.http import FileDialect
from voxtral_service.wire.mistral_http import TELLTALES, MistralHttp
from voxtral_service.wire.openai_http import OpenAIHttp


def dialect(form: Form) -> type[FileDialect]:
    """Mistral's if a field is there that only its clients send, else OpenAI's.

    The arrays of OpenAI's SDKs have `[]` in their names. Mistral's own examples for curl have not, and no
    `response_format`, which Mistral does not know.
    """
    if any(name in form for name in TELLTALES):
        return MistralHttp
    if "timestamp_granularities" in form and "response_format" not in form:
        return MistralHttp
    return OpenAIHttp


def before_the_form(headers: Mapping[str, str]) -> type[FileDialect]:
    """The same as far as headers tell, to refuse a form that cannot be read. Names of headers are in lower case."""
    return MistralHttp if "mistral" in headers.get("user-agent", "").lower() else OpenAIHttp
