"""Lines for people and lines for machines."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from voxtral_service.server import logs


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of this package; the process's logging is put back as it was."""
    root, package = logging.getLogger(), logging.getLogger("voxtral_service")
    before = root.handlers[:], root.level, package.level
    try:
        yield logging.getLogger("voxtral_service.server.record")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        package.setLevel(before[2])


def test_text_is_one_line_whatever_a_client_sends(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "info")
    logger.info("asked for %s", "a\nmodel\x1b[31m", extra={logs.FIELDS: {"key": "my phone", "turns": 3, "why": ""}})
    (line,) = capsys.readouterr().err.splitlines()
    time, rest = line.split(" ", 1)
    assert time.endswith("Z")
    message = r"asked for a\x0amodel\x1b[31m"
    assert rest == f'INFO voxtral_service.server.record: {message} key="my phone" turns=3 why=""'


def test_json_is_an_object_a_line(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logger.info("session\nclosed", extra={logs.FIELDS: {"seconds": 1.5}})
    try:
        raise ValueError("no good")
    except ValueError:
        logger.exception("a session failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    del first["time"]
    assert first == {
        "level": "info",
        "logger": "voxtral_service.server.record",
        "message": "session\nclosed",
        "seconds": 1.5,
    }
    assert second["level"] == "error"
    assert second["traceback"].endswith("ValueError: no good")


def test_announcements_come_at_every_level(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "error")
    logs.announce("serving a on b")
    assert capsys.readouterr().err == "serving a on b\n"
    logs.configure("json", "error")
    logs.announce("serving a on b")
    assert json.loads(capsys.readouterr().err)["message"] == "serving a on b"


def test_levels_are_for_this_package_alone(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "debug")
    logger.debug("mine")
    logging.getLogger("uvicorn.error").debug("> TEXT 'what somebody said'")
    logging.getLogger("uvicorn.error").warning("theirs")
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()] == ["mine", "theirs"]
    logs.configure("text", "error")
    logger.warning("mine")
    assert capsys.readouterr().err == ""
