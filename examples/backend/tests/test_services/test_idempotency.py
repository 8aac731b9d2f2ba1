import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from backend.core.database import Database
from backend.core.errors import IdempotencyKeyReusedError
from backend.models import IdempotencyKey, User
from backend.services import idempotency
from backend.services.idempotency import Answer

pytestmark = pytest.mark.anyio


async def answer(database: Database, user: User, request: str, body: str) -> Answer:
    """Answer a request as an endpoint does: once per key."""
    async with database.transaction() as session:
        claimed = await idempotency.claim(session, user.id, "key", request)
        if claimed.replay is not None:
            return claimed.replay
        answer = Answer(201, body, {"location": "/x"})
        await idempotency.keep(session, claimed, answer)
        return answer


async def test_the_first_answer_is_given_again(database: Database, ada: User) -> None:
    answers = await asyncio.gather(
        *(answer(database, ada, "request", f"body {n}") for n in range(5))
    )
    assert len({each.body for each in answers}) == 1


async def test_another_request_with_the_key_is_refused(
    database: Database, ada: User
) -> None:
    await answer(database, ada, "request", "body")
    with pytest.raises(IdempotencyKeyReusedError):
        await answer(database, ada, "another", "body")


async def test_a_failed_request_leaves_the_key_free(
    database: Database, ada: User
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await idempotency.claim(session, ada.id, "key", "request")
            raise ZeroDivisionError
    assert (await answer(database, ada, "another", "body")).body == "body"


async def test_old_keys_are_deleted(database: Database, ada: User) -> None:
    await answer(database, ada, "request", "body")
    count = select(func.count()).select_from(IdempotencyKey)
    async with database.transaction() as session:
        await idempotency.delete_old(session, timedelta(hours=1))
        assert await session.scalar(count) == 1
        await idempotency.delete_old(session, timedelta(0))
        assert await session.scalar(count) == 0
