"""Executions and their events."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Enum, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, BigId, CreatedAt, IntPk, UtcDateTime


class ExecutionStatus(StrEnum):
    """Where an execution stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


def _values(enum: type[ExecutionStatus]) -> list[str]:
    return [member.value for member in enum]


class Execution(Base):
    """One run of an agent on one input."""

    __tablename__ = "executions"
    __table_args__ = (
        Index("ix_executions_page", "owner_id", "created_at", "id"),
        Index("ix_executions_queue", "status", "id"),
    )

    id: Mapped[IntPk]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)
    # values_callable: store "queued"; the default would store the name, "QUEUED".
    status: Mapped[ExecutionStatus] = mapped_column(
        Enum(ExecutionStatus, native_enum=False, length=20, values_callable=_values),
        default=ExecutionStatus.QUEUED,
    )
    input: Mapped[str] = mapped_column(Text)
    # The agent as it was when it was asked: a later change is not for this run.
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON)
    output: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(String(200))
    last_sequence: Mapped[int] = mapped_column(BigId, default=0)
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ExecutionEvent(Base):
    """What happened, numbered from 1 without a gap. Rows are only ever added."""

    __tablename__ = "execution_events"

    execution_id: Mapped[int] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True
    )
    sequence: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(50))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[CreatedAt]
