import base64
from datetime import UTC, datetime

import pytest

from backend.core.errors import UnprocessableError
from backend.services.paging import Cursor


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = Cursor(datetime.now(UTC), 7)
    assert Cursor.decode(cursor.encode()) == cursor


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "ü",
        "abcde",
        _encode("yesterday/7"),
        _encode("2026-01-01T00:00:00+00:00/x"),
        _encode("2026-01-01T00:00:00/7"),
        _encode("0001-01-01T00:00:00+23:59/7"),
        _encode("2026-01-01T00:00:00+00:00/0"),
        _encode(f"2026-01-01T00:00:00+00:00/{2**63}"),
        _encode("2026-01-01T00:00:00+00:00/07"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UnprocessableError):
        Cursor.decode(text)
