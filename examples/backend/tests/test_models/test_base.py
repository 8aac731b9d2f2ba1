from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import sqlite

from backend.models.base import UtcDateTime

DIALECT = sqlite.dialect()
TOKYO = timezone(timedelta(hours=9))


def test_a_moment_is_kept_in_utc() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=TOKYO)
    kept = UtcDateTime().process_bind_param(noon, DIALECT)
    assert kept == noon
    assert kept is not None
    assert kept.hour == 3


def test_a_moment_comes_back_with_its_zone() -> None:
    naive = datetime(2026, 1, 1, 3)  # what SQLite's driver gives
    aware = datetime(2026, 1, 1, 3, tzinfo=UTC)  # what PostgreSQL's driver gives
    assert UtcDateTime().process_result_value(naive, DIALECT) == aware
    assert UtcDateTime().process_result_value(aware, DIALECT) == aware


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), DIALECT)


def test_none_stays_none() -> None:
    assert UtcDateTime().process_bind_param(None, DIALECT) is None
    assert UtcDateTime().process_result_value(None, DIALECT) is None
