"""Executions of agents."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status

from backend.api.deps import (
    CurrentUser,
    PageDep,
    ReadSessionDep,
    SessionDep,
    SignalsDep,
)
from backend.api.idempotency import IdempotentDep
from backend.api.openapi import problems
from backend.api.responses import json_response
from backend.api.v1.agents import AgentId
from backend.models import Execution, ExecutionStatus
from backend.schemas.common import MAX_ID, Page
from backend.schemas.execution import (
    EventPage,
    EventRead,
    ExecutionCreate,
    ExecutionRead,
)
from backend.services import agent_service, execution_service
from backend.services.paging import Slice

router = APIRouter(tags=["executions"], responses=problems(401))

ExecutionId = Annotated[int, Path(ge=1, le=MAX_ID)]
After = Annotated[
    int, Query(ge=0, le=MAX_ID, description="Only events after this sequence")
]


@router.post(
    "/agents/{agent_id}/executions",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=ExecutionRead,
    responses=problems(404),
)
async def create_execution(
    agent_id: AgentId,
    data: ExecutionCreate,
    session: SessionDep,
    identity: CurrentUser,
    signals: SignalsDep,
    idempotent: IdempotentDep,
) -> Response:
    """Queue a run of the agent. It runs on the server; follow its events."""

    async def create() -> Response:
        agent = await agent_service.get_agent(session, identity.user.id, agent_id)
        execution = await execution_service.create_execution(
            session, signals, agent, data.input
        )
        body = ExecutionRead.model_validate(execution).model_dump_json()
        location = f"/api/v1/executions/{execution.id}"
        return json_response(body, 202, {"Location": location})

    return await idempotent(data, create)


@router.get("/executions", response_model=Page[ExecutionRead])
async def list_executions(
    session: ReadSessionDep,
    identity: CurrentUser,
    page: PageDep,
    agent_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    status: ExecutionStatus | None = None,
) -> Slice[Execution]:
    """List one's executions, newest first."""
    return await execution_service.list_executions(
        session,
        identity.user.id,
        agent_id=agent_id,
        status=status,
        cursor=page.cursor,
        limit=page.limit,
    )


@router.get(
    "/executions/{execution_id}",
    response_model=ExecutionRead,
    responses=problems(404),
)
async def read_execution(
    execution_id: ExecutionId, session: ReadSessionDep, identity: CurrentUser
) -> Execution:
    """Show an execution."""
    return await execution_service.get_execution(
        session, identity.user.id, execution_id
    )


@router.post(
    "/executions/{execution_id}/cancel",
    response_model=ExecutionRead,
    responses=problems(404, 409),
)
async def cancel_execution(
    execution_id: ExecutionId,
    session: SessionDep,
    identity: CurrentUser,
    signals: SignalsDep,
) -> Execution:
    """Cancel a queued or running execution."""
    return await execution_service.cancel_execution(
        session, signals, identity.user.id, execution_id
    )


@router.get(
    "/executions/{execution_id}/events",
    response_model=EventPage,
    responses=problems(404),
)
async def list_events(
    execution_id: ExecutionId,
    session: ReadSessionDep,
    identity: CurrentUser,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventPage:
    """List events in order."""
    await execution_service.get_execution(session, identity.user.id, execution_id)
    events = await execution_service.list_events(
        session, execution_id, after=after, limit=limit
    )
    items = [EventRead.model_validate(event) for event in events]
    return EventPage(items=items, next_after=items[-1].sequence if items else after)
