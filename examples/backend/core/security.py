"""Passwords, access tokens and refresh tokens."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from anyio import CapacityLimiter, to_thread
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from backend.core.config import Settings
from backend.core.errors import UnauthenticatedError

ALGORITHM = "HS256"
MAX_USER_ID = 2**63 - 1


class Passwords:
    """Argon2 in threads of its own: one hash would stall the event loop for 0.1 s."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHash(
            [
                Argon2Hasher(
                    time_cost=settings.password_time_cost,
                    memory_cost=settings.password_memory_kib,
                    parallelism=1,
                )
            ]
        )
        # Few at a time: each takes a core and memory_cost of memory.
        self._limiter = CapacityLimiter(settings.password_threads)
        self._dummy = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        return await to_thread.run_sync(
            self._hasher.hash, password, limiter=self._limiter
        )

    async def verify(
        self, password: str, stored: str | None
    ) -> tuple[bool, str | None]:
        """Tell whether the password is right, and its new hash if one is due.

        For a user that does not exist, pass None: a hash is computed all the
        same, or the time of the answer would tell who has an account.
        """
        if stored is None:
            await self._verify(password, self._dummy)
            return False, None
        return await self._verify(password, stored)

    async def _verify(self, password: str, stored: str) -> tuple[bool, str | None]:
        try:
            return await to_thread.run_sync(
                self._hasher.verify_and_update, password, stored, limiter=self._limiter
            )
        except (UnknownHashError, UnicodeEncodeError):
            # A column that holds "!" disables the password; a password with half a
            # surrogate pair is nobody's.
            return False, None


# A header nested a thousand levels deep overflows the JSON parser's stack.
_UNREADABLE = (
    *(jwt.InvalidTokenError, ValueError, TypeError, AttributeError),
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says: who, in which session, until when."""

    user_id: int
    session_id: UUID
    expires_at: datetime


class AccessTokens:
    """Short-lived JSON Web Tokens, signed with the application's secret."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret_key
        self._issuer = settings.token_issuer
        self._audience = settings.token_audience
        self.lifetime = timedelta(minutes=settings.access_token_minutes)

    def issue(self, user_id: int, session_id: UUID) -> str:
        """Sign a token for one session of a user."""
        now = datetime.now(UTC)
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),  # a string: PyJWT refuses anything else on decode
            "sid": str(session_id),
            "iat": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(claims, self._secret.get_secret_value(), algorithm=ALGORITHM)

    def read(self, token: str) -> AccessClaims:
        """Check signature, issuer, audience and expiry; raise Unauthenticated."""
        try:
            claims = jwt.decode(
                token,
                self._secret.get_secret_value(),
                algorithms=[ALGORITHM],  # never the token's own choice
                issuer=self._issuer,
                audience=self._audience,
                options={"require": ["exp", "iat", "sub", "sid"]},
            )
            user_id = int(claims["sub"])
            session_id = UUID(claims["sid"])
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        except _UNREADABLE as error:
            raise UnauthenticatedError("The access token is not valid.") from error
        if not 0 < user_id <= MAX_USER_ID:
            raise UnauthenticatedError("The access token is not valid.")
        return AccessClaims(user_id, session_id, expires_at)


def new_refresh_token() -> str:
    """Make 256 random bits: nothing to read in it, nothing to guess."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """Hash a random token for storage: fast is fine, there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
