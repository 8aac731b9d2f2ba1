import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from backend.core.config import Settings
from backend.core.database import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url.get_secret_value())
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE counter (value INTEGER)"))
        await session.execute(text("INSERT INTO counter VALUES (0)"))
    yield database
    await database.dispose()


async def _value(database: Database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text("SELECT value FROM counter")) or 0)


async def test_commits_and_then_calls_back(database: Database) -> None:
    seen = []
    async with database.transaction() as session:
        await session.execute(text("UPDATE counter SET value = 1"))
        session.after_commit(lambda: seen.append("committed"))
        assert seen == []
    assert seen == ["committed"]
    assert await _value(database) == 1


async def test_rolls_back_and_does_not_call_back(database: Database) -> None:
    seen = []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await session.execute(text("UPDATE counter SET value = 1"))
            session.after_commit(lambda: seen.append("committed"))
            raise ZeroDivisionError
    assert seen == []
    assert await _value(database) == 0


async def test_a_commit_that_fails_leaves_nothing(database: Database) -> None:
    def fail(_connection: object) -> None:
        raise ZeroDivisionError

    event.listen(database.engine.sync_engine, "commit", fail)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await session.execute(text("UPDATE counter SET value = 1"))
    event.remove(database.engine.sync_engine, "commit", fail)
    assert await _value(database) == 0


async def test_no_update_is_lost(database: Database) -> None:
    async def increment() -> None:
        async with database.transaction() as session:
            value = await session.scalar(text("SELECT value FROM counter"))
            await asyncio.sleep(0)
            update = text("UPDATE counter SET value = :value")
            await session.execute(update, {"value": (value or 0) + 1})

    await asyncio.gather(*(increment() for _ in range(20)))
    assert await _value(database) == 20


async def test_no_update_is_lost_between_processes(
    database: Database, settings: Settings
) -> None:
    # Another pool on the same file is what another process would have.
    other = Database(settings.database_url.get_secret_value())

    async def increment(each: Database) -> None:
        async with each.transaction() as session:
            value = await session.scalar(text("SELECT value FROM counter"))
            update = text("UPDATE counter SET value = :value")
            await session.execute(update, {"value": (value or 0) + 1})

    try:
        for _ in range(10):
            await asyncio.gather(increment(database), increment(other))
    finally:
        await other.dispose()
    assert await _value(database) == 20


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE counter SET value = 1"))
        assert await _value(database) == 0


async def test_a_read_session_cannot_write(database: Database) -> None:
    async with database.reading() as session:
        with pytest.raises(DBAPIError, match="readonly"):
            await session.execute(text("UPDATE counter SET value = 1"))


async def test_foreign_keys_are_enforced(database: Database) -> None:
    async with database.transaction() as session:
        assert await session.scalar(text("PRAGMA foreign_keys")) == 1
