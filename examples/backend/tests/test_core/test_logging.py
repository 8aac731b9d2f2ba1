import json
import logging
import sys

import pytest

from backend.core.logging import JsonFormatter, configure_logging, request_id


def _record(message: str, **extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "test", "levelname": "INFO", **extra})
    record.msg = message
    return record


def test_a_record_is_one_line_of_json() -> None:
    token = request_id.set("abc")
    line = JsonFormatter().format(_record("two\nlines", path="/x"))
    request_id.reset(token)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "two\nlines"
    assert entry["path"] == "/x"
    assert entry["request_id"] == "abc"


def test_an_exception_is_part_of_the_record() -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        record = _record("failed", exc_info=sys.exc_info())
    assert (
        "ZeroDivisionError" in json.loads(JsonFormatter().format(record))["exception"]
    )


def test_what_may_be_secret_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")
    line = '%s - "WebSocket %s" [accepted]'
    logging.getLogger("uvicorn.error").info(line, "127.0.0.1", "/ws/1?token=secret")
    logging.getLogger("aiosqlite").debug("executing %s", "secret")
    printed = capsys.readouterr().err
    configure_logging("INFO")
    assert "/ws/1" in printed
    assert "secret" not in printed


def test_configuring_twice_does_not_log_twice() -> None:
    configure_logging("INFO")
    configure_logging("INFO")
    ours = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler.formatter, JsonFormatter)
    ]
    assert len(ours) == 1
    assert logging.getLogger("uvicorn.error").propagate
