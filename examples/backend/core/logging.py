"""Logs as one JSON object a line, each with the id of the request it belongs to.

The standard library does this in a screenful, so there is no dependency for it.
"""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",  # uvicorn's, the same text with colours
}


class JsonFormatter(logging.Formatter):
    """Format a record, and what was passed as `extra=`, as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Put a record on one line, whatever it contains."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        entry |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def _without_query(record: logging.LogRecord) -> bool:
    """Cut the query off a WebSocket's address, as uvicorn logs it: it may be secret."""
    if "WebSocket" in record.msg and isinstance(record.args, tuple):
        record.args = tuple(str(each).partition("?")[0] for each in record.args)
    return True


def configure_logging(level: str) -> None:
    """Send everything to standard error as JSON, uvicorn's lines included."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.setLevel(level)
    for old in root.handlers:
        if isinstance(old.formatter, JsonFormatter):
            root.removeHandler(old)  # from an earlier call
            break
    root.addHandler(handler)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.error").addFilter(_without_query)
    # At DEBUG it would log every statement with its values, password hashes too.
    logging.getLogger("aiosqlite").setLevel("INFO")
    # Our middleware writes that line, with the request id and the time it took.
    logging.getLogger("uvicorn.access").disabled = True
