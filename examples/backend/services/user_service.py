"""Changes to one's own account."""

from backend.core.database import WriteSession
from backend.models import User
from backend.services import auth_service
from backend.services.auth_service import Identity


async def update_user(
    session: WriteSession,
    identity: Identity,
    changes: dict[str, str | None],
    *,
    password_hash: str | None = None,
) -> User:
    """Change the account. A new password ends every other session."""
    if password_hash is not None:
        await auth_service.replace_password(session, identity, password_hash)
    user = await session.get_one(User, identity.user.id)
    for field, value in changes.items():
        setattr(user, field, value)
    await session.flush()
    return user
