import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from backend.core.config import Settings
from backend.core.database import Database
from backend.core.errors import EmailTakenError, UnauthenticatedError
from backend.core.security import AccessTokens, Passwords
from backend.models import RefreshToken, User
from backend.services import auth_service
from backend.services.auth_service import Identity, IssuedTokens, TokenIssuer
from backend.tests.test_services.conftest import MakeUser

pytestmark = pytest.mark.anyio


@pytest.fixture
def issuer(settings: Settings) -> TokenIssuer:
    return TokenIssuer(AccessTokens(settings), timedelta(days=1))


async def sign_in(database: Database, issuer: TokenIssuer, user: User) -> IssuedTokens:
    async with database.transaction() as session:
        return await auth_service.sign_in(session, issuer, user, None)


async def rotate(
    database: Database, issuer: TokenIssuer, token: str
) -> IssuedTokens | None:
    async with database.transaction() as session:
        return await auth_service.rotate(session, issuer, token)


async def identify(
    database: Database, issuer: TokenIssuer, tokens: IssuedTokens
) -> Identity:
    claims = issuer.access_tokens.read(tokens.access_token)
    async with database.reading() as session:
        return await auth_service.identify(session, claims)


async def test_an_address_has_one_user_even_in_a_race(make_user: MakeUser) -> None:
    results = await asyncio.gather(
        *(make_user("ada@example.com") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(each, User) for each in results) == 1
    assert sum(isinstance(each, EmailTakenError) for each in results) == 4


async def test_wrong_user_and_wrong_password_look_the_same(
    database: Database, settings: Settings, ada: User
) -> None:
    passwords = Passwords(settings)
    details = set()
    for email in ("ada@example.com", "nobody@example.com", None):
        with pytest.raises(UnauthenticatedError) as caught:
            await auth_service.authenticate(database, passwords, email, "wrong")
        details.add(caught.value.detail)
    assert len(details) == 1


async def test_signing_in_renews_an_old_hash(
    database: Database, settings: Settings, issuer: TokenIssuer
) -> None:
    old = Passwords(settings)
    new = Passwords(settings.model_copy(update={"password_time_cost": 2}))
    stored = await old.hash("correct horse")
    async with database.transaction() as session:
        await auth_service.register(
            session, email="bob@example.com", password_hash=stored, full_name=None
        )
    for due in (True, False):
        user, new_hash = await auth_service.authenticate(
            database, new, "bob@example.com", "correct horse"
        )
        assert (new_hash is not None) == due
        async with database.transaction() as session:
            await auth_service.sign_in(session, issuer, user, new_hash)


async def test_a_password_changed_meanwhile_signs_nobody_in(
    database: Database, issuer: TokenIssuer, ada: User
) -> None:
    async with database.transaction() as session:
        await session.execute(update(User).values(password_hash="another"))
    with pytest.raises(UnauthenticatedError):
        await sign_in(database, issuer, ada)


async def test_refresh_tokens_are_kept_as_hashes(
    database: Database, issuer: TokenIssuer, ada: User
) -> None:
    tokens = await sign_in(database, issuer, ada)
    async with database.reading() as session:
        kept = (await session.scalars(select(RefreshToken.token_hash))).one()
    assert tokens.refresh_token != kept


async def test_a_used_refresh_token_ends_the_session(
    database: Database, issuer: TokenIssuer, ada: User
) -> None:
    first = await sign_in(database, issuer, ada)
    second = await rotate(database, issuer, first.refresh_token)
    assert second is not None
    assert (await identify(database, issuer, second)).user.id == ada.id
    assert await rotate(database, issuer, first.refresh_token) is None
    assert await rotate(database, issuer, second.refresh_token) is None
    with pytest.raises(UnauthenticatedError):
        await identify(database, issuer, second)


async def test_of_racing_refreshes_one_wins(
    database: Database, issuer: TokenIssuer, ada: User
) -> None:
    token = (await sign_in(database, issuer, ada)).refresh_token
    results = await asyncio.gather(*(rotate(database, issuer, token) for _ in range(5)))
    assert sum(each is not None for each in results) == 1


async def test_an_expired_refresh_token_is_no_theft(
    database: Database, issuer: TokenIssuer, ada: User
) -> None:
    tokens = await sign_in(database, issuer, ada)
    async with database.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(update(RefreshToken).values(expires_at=past))
    assert await rotate(database, issuer, tokens.refresh_token) is None
    identity = await identify(database, issuer, tokens)
    async with database.transaction() as session:
        await auth_service.delete_expired(session)
        count = select(func.count()).select_from(RefreshToken)
        assert await session.scalar(count) == 0
    async with database.reading() as session:
        await auth_service.check_still_signed_in(session, identity)


async def test_signing_out_ends_access_at_once(
    database: Database, issuer: TokenIssuer, ada: User
) -> None:
    tokens = await sign_in(database, issuer, ada)
    other = await sign_in(database, issuer, ada)
    identity = await identify(database, issuer, tokens)
    async with database.transaction() as session:
        await auth_service.sign_out(session, identity.session_id)
    with pytest.raises(UnauthenticatedError):
        await identify(database, issuer, tokens)
    async with database.reading() as session:
        with pytest.raises(UnauthenticatedError):
            await auth_service.check_still_signed_in(session, identity)
    assert (await identify(database, issuer, other)).user.id == ada.id
