"""Register, sign in, refresh, sign out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Update, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.database import Database, WriteSession
from backend.core.errors import EmailTakenError, UnauthenticatedError
from backend.core.security import (
    AccessClaims,
    AccessTokens,
    Passwords,
    fingerprint,
    new_refresh_token,
)
from backend.models import AuthSession, RefreshToken, User


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, in which of their sessions, and until when the token holds."""

    user: User
    session_id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a sign-in or a refresh hands out."""

    access_token: str
    expires_in: int
    refresh_token: str


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Hands out tokens for a session."""

    access_tokens: AccessTokens
    refresh_lifetime: timedelta

    async def issue(
        self, session: WriteSession, user_id: int, session_id: UUID
    ) -> IssuedTokens:
        """Sign an access token, and store the hash of a new refresh token."""
        refresh_token = new_refresh_token()
        session.add(
            RefreshToken(
                token_hash=fingerprint(refresh_token),
                session_id=session_id,
                expires_at=datetime.now(UTC) + self.refresh_lifetime,
            )
        )
        await session.flush()
        return IssuedTokens(
            access_token=self.access_tokens.issue(user_id, session_id),
            expires_in=int(self.access_tokens.lifetime.total_seconds()),
            refresh_token=refresh_token,
        )


async def register(
    session: WriteSession, *, email: str, password_hash: str, full_name: str | None
) -> User:
    """Add a user. The unique constraint decides, so two at once cannot both win."""
    user = User(email=email, password_hash=password_hash, full_name=full_name)
    session.add(user)
    try:
        await session.flush()
    except IntegrityError as error:
        raise EmailTakenError("There is an account with this address.") from error
    return user


async def authenticate(
    database: Database, passwords: Passwords, email: str | None, password: str
) -> tuple[User, str | None]:
    """Find the user of an address and password, and a new hash if one is due.

    The connection goes back before the hash is computed: that takes long.
    """
    user = None
    if email is not None:
        async with database.reading() as session:
            query = select(User).where(User.email == email)
            user = await session.scalar(query)
    stored = None if user is None else user.password_hash
    right, new_hash = await passwords.verify(password, stored)
    if user is None or not right:
        raise UnauthenticatedError("The address or the password is wrong.")
    return user, new_hash


async def sign_in(
    session: WriteSession, issuer: TokenIssuer, user: User, new_hash: str | None
) -> IssuedTokens:
    """Open a session, and store the password's new hash if there is one.

    Only over the hash that was verified: the password may have changed since, and
    a session that an old password opens would outlive the change.
    """
    await _set_password_hash(session, user, new_hash or user.password_hash)
    auth_session = AuthSession(user_id=user.id)
    session.add(auth_session)
    await session.flush()
    return await issuer.issue(session, user.id, auth_session.id)


async def rotate(
    session: WriteSession, issuer: TokenIssuer, refresh_token: str
) -> IssuedTokens | None:
    """Exchange a refresh token for new tokens; None if it is not good.

    One conditional UPDATE uses it up: of two at once, the second changes no row.
    A used token that comes again was stolen, here or then, so its whole session
    ends. That must be committed: return None, since an exception would undo it.
    """
    now = datetime.now(UTC)
    token_hash = fingerprint(refresh_token)
    living = select(AuthSession.id).where(AuthSession.revoked_at.is_(None))
    session_id = await session.scalar(
        update(RefreshToken)
        .where(
            RefreshToken.token_hash == token_hash,
            RefreshToken.used_at.is_(None),
            RefreshToken.expires_at > now,
            RefreshToken.session_id.in_(living),
        )
        .values(used_at=now)
        .returning(RefreshToken.session_id)
    )
    if session_id is None:
        reused = select(RefreshToken.session_id).where(
            RefreshToken.token_hash == token_hash, RefreshToken.used_at.is_not(None)
        )
        await session.execute(_revoke(AuthSession.id.in_(reused)))
        return None
    query = select(AuthSession.user_id).where(AuthSession.id == session_id)
    user_id = (await session.scalars(query)).one()
    return await issuer.issue(session, user_id, session_id)


async def sign_out(session: WriteSession, session_id: UUID) -> None:
    """End one session: its refresh tokens and its access tokens."""
    await session.execute(_revoke(AuthSession.id == session_id))


async def replace_password(
    session: WriteSession, identity: Identity, password_hash: str
) -> None:
    """Store a new password, and end every session of the user but this one."""
    await _set_password_hash(session, identity.user, password_hash)
    others = (AuthSession.user_id == identity.user.id) & (
        AuthSession.id != identity.session_id
    )
    await session.execute(_revoke(others))


async def _set_password_hash(
    session: WriteSession, verified: User, password_hash: str
) -> None:
    changed = await session.scalar(
        update(User)
        .where(User.id == verified.id, User.password_hash == verified.password_hash)
        .values(password_hash=password_hash)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        raise UnauthenticatedError("The password was changed at the same time.")


def _revoke(which: ColumnElement[bool]) -> Update:
    return (
        update(AuthSession)
        .where(which, AuthSession.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
        .execution_options(synchronize_session=False)
    )


async def identify(session: AsyncSession, claims: AccessClaims) -> Identity:
    """Find the user of an access token, unless the session has been revoked."""
    query = (
        select(User)
        .join(AuthSession, AuthSession.user_id == User.id)
        .where(
            User.id == claims.user_id,
            AuthSession.id == claims.session_id,
            AuthSession.revoked_at.is_(None),
        )
    )
    user = await session.scalar(query)
    if user is None:
        raise UnauthenticatedError("The session has ended.")
    return Identity(user, claims.session_id, claims.expires_at)


async def delete_expired(session: WriteSession) -> None:
    """Delete refresh tokens that can no longer be used or reused."""
    await session.execute(
        delete(RefreshToken).where(RefreshToken.expires_at < datetime.now(UTC))
    )


async def check_still_signed_in(session: AsyncSession, identity: Identity) -> None:
    """Raise if the token has expired or its session was revoked since."""
    query = select(AuthSession.id).where(
        AuthSession.id == identity.session_id, AuthSession.revoked_at.is_(None)
    )
    expired = identity.expires_at <= datetime.now(UTC)
    if expired or await session.scalar(query) is None:
        raise UnauthenticatedError("The session has ended.")
