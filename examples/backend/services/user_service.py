"""Changes to one's own account."""

from uuid import UUID

from backend.core.database import WriteSession
from backend.models import User
from backend.services import auth_service


async def update_user(
    session: WriteSession,
    user_id: int,
    session_id: UUID,
    changes: dict[str, str | None],
    *,
    password_hash: str | None = None,
) -> User:
    """Change the account. A new password ends every other session."""
    user = await session.get_one(User, user_id)
    for field, value in changes.items():
        setattr(user, field, value)
    if password_hash is not None:
        user.password_hash = password_hash
        await auth_service.sign_out_others(session, user_id, session_id)
    await session.flush()
    return user
