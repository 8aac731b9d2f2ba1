"""Agents: one owner, tools, subagents, and names that are free again after deletion."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.exc import StaleDataError

from backend.core.database import WriteSession
from backend.core.errors import (
    ConcurrentUpdateError,
    NameTakenError,
    NotFoundError,
    SubagentCycleError,
    UnknownReferenceError,
)
from backend.models import Agent, Tool, User
from backend.models.agent import agent_subagents
from backend.models.base import utc_now
from backend.schemas.agent import AgentCreate, AgentUpdate
from backend.services.paging import Slice, fetch_page
from backend.services.tool_service import visible_to


def _living(owner_id: int) -> Select[Any]:
    return select(Agent).where(Agent.owner_id == owner_id, Agent.deleted_at.is_(None))


def _complete(query: Select[Any]) -> Select[Any]:
    # selectin: one more statement per relationship, however many agents there are.
    return query.options(selectinload(Agent.tools), selectinload(Agent.subagents))


async def get_agent(session: AsyncSession, owner_id: int, agent_id: int) -> Agent:
    """Get an agent with its tools and subagents, in three statements."""
    query = _complete(_living(owner_id).where(Agent.id == agent_id))
    agent: Agent | None = await session.scalar(query)
    if agent is None:
        raise NotFoundError("agent", agent_id)
    return agent


async def list_agents(
    session: AsyncSession, owner_id: int, *, cursor: str | None, limit: int
) -> Slice[Agent]:
    """List the owner's agents, newest first, in three statements."""
    return await fetch_page(
        session, Agent, _complete(_living(owner_id)), cursor=cursor, limit=limit
    )


async def create_agent(
    session: WriteSession, owner_id: int, data: AgentCreate
) -> Agent:
    """Add an agent. A new one is nobody's subagent, so it can close no cycle."""
    agent = Agent(
        owner_id=owner_id,
        tools=await _find_tools(session, owner_id, data.tool_ids),
        subagents=await _find_subagents(session, owner_id, data.subagent_ids),
        **data.model_dump(exclude={"tool_ids", "subagent_ids"}),
    )
    session.add(agent)
    await _flush(session, agent.name)
    return agent


async def update_agent(session: WriteSession, agent: Agent, data: AgentUpdate) -> Agent:
    """Change what the request names, and nothing else."""
    changes: dict[str, Any] = data.model_dump(exclude_unset=True)
    if not changes:
        return agent
    if "tool_ids" in changes:
        ids = changes.pop("tool_ids")
        agent.tools = await _find_tools(session, agent.owner_id, ids)
    if "subagent_ids" in changes:
        ids = changes.pop("subagent_ids")
        await _refuse_cycle(session, agent, ids)
        agent.subagents = await _find_subagents(session, agent.owner_id, ids)
    for field, value in changes.items():
        setattr(agent, field, value)
    # Always a change of the row itself, so that new links count the version up too.
    agent.updated_at = utc_now()
    await _flush(session, agent.name)
    return agent


async def delete_agent(session: WriteSession, agent: Agent) -> None:
    """Mark the agent as deleted, and take it out of its parents."""
    links = agent_subagents.c
    await session.execute(delete(agent_subagents).where(links.child_id == agent.id))
    agent.deleted_at = utc_now()
    await _flush(session, agent.name)


async def _flush(session: WriteSession, name: str) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise NameTakenError(f"You have an agent named {name!r}.") from error
    except StaleDataError as error:
        raise ConcurrentUpdateError(
            "The agent was changed at the same time. Read it and try again."
        ) from error


async def _find_tools(
    session: WriteSession, owner_id: int, ids: list[int]
) -> list[Tool]:
    if not ids:
        return []
    query = select(Tool).where(Tool.id.in_(ids), visible_to(owner_id))
    # The lock (PostgreSQL's; SQLite has one writer) keeps them until we commit.
    query = query.with_for_update(read=True, key_share=True).order_by(Tool.id)
    tools = list(await session.scalars(query))
    _refuse_missing("tool_ids", ids, (tool.id for tool in tools))
    return tools


async def _find_subagents(
    session: WriteSession, owner_id: int, ids: list[int]
) -> list[Agent]:
    if not ids:
        return []
    query = _living(owner_id).where(Agent.id.in_(ids)).order_by(Agent.id)
    agents = list(await session.scalars(query.with_for_update(read=True)))
    _refuse_missing("subagent_ids", ids, (agent.id for agent in agents))
    return agents


def _refuse_missing(field: str, ids: list[int], found: Iterable[int]) -> None:
    missing = sorted(set(ids) - set(found))
    if missing:
        raise UnknownReferenceError(field, missing)


async def _refuse_cycle(session: WriteSession, agent: Agent, ids: list[int]) -> None:
    """Refuse subagents from which the agent itself can be reached.

    Two changes at once could close a cycle that neither sees; the lock on the
    owner lets one wait for the other. SQLite's writers wait anyway.
    """
    await session.execute(
        select(User.id).where(User.id == agent.owner_id).with_for_update()
    )
    links = agent_subagents.c
    below = select(links.child_id).where(links.parent_id.in_(ids)).cte(recursive=True)
    below = below.union(  # UNION, not UNION ALL: it ends even if there is a cycle
        select(links.child_id).join(below, links.parent_id == below.c.child_id)
    )
    closes = select(below.c.child_id).where(below.c.child_id == agent.id).limit(1)
    if agent.id in ids or await session.scalar(closes) is not None:
        raise SubagentCycleError(
            f"Agent {agent.id} would become a subagent of itself.",
            ["body", "subagent_ids"],
        )
