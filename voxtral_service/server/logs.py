"""Log lines as text or as JSON, one line each. What was said and keys are never in them."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

logger = logging.getLogger(__name__)

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
FIELDS = "fields"
"""The attribute of a log record that holds its fields: `logger.info(message, extra={FIELDS: {...}})`."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[^\s\"=]+")


def configure(log_format: LogFormat, level: LogLevel) -> None:
    """Send everything that this process logs to standard error, in one format."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # Only this package is asked for more: at level debug websockets logs frames, and with them what was said.
    logging.getLogger("voxtral_service").setLevel(level.upper())


def announce(message: str) -> None:
    """Tell whoever started the server, whatever the level: a plain line, or an object where all lines are objects."""
    if any(isinstance(handler.formatter, JsonFormatter) for handler in logging.getLogger().handlers):
        logger.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 0, message, (), None))
    else:
        print(message, file=sys.stderr)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(record, FIELDS, {})
    return fields


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TextFormatter(logging.Formatter):
    """`time LEVEL logger: message key=value ...`, and tracebacks on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        # Parts of messages come from clients, who must not be able to write lines of their own.
        message = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", record.getMessage())
        line = f"{_time(record)} {record.levelname} {record.name}: {message}"
        for name, value in _fields(record).items():
            text = str(value)
            line += f" {name}={text if _PLAIN.fullmatch(text) else json.dumps(text)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, the fields, and with an error its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)
