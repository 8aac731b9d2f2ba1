"""Agents."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response, status

from backend.api.deps import CurrentUser, PageDep, ReadSessionDep, SessionDep
from backend.api.idempotency import IdempotentDep
from backend.api.openapi import problems
from backend.api.responses import check_if_match, not_modified_or, with_etag
from backend.models import Agent
from backend.schemas.agent import AgentCreate, AgentRead, AgentUpdate
from backend.schemas.common import MAX_ID, Page
from backend.services import agent_service
from backend.services.paging import Slice

router = APIRouter(prefix="/agents", tags=["agents"], responses=problems(401))

AgentId = Annotated[int, Path(ge=1, le=MAX_ID)]
IfMatch = Annotated[str | None, Header(description="Only if it still has this ETag")]
IfNoneMatch = Annotated[str | None, Header(description="Not if it has this ETag")]


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=AgentRead,
    responses=problems(409),
)
async def create_agent(
    data: AgentCreate,
    session: SessionDep,
    identity: CurrentUser,
    idempotent: IdempotentDep,
) -> Response:
    """Add an agent."""

    async def create() -> Response:
        agent = await agent_service.create_agent(session, identity.user.id, data)
        headers = {"Location": f"/api/v1/agents/{agent.id}"}
        return with_etag(AgentRead.model_validate(agent), 201, headers)

    return await idempotent(data, create)


@router.get("", response_model=Page[AgentRead])
async def list_agents(
    session: ReadSessionDep, identity: CurrentUser, page: PageDep
) -> Slice[Agent]:
    """List one's agents, newest first."""
    return await agent_service.list_agents(
        session, identity.user.id, cursor=page.cursor, limit=page.limit
    )


@router.get(
    "/{agent_id}",
    response_model=AgentRead,
    responses={304: {"description": "Unchanged"}, **problems(404)},
)
async def read_agent(
    request: Request,
    agent_id: AgentId,
    session: ReadSessionDep,
    identity: CurrentUser,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Show an agent with its tools and subagents."""
    agent = await agent_service.get_agent(session, identity.user.id, agent_id)
    return not_modified_or(request, with_etag(AgentRead.model_validate(agent)))


@router.patch(
    "/{agent_id}", response_model=AgentRead, responses=problems(404, 409, 412)
)
async def update_agent(
    request: Request,
    agent_id: AgentId,
    data: AgentUpdate,
    session: SessionDep,
    identity: CurrentUser,
    if_match: IfMatch = None,
) -> Response:
    """Change what the body names."""
    agent = await agent_service.get_agent(session, identity.user.id, agent_id)
    check_if_match(request, AgentRead.model_validate(agent))
    agent = await agent_service.update_agent(session, agent, data)
    return with_etag(AgentRead.model_validate(agent))


@router.delete(
    "/{agent_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(404, 409, 412),
)
async def delete_agent(
    request: Request,
    agent_id: AgentId,
    session: SessionDep,
    identity: CurrentUser,
    if_match: IfMatch = None,
) -> None:
    """Delete an agent. Its executions stay."""
    agent = await agent_service.get_agent(session, identity.user.id, agent_id)
    check_if_match(request, AgentRead.model_validate(agent))
    await agent_service.delete_agent(session, agent)
