"""Fixtures for services: a database, and users."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from backend.core.config import Settings
from backend.core.database import Database
from backend.models import Base, User
from backend.services import auth_service

MakeUser = Callable[[str], Awaitable[User]]


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A database in a file, per test: in memory, all would share one connection."""
    database = Database(settings.database_url.get_secret_value())
    await database.create_tables(Base)
    yield database
    await database.dispose()


@pytest.fixture
def make_user(database: Database) -> MakeUser:
    """A function that registers a user whose password nobody knows."""

    async def make_user(email: str) -> User:
        async with database.transaction() as session:
            return await auth_service.register(
                session, email=email, password_hash="!", full_name=None
            )

    return make_user


@pytest.fixture
async def ada(make_user: MakeUser) -> User:
    """A user."""
    return await make_user("ada@example.com")
