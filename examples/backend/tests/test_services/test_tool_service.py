import pytest

from backend.core.database import Database
from backend.core.errors import ForbiddenError, NameTakenError, NotFoundError
from backend.models import Tool, User
from backend.services import tool_service
from backend.tests.test_services.conftest import MakeUser

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tool(database: Database, ada: User) -> Tool:
    async with database.transaction() as session:
        await tool_service.seed(session)
        return await tool_service.create_tool(
            session, ada.id, name="search", description=None
        )


async def test_a_tool_is_its_owners(
    database: Database, ada: User, tool: Tool, make_user: MakeUser
) -> None:
    eve = await make_user("eve@example.com")
    async with database.transaction() as session:
        assert (await tool_service.get_tool(session, ada.id, tool.id)).name == "search"
        for user_id in (eve.id, None):
            with pytest.raises(NotFoundError):
                await tool_service.get_tool(session, user_id, tool.id)
        with pytest.raises(NotFoundError):
            await tool_service.delete_tool(session, eve.id, tool.id)
        page = await tool_service.list_tools(session, eve.id, cursor=None, limit=100)
    assert {each.name for each in page.items} == set(tool_service.BUILT_IN)


async def test_names_are_unique_per_owner(
    database: Database, ada: User, tool: Tool, make_user: MakeUser
) -> None:
    eve = await make_user("eve@example.com")
    async with database.transaction() as session:
        await tool_service.create_tool(session, eve.id, name="search", description=None)
    with pytest.raises(NameTakenError):
        async with database.transaction() as session:
            await tool_service.create_tool(
                session, ada.id, name="search", description=None
            )


async def test_built_in_tools_stay(database: Database, ada: User, tool: Tool) -> None:
    async with database.transaction() as session:
        with pytest.raises(ForbiddenError):
            await tool_service.delete_tool(session, ada.id, 1)
        await tool_service.delete_tool(session, ada.id, tool.id)
        with pytest.raises(NotFoundError):
            await tool_service.get_tool(session, ada.id, tool.id)
