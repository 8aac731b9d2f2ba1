"""Executions, their events, and what a WebSocket client may say."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, TypeAdapter

from backend.models.execution import ExecutionStatus
from backend.schemas.common import MAX_ID, FromRow, NoNul, Request


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


Sequence = Annotated[int, Field(ge=0, le=MAX_ID)]


class ExecutionCreate(Request):
    """What the agent is asked."""

    input: Annotated[
        str,
        StringConstraints(max_length=32_768),
        NoNul,
        AfterValidator(_not_blank),
    ] = Field(examples=["Compare the three offers."])


class ExecutionRead(FromRow):
    """An execution and how it stands."""

    id: int
    agent_id: int
    status: ExecutionStatus
    input: str
    output: str | None
    error: str | None
    last_sequence: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class EventRead(FromRow):
    """One event of an execution."""

    sequence: int
    type: str = Field(examples=["message.delta"])
    data: dict[str, Any]
    created_at: datetime


class EventPage(BaseModel):
    """Events in order. Ask again with `after=next_after`."""

    items: list[EventRead]
    next_after: int


class Authenticate(Request):
    """The first message, if the token did not come as a subprotocol."""

    type: Literal["authenticate"]
    token: Annotated[str, StringConstraints(max_length=4096)]
    after: Sequence | None = None


class Cancel(Request):
    """Ask to stop the execution."""

    type: Literal["cancel"]


ClientMessage = Annotated[Authenticate | Cancel, Field(discriminator="type")]
# validate_json and not json.loads: broken, huge or deeply nested text is one
# ValidationError, never a crash.
client_message: TypeAdapter[Authenticate | Cancel] = TypeAdapter(ClientMessage)
