"""Golden requests about recordings: what a form asks for, and every way in which it is answered.

A file holds one JSON object: `form`, a list of names and values, and with `translate` true if it went to that route.
The rest is what the dialect makes of it: `request`, `stream` (the events that tell of the recording below), `whole`,
and `broken`, the event for a failure on the way; or `refused`.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from voxtral_service.errors import CallerError, Overloaded
from voxtral_service.events import FileEvent, Score, SegmentDelta, ServerVad, Token, TranscriptSegment, Word
from voxtral_service.wire import http_choice
from voxtral_service.wire.form import Form
from voxtral_service.wire.http import Answer, FileRequest, FileResult
from voxtral_service.wire.openai_http import OpenAIHttp

FOLDER = Path(__file__).parents[1] / "golden"
FIRST = TranscriptSegment(
    0,
    0.0,
    3.2,
    "Good morning. <b>Come</b> in!",
    (Word("Good", 0.24, 0.5), Word("morning.", 0.56, 1.1), Word("<b>Come</b>", 1.6, 2.0), Word("in!", 2.08, 2.4)),
    (Token(11, " Good", -0.1), Token(12, " morning.", -0.25), Token(13, " <b>Come</b>", -1.5), Token(14, " in!", -0.5)),
    "en",
    Score(avg_logprob=-0.5875, no_speech_prob=0.02),
)
SECOND = TranscriptSegment(1, 3.2, 6.5, "Größe: ½ – “ok”", (), (Token(15, " Größe: ½", -0.2),), "de")
EVENTS: tuple[FileEvent, ...] = (
    SegmentDelta(0, " Good"),
    SegmentDelta(0, " morning."),
    SegmentDelta(0, " <b>Come</b> in! "),
    FIRST,
    SegmentDelta(1, "Größe: ½ "),
    SegmentDelta(1, "– “ok”"),
    SECOND,
)
RESULT = FileResult("wren-en", (FIRST, SECOND), 6.5, "en")
FAILURE = Overloaded("all places are taken; try again later", retry_after=5)


def forms(dialect: str) -> list[Path]:
    """The files of a dialect; never none, so that a renamed folder is noticed."""
    found = sorted((FOLDER / dialect).glob("*.json"))
    assert found, f"no forms in {FOLDER / dialect}"
    return found


def told(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A golden file, and the same as the dialects write it now."""
    golden = json.loads(path.read_text("utf-8"))
    return golden, answered(golden["form"], translate=golden.get("translate", False))


def answered(fields: list[list[str]], *, translate: bool) -> dict[str, Any]:
    form = Form((name, value) for name, value in fields)
    kind = OpenAIHttp if translate else http_choice.dialect(form)
    now: dict[str, Any] = {"form": fields, **({"translate": True} if translate else {}), "dialect": kind.__name__}
    try:
        dialect = kind.decode(form, translate=translate)
    except CallerError as error:
        return {**now, "refused": _answer(kind.refuse(error))}
    now["request"] = _changed(dialect.request)
    if dialect.request.stream:
        frames = "".join(map(dialect.event, EVENTS)) + dialect.done(RESULT)
        now["stream"] = frames.split("\n\n")[:-1]
    else:
        now["whole"] = _answer(dialect.whole(RESULT))
    return {**now, "broken": dialect.broken(FAILURE)}


def _answer(answer: Answer) -> dict[str, Any]:
    body = json.loads(answer.body) if answer.media_type == "application/json" else answer.body.split("\n")
    return {"status": answer.status, "type": answer.media_type, "body": body, "headers": dict(answer.headers)}


def _changed(value: FileRequest | ServerVad) -> dict[str, Any]:
    """What differs from a request that asks for nothing, or from the default way to find pauses."""
    plain = type(value)()
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    changed = {name: part for name, part in fields.items() if part != getattr(plain, name)}
    return {name: _plain(part) for name, part in changed.items()}


def _plain(part: Any) -> Any:
    if isinstance(part, ServerVad):
        return _changed(part)
    return list(part) if isinstance(part, tuple) else part


def write(path: Path, fields: list[list[str]], *, translate: bool = False) -> None:
    """Write a golden file; what it says must be read before it is believed."""
    text = json.dumps(answered(fields, translate=translate), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", "utf-8")
