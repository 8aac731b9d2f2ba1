"""The answers to requests with an Idempotency-Key, kept with what they did."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from backend.core.database import WriteSession
from backend.core.errors import IdempotencyKeyReusedError
from backend.models import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be given again, byte for byte."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """A key in the hands of one request: with the old answer, or to be answered."""

    row: IdempotencyKey
    replay: Answer | None


async def claim(session: WriteSession, user_id: int, key: str, request: str) -> Claim:
    """Insert the key, or find what was answered to it.

    The row is written first, so a second request waits here until the first has
    committed (and then replays) or rolled back (and then does the work).
    """
    digest = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
    row = IdempotencyKey(user_id=user_id, key=key, fingerprint=digest)
    try:
        async with session.begin_nested():  # only the INSERT is undone on conflict
            session.add(row)
    except IntegrityError:
        query = select(IdempotencyKey).where(
            IdempotencyKey.user_id == user_id, IdempotencyKey.key == key
        )
        row = (await session.scalars(query)).one()
    else:
        return Claim(row, None)
    if row.fingerprint != digest:
        raise IdempotencyKeyReusedError(
            "This Idempotency-Key came with another request.",
            ["header", "Idempotency-Key"],
        )
    return Claim(row, Answer(row.status, row.body, row.headers))


async def keep(session: WriteSession, claimed: Claim, answer: Answer) -> None:
    """Store the answer in the transaction that did the work."""
    claimed.row.status = answer.status
    claimed.row.body = answer.body
    claimed.row.headers = answer.headers
    await session.flush()


async def delete_old(session: WriteSession, older_than: timedelta) -> None:
    """Delete what nobody will ask for again."""
    limit = datetime.now(UTC) - older_than
    await session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.created_at < limit)
    )
