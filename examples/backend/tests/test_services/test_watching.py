import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.database import Database
from backend.core.errors import UnauthenticatedError
from backend.models import (
    Agent,
    AuthSession,
    Execution,
    ExecutionEvent,
    ExecutionStatus,
    User,
)
from backend.services import execution_service
from backend.services.auth_service import Identity
from backend.services.signals import Signals
from backend.services.watching import watch

pytestmark = pytest.mark.anyio


@pytest.fixture
def signals() -> Signals:
    return Signals()


@pytest.fixture
async def identity(database: Database, ada: User) -> Identity:
    async with database.transaction() as session:
        auth_session = AuthSession(user_id=ada.id)
        session.add(auth_session)
        await session.flush()
        later = datetime.now(UTC) + timedelta(minutes=5)
        return Identity(ada, auth_session.id, later)


@pytest.fixture
async def execution(database: Database, ada: User) -> Execution:
    async with database.transaction() as session:
        agent = Agent(owner_id=ada.id, name="A", model_name="gpt-5", temperature=0)
        session.add(agent)
        await session.flush()
        execution = Execution(
            owner_id=ada.id, agent_id=agent.id, input="x", snapshot={}
        )
        session.add(execution)
        await session.flush()
        return execution


async def finish(database: Database, signals: Signals, execution: Execution) -> None:
    async with database.transaction() as session:
        await execution_service.finish(
            session, signals, execution.id, ExecutionStatus.CANCELLED
        )


async def collect(pages: AsyncIterator[list[ExecutionEvent]]) -> list[str]:
    async with asyncio.timeout(30):
        return [event.type async for page in pages for event in page]


@pytest.mark.parametrize("other_process", [False, True])
async def test_a_watcher_wakes_by_signal_and_else_by_polling(
    database: Database, identity: Identity, execution: Execution, other_process: bool
) -> None:
    signals = Signals()
    poll = 0.05 if other_process else 60
    pages = watch(database, signals, identity, execution.id, after=0, poll_seconds=poll)
    assert await anext(pages) == []
    watching = asyncio.create_task(collect(pages))
    await asyncio.sleep(0)
    sender = Signals() if other_process else signals
    await finish(database, sender, execution)
    assert await watching == ["execution.cancelled"]


@pytest.mark.parametrize("after", [1, 2**62])
async def test_what_has_ended_has_no_more(
    database: Database,
    signals: Signals,
    identity: Identity,
    execution: Execution,
    after: int,
) -> None:
    await finish(database, signals, execution)
    pages = watch(
        database, signals, identity, execution.id, after=after, poll_seconds=60
    )
    assert await collect(pages) == []


async def test_the_end_of_the_process_ends_it(
    database: Database, signals: Signals, identity: Identity, execution: Execution
) -> None:
    pages = watch(database, signals, identity, execution.id, after=0, poll_seconds=60)
    assert await anext(pages) == []
    signals.close()
    assert await collect(pages) == []


async def test_the_end_of_the_token_ends_it(
    database: Database, signals: Signals, ada: User, identity: Identity
) -> None:
    expired = Identity(ada, identity.session_id, datetime.now(UTC))
    pages = watch(database, signals, expired, 1, after=0, poll_seconds=60)
    with pytest.raises(UnauthenticatedError):
        await anext(pages)
