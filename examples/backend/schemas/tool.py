"""Tools."""

from datetime import datetime

from pydantic import Field

from backend.schemas.common import Description, FromRow, Name, Request


class ToolCreate(Request):
    """A tool of one's own."""

    name: Name = Field(examples=["ticket_search"])
    description: Description | None = Field(
        default=None, examples=["Search the ticket system"]
    )


class ToolRead(FromRow):
    """A tool; `built_in` ones are everybody's."""

    id: int
    name: str
    description: str | None
    built_in: bool
    created_at: datetime
