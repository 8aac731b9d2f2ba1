"""Executions and their events."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.database import Database, WriteSession
from backend.core.errors import AlreadyFinishedError, NotFoundError
from backend.models import Agent, Execution, ExecutionEvent, ExecutionStatus
from backend.models.base import utc_now
from backend.services import signals as topics
from backend.services.paging import Slice, fetch_page
from backend.services.runner import AgentSnapshot
from backend.services.signals import Signals

UNFINISHED = (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING)
INTERRUPTED = "The server stopped before the execution was finished."


@dataclass(frozen=True, slots=True)
class Job:
    """What is needed to run an execution."""

    execution_id: int
    agent: AgentSnapshot
    input: str


async def create_execution(
    session: WriteSession, signals: Signals, agent: Agent, input_: str
) -> Execution:
    """Queue a run of the agent as it is now."""
    snapshot = AgentSnapshot(
        agent_id=agent.id,
        name=agent.name,
        model_name=agent.model_name,
        temperature=agent.temperature,
        system_prompt=agent.system_prompt,
        tools=tuple(tool.name for tool in agent.tools),
    )
    execution = Execution(
        owner_id=agent.owner_id,
        agent_id=agent.id,
        input=input_,
        snapshot=snapshot.to_json(),
    )
    session.add(execution)
    await session.flush()
    session.after_commit(partial(signals.send, topics.QUEUE))
    return execution


async def get_execution(
    session: AsyncSession, owner_id: int, execution_id: int
) -> Execution:
    """Get an execution as the table has it now."""
    query = (
        select(Execution)
        .where(Execution.id == execution_id, Execution.owner_id == owner_id)
        .execution_options(populate_existing=True)
    )
    execution = await session.scalar(query)
    if execution is None:
        raise NotFoundError("execution", execution_id)
    return execution


async def list_executions(
    session: AsyncSession,
    owner_id: int,
    *,
    agent_id: int | None = None,
    status: ExecutionStatus | None = None,
    cursor: str | None,
    limit: int,
) -> Slice[Execution]:
    """List the owner's executions, newest first."""
    query = select(Execution).where(Execution.owner_id == owner_id)
    if agent_id is not None:
        query = query.where(Execution.agent_id == agent_id)
    if status is not None:
        query = query.where(Execution.status == status)
    return await fetch_page(session, Execution, query, cursor=cursor, limit=limit)


async def list_events(
    session: AsyncSession, execution_id: int, *, after: int, limit: int
) -> list[ExecutionEvent]:
    """List events after a sequence number, in order."""
    query = (
        select(ExecutionEvent)
        .where(
            ExecutionEvent.execution_id == execution_id,
            ExecutionEvent.sequence > after,
        )
        .order_by(ExecutionEvent.sequence)
        .limit(limit)
    )
    return list(await session.scalars(query))


async def has_ended(session: AsyncSession, execution_id: int, *, at: int) -> bool:
    """Tell whether nothing will ever follow event number `at`."""
    query = select(Execution.id).where(
        Execution.id == execution_id,
        Execution.status.not_in(UNFINISHED),
        Execution.last_sequence <= at,
    )
    return await session.scalar(query) is not None


async def record(
    session: WriteSession,
    signals: Signals,
    execution_id: int,
    type_: str,
    data: dict[str, Any],
    *,
    while_in: Collection[ExecutionStatus],
    **changes: Any,
) -> bool:
    """Change the execution and add the event of it; False if it is too late.

    One conditional UPDATE changes the status and takes the next number. So there
    is one final event, whoever comes second, and the numbers have no gap.
    """
    sequence = await session.scalar(
        update(Execution)
        .where(Execution.id == execution_id, Execution.status.in_(while_in))
        .values(last_sequence=Execution.last_sequence + 1, **changes)
        .returning(Execution.last_sequence)
        .execution_options(synchronize_session=False)
    )
    if sequence is None:
        return False
    session.add(
        ExecutionEvent(
            execution_id=execution_id, sequence=sequence, type=type_, data=data
        )
    )
    await session.flush()
    session.after_commit(partial(signals.send, topics.changed(execution_id)))
    return True


async def finish(
    session: WriteSession,
    signals: Signals,
    execution_id: int,
    status: ExecutionStatus,
    *,
    output: str | None = None,
    error: str | None = None,
) -> bool:
    """Give the execution its final status and event; False if it has them."""
    data = {"output": output, "error": error}
    return await record(
        session,
        signals,
        execution_id,
        f"execution.{status}",
        {key: value for key, value in data.items() if value is not None},
        while_in=UNFINISHED,
        status=status,
        finished_at=utc_now(),
        **data,
    )


async def cancel_execution(
    session: WriteSession, signals: Signals, owner_id: int, execution_id: int
) -> Execution:
    """Cancel a queued or running execution."""
    await get_execution(session, owner_id, execution_id)
    status = ExecutionStatus.CANCELLED
    if not await finish(session, signals, execution_id, status):
        raise AlreadyFinishedError("The execution is finished.")
    session.after_commit(partial(signals.send, topics.cancelled(execution_id)))
    return await get_execution(session, owner_id, execution_id)


async def claim_next(session: WriteSession, signals: Signals) -> Job | None:
    """Take the oldest queued execution and mark it as running."""
    query = (
        select(Execution)
        .where(Execution.status == ExecutionStatus.QUEUED)
        .order_by(Execution.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    execution = await session.scalar(query)
    if execution is None:
        return None
    await record(
        session,
        signals,
        execution.id,
        "execution.started",
        {"agent": execution.snapshot["name"]},
        while_in=[ExecutionStatus.QUEUED],
        status=ExecutionStatus.RUNNING,
        started_at=utc_now(),
    )
    snapshot = AgentSnapshot.from_json(execution.snapshot)
    return Job(execution.id, snapshot, execution.input)


async def interrupt_unfinished(database: Database, signals: Signals) -> None:
    """End what no process runs any more: after a crash, and at shutdown."""
    async with database.transaction() as session:
        query = select(Execution.id).where(Execution.status.in_(UNFINISHED))
        for execution_id in list(await session.scalars(query)):
            await finish(
                session,
                signals,
                execution_id,
                ExecutionStatus.FAILED,
                error=INTERRUPTED,
            )
