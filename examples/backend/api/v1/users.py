"""The caller's own account."""

from fastapi import APIRouter

from backend.api.deps import CurrentUser, PasswordsDep, SessionDep
from backend.api.openapi import problems
from backend.core.errors import UnprocessableError
from backend.models import User
from backend.schemas.user import UserRead, UserUpdate
from backend.services import user_service

router = APIRouter(prefix="/users", tags=["users"], responses=problems(401))


@router.get("/me", response_model=UserRead)
async def read_me(identity: CurrentUser) -> User:
    """Show the account."""
    return identity.user


@router.patch("/me", response_model=UserRead)
async def update_me(
    data: UserUpdate,
    session: SessionDep,
    identity: CurrentUser,
    passwords: PasswordsDep,
) -> User:
    """Change the name or the password. A new password ends all other sessions."""
    password_hash = None
    if "password" in data.model_fields_set:
        right, _ = await passwords.verify(
            data.current_password.get_secret_value(), identity.user.password_hash
        )
        if not right:
            raise UnprocessableError(
                "The current password is wrong.", ["body", "current_password"]
            )
        password_hash = await passwords.hash(data.password.get_secret_value())
    return await user_service.update_user(
        session,
        identity,
        data.model_dump(include={"full_name"}, exclude_unset=True),
        password_hash=password_hash,
    )
