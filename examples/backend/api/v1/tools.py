"""Tools: the built-in ones for everybody, and one's own."""

from typing import Annotated

from fastapi import APIRouter, Path, Response, status

from backend.api.deps import (
    CurrentUser,
    OptionalUser,
    PageDep,
    ReadSessionDep,
    SessionDep,
)
from backend.api.idempotency import IdempotentDep
from backend.api.openapi import problems
from backend.api.responses import json_response
from backend.models import Tool
from backend.schemas.common import MAX_ID, Page
from backend.schemas.tool import ToolCreate, ToolRead
from backend.services import tool_service
from backend.services.auth_service import Identity
from backend.services.paging import Slice

router = APIRouter(prefix="/tools", tags=["tools"], responses=problems(401))

ToolId = Annotated[int, Path(ge=1, le=MAX_ID)]


def _id(identity: Identity | None) -> int | None:
    return None if identity is None else identity.user.id


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=ToolRead,
    responses=problems(409),
)
async def create_tool(
    data: ToolCreate,
    session: SessionDep,
    identity: CurrentUser,
    idempotent: IdempotentDep,
) -> Response:
    """Add a tool of one's own."""

    async def create() -> Response:
        tool = await tool_service.create_tool(
            session, identity.user.id, **data.model_dump()
        )
        body = ToolRead.model_validate(tool).model_dump_json()
        return json_response(body, 201, {"Location": f"/api/v1/tools/{tool.id}"})

    return await idempotent(data, create)


@router.get("", response_model=Page[ToolRead])
async def list_tools(
    session: ReadSessionDep, identity: OptionalUser, page: PageDep
) -> Slice[Tool]:
    """List the built-in tools and, signed in, one's own."""
    return await tool_service.list_tools(
        session, _id(identity), cursor=page.cursor, limit=page.limit
    )


@router.get("/{tool_id}", response_model=ToolRead, responses=problems(404))
async def read_tool(
    tool_id: ToolId, session: ReadSessionDep, identity: OptionalUser
) -> Tool:
    """Show a tool."""
    return await tool_service.get_tool(session, _id(identity), tool_id)


@router.delete(
    "/{tool_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(403, 404),
)
async def delete_tool(
    tool_id: ToolId, session: SessionDep, identity: CurrentUser
) -> None:
    """Delete a tool of one's own; the agents that had it lose it."""
    await tool_service.delete_tool(session, identity.user.id, tool_id)
