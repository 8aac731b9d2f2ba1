"""Agents, with their tools and subagents."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.models.base import Base, CreatedAt, IntPk, UtcDateTime, utc_now
from backend.models.tool import Tool

agent_tools = Table(
    "agent_tools",
    Base.metadata,
    Column("agent_id", ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "tool_id",
        ForeignKey("tools.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)

agent_subagents = Table(
    "agent_subagents",
    Base.metadata,
    Column("parent_id", ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "child_id",
        ForeignKey("agents.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)


class Agent(Base):
    """A configuration of a model. Deleted ones stay, for the executions' sake."""

    __tablename__ = "agents"
    __table_args__ = (
        # Unique among the living: a deleted agent's name is free again.
        Index(
            "uq_agents_owner_id_name",
            "owner_id",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_agents_page", "owner_id", "created_at", "id"),
    )

    id: Mapped[IntPk]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(String(1000))
    model_name: Mapped[str] = mapped_column(String(100))
    temperature: Mapped[float]
    system_prompt: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column()
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # lazy="raise": what a query did not load is an error at once, in every test,
    # and not a hidden statement (or MissingGreenlet) in production.
    tools: Mapped[list[Tool]] = relationship(
        secondary=agent_tools, lazy="raise", order_by=Tool.id
    )
    subagents: Mapped[list["Agent"]] = relationship(
        secondary=agent_subagents,
        primaryjoin=lambda: Agent.id == agent_subagents.c.parent_id,
        secondaryjoin=lambda: Agent.id == agent_subagents.c.child_id,
        lazy="raise",
        order_by=lambda: Agent.id,
    )

    # Every UPDATE says WHERE version = the one that was read, and counts it up.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
