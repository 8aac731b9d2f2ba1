from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from backend.core.database import Database
from backend.core.errors import (
    ConcurrentUpdateError,
    NameTakenError,
    NotFoundError,
    SubagentCycleError,
    UnknownReferenceError,
)
from backend.models import Agent, User
from backend.schemas.agent import AgentCreate, AgentUpdate
from backend.services import agent_service, tool_service
from backend.tests.test_services.conftest import MakeUser

pytestmark = pytest.mark.anyio


async def create(database: Database, owner: User, name: str, **fields: Any) -> Agent:
    data = AgentCreate.model_validate({"name": name, "model_name": "gpt-5", **fields})
    async with database.transaction() as session:
        return await agent_service.create_agent(session, owner.id, data)


async def update(
    database: Database, owner: User, agent_id: int, **fields: Any
) -> Agent:
    async with database.transaction() as session:
        agent = await agent_service.get_agent(session, owner.id, agent_id)
        data = AgentUpdate.model_validate(fields)
        return await agent_service.update_agent(session, agent, data)


async def delete(database: Database, owner: User, agent_id: int) -> None:
    async with database.transaction() as session:
        agent = await agent_service.get_agent(session, owner.id, agent_id)
        await agent_service.delete_agent(session, agent)


async def get(database: Database, owner: User, agent_id: int) -> Agent:
    async with database.reading() as session:
        return await agent_service.get_agent(session, owner.id, agent_id)


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = database.read_engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def test_a_name_is_free_again_after_deletion(
    database: Database, ada: User
) -> None:
    first = await create(database, ada, "Researcher")
    with pytest.raises(NameTakenError):
        await create(database, ada, "Researcher")
    await delete(database, ada, first.id)
    await create(database, ada, "Researcher")


async def test_what_is_somebody_elses_does_not_exist(
    database: Database, ada: User, make_user: MakeUser
) -> None:
    agent = await create(database, ada, "Researcher")
    eve = await make_user("eve@example.com")
    with pytest.raises(NotFoundError):
        await get(database, eve, agent.id)
    with pytest.raises(UnknownReferenceError, match=f"subagent_ids.*: {agent.id}"):
        await create(database, eve, "Thief", subagent_ids=[agent.id])


async def test_tools_must_exist(database: Database, ada: User) -> None:
    async with database.transaction() as session:
        await tool_service.seed(session)
        await tool_service.seed(session)  # the second time there is nothing to add
    agent = await create(database, ada, "Researcher", tool_ids=[1, 1, 2])
    assert [tool.id for tool in agent.tools] == [1, 2]
    with pytest.raises(UnknownReferenceError, match=r"tool_ids.*: 98, 99"):
        await create(database, ada, "Other", tool_ids=[99, 1, 98])


async def test_what_an_update_does_not_name_stays(
    database: Database, ada: User
) -> None:
    child = await create(database, ada, "Child")
    agent = await create(
        database, ada, "Parent", description="old", subagent_ids=[child.id]
    )
    agent = await update(database, ada, agent.id, temperature=1.5)
    assert agent.description == "old"
    assert [each.id for each in agent.subagents] == [child.id]
    version = agent.version
    assert (await update(database, ada, agent.id)).version == version
    agent = await update(database, ada, agent.id, description=None, subagent_ids=[])
    assert agent.description is None
    assert agent.subagents == []
    assert agent.version == version + 1


async def test_no_agent_is_below_itself(database: Database, ada: User) -> None:
    leaf = await create(database, ada, "Leaf")
    middle = await create(database, ada, "Middle", subagent_ids=[leaf.id])
    top = await create(database, ada, "Top", subagent_ids=[middle.id])
    for below in (leaf, middle, top):
        with pytest.raises(SubagentCycleError):
            await update(database, ada, leaf.id, subagent_ids=[below.id])
    await update(database, ada, top.id, subagent_ids=[leaf.id, middle.id])


async def test_deleted_agents_leave_their_parents(
    database: Database, ada: User
) -> None:
    child = await create(database, ada, "Child")
    parent = await create(database, ada, "Parent", subagent_ids=[child.id])
    await delete(database, ada, child.id)
    assert (await get(database, ada, parent.id)).subagents == []


async def test_a_change_in_between_is_not_overwritten(
    database: Database, ada: User
) -> None:
    agent_id = (await create(database, ada, "Researcher")).id
    with pytest.raises(ConcurrentUpdateError):
        async with database.transaction() as session:
            agent = await agent_service.get_agent(session, ada.id, agent_id)
            # As if another transaction had committed here, which PostgreSQL allows.
            await session.execute(text("UPDATE agents SET version = version + 1"))
            data = AgentUpdate(name="Changed")
            await agent_service.update_agent(session, agent, data)


async def test_a_list_takes_three_statements_however_long(
    database: Database, ada: User
) -> None:
    child = await create(database, ada, "Child")
    for number in range(10):
        await create(database, ada, f"Agent {number}", subagent_ids=[child.id])
    counts = []
    for limit in (1, 10):
        with counted_statements(database) as statements:
            async with database.reading() as session:
                page = await agent_service.list_agents(
                    session, ada.id, cursor=None, limit=limit
                )
        assert len(page.items) == limit
        counts.append(len(statements))
    assert counts == [3, 3]


async def test_agents_of_the_same_moment_are_all_listed(
    database: Database, ada: User
) -> None:
    for number in range(5):
        await create(database, ada, f"Agent {number}")
    async with database.transaction() as session:
        moment = {"moment": "2026-01-01 00:00:00.000000"}
        await session.execute(text("UPDATE agents SET created_at = :moment"), moment)
    names, cursor = set(), None
    for _ in range(3):
        async with database.reading() as session:
            page = await agent_service.list_agents(
                session, ada.id, cursor=cursor, limit=2
            )
        names |= {agent.name for agent in page.items}
        cursor = page.next_cursor
    assert names == {f"Agent {number}" for number in range(5)}
    assert cursor is None


async def test_new_rows_do_not_shift_the_pages(database: Database, ada: User) -> None:
    for number in range(5):
        await create(database, ada, f"Agent {number}")
    names, cursor = [], None
    for turn in range(3):
        async with database.reading() as session:
            page = await agent_service.list_agents(
                session, ada.id, cursor=cursor, limit=2
            )
        names += [agent.name for agent in page.items]
        cursor = page.next_cursor
        await create(database, ada, f"New {turn}")
    assert names == [f"Agent {number}" for number in (4, 3, 2, 1, 0)]
    assert cursor is None
