"""Tools."""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.database import WriteSession
from backend.core.errors import ForbiddenError, NameTakenError, NotFoundError
from backend.models import Tool
from backend.services.paging import Slice, fetch_page

BUILT_IN = {
    "calculator": "Evaluate an arithmetic expression",
    "clock": "Tell the current date and time",
    "fetch_page": "Fetch a web page as text",
    "web_search": "Search the web",
}


def visible_to(user_id: int | None) -> ColumnElement[bool]:
    """Select what a user sees: the built-in tools, and the user's own."""
    built_in = Tool.owner_id.is_(None)
    return built_in if user_id is None else or_(built_in, Tool.owner_id == user_id)


async def seed(session: WriteSession) -> None:
    """Add the built-in tools that are not there yet."""
    query = select(Tool.name).where(Tool.owner_id.is_(None))
    there = set(await session.scalars(query))
    session.add_all(
        Tool(name=name, description=description)
        for name, description in BUILT_IN.items()
        if name not in there
    )
    await session.flush()


async def create_tool(
    session: WriteSession, owner_id: int, *, name: str, description: str | None
) -> Tool:
    """Add a tool of the user's own."""
    tool = Tool(owner_id=owner_id, name=name, description=description)
    session.add(tool)
    try:
        await session.flush()
    except IntegrityError as error:
        raise NameTakenError(f"You have a tool named {name!r}.") from error
    return tool


async def list_tools(
    session: AsyncSession, user_id: int | None, *, cursor: str | None, limit: int
) -> Slice[Tool]:
    """List what the user sees, newest first."""
    query = select(Tool).where(visible_to(user_id))
    return await fetch_page(session, Tool, query, cursor=cursor, limit=limit)


async def get_tool(session: AsyncSession, user_id: int | None, tool_id: int) -> Tool:
    """Get a tool that the user sees."""
    query = select(Tool).where(Tool.id == tool_id, visible_to(user_id))
    tool = await session.scalar(query)
    if tool is None:
        raise NotFoundError("tool", tool_id)
    return tool


async def delete_tool(session: WriteSession, user_id: int, tool_id: int) -> None:
    """Delete a tool of the user's own; the agents that had it lose it."""
    tool = await get_tool(session, user_id, tool_id)
    if tool.built_in:
        raise ForbiddenError("Built-in tools cannot be deleted.")
    await session.delete(tool)
    await session.flush()
