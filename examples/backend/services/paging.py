"""Keyset paging: a page begins after a row, not after a count of rows."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.errors import UnprocessableError
from backend.models import Agent, Execution, Tool

Row = TypeVar("Row", Agent, Execution, Tool)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page. The id decides between rows of the same moment."""

    created_at: datetime
    id: int

    def encode(self) -> str:
        """Make the text that clients hand back, and need not understand."""
        text = f"{self.created_at.isoformat()}/{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read what a client handed back."""
        try:
            padded = text + "=" * (-len(text) % 4)
            moment, _, id_ = base64.urlsafe_b64decode(padded).decode().partition("/")
            cursor = cls(datetime.fromisoformat(moment), int(id_))
        except ValueError as error:
            raise _bad_cursor() from error
        # We only ever write UTC, and one spelling of each cursor.
        in_utc = cursor.created_at.tzinfo == UTC
        if not in_utc or cursor.encode() != text or not 0 < cursor.id < 2**63:
            raise _bad_cursor()
        return cursor


def _bad_cursor() -> UnprocessableError:
    return UnprocessableError("This is no cursor of ours.", ["query", "cursor"])


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of one page, and where the next one begins."""

    items: list[Row]
    next_cursor: str | None


async def fetch_page(
    session: AsyncSession,
    model: type[Row],
    query: Select[Any],
    *,
    cursor: str | None,
    limit: int,
) -> Slice[Row]:
    """Fetch the newest rows after the cursor, in one statement and without COUNT."""
    created_at, id_ = model.created_at, model.id
    if cursor is not None:
        last = Cursor.decode(cursor)
        query = query.where(tuple_(created_at, id_) < (last.created_at, last.id))
    query = query.order_by(created_at.desc(), id_.desc()).limit(limit + 1)
    rows = list(await session.scalars(query))
    if len(rows) <= limit:
        return Slice(rows, None)
    rows = rows[:limit]
    return Slice(rows, Cursor(rows[-1].created_at, rows[-1].id).encode())
