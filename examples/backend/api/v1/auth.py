"""Register, sign in, refresh, sign out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import TypeAdapter, ValidationError

from backend.api.deps import (
    CurrentUser,
    DatabaseDep,
    PasswordsDep,
    SessionDep,
    TokenIssuerDep,
)
from backend.api.openapi import problems
from backend.core.errors import UnauthenticatedError
from backend.core.problems import domain_problem
from backend.models import User
from backend.schemas.user import (
    Email,
    RefreshRequest,
    Registration,
    TokenPair,
    UserRead,
)
from backend.services import auth_service
from backend.services.auth_service import IssuedTokens

router = APIRouter(prefix="/auth", tags=["auth"])

_email: TypeAdapter[str] = TypeAdapter(Email)


@router.post(
    "/register",
    status_code=status.HTTP_201_CREATED,
    response_model=UserRead,
    responses=problems(409),
)
async def register(
    data: Registration, session: SessionDep, passwords: PasswordsDep
) -> User:
    """Create an account."""
    # Before the first statement: the write lock is not held while this takes long.
    password_hash = await passwords.hash(data.password.get_secret_value())
    return await auth_service.register(
        session,
        email=data.email,
        password_hash=password_hash,
        full_name=data.full_name,
    )


@router.post("/login", response_model=TokenPair, responses=problems(401))
async def login(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    database: DatabaseDep,
    session: SessionDep,
    passwords: PasswordsDep,
    issuer: TokenIssuerDep,
) -> IssuedTokens:
    """Exchange e-mail address (as `username`) and password for tokens."""
    try:
        email = _email.validate_python(form.username)  # spelt as registration does
    except ValidationError:
        email = None  # nobody's
    user, new_hash = await auth_service.authenticate(
        database, passwords, email, form.password
    )
    return await auth_service.sign_in(session, issuer, user, new_hash)


@router.post("/refresh", response_model=TokenPair, responses=problems(401))
async def refresh(
    request: Request, data: RefreshRequest, session: SessionDep, issuer: TokenIssuerDep
) -> IssuedTokens | Response:
    """Exchange a refresh token, which works once, for the next pair."""
    tokens = await auth_service.rotate(session, issuer, data.refresh_token)
    if tokens is None:
        # Returned, not raised: raising would roll back the end of the session.
        error = UnauthenticatedError("The refresh token is not valid.")
        return domain_problem(request.scope, error)
    return tokens


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, responses=problems(401))
async def logout(session: SessionDep, identity: CurrentUser) -> None:
    """End the session: its access tokens stop working at once."""
    await auth_service.sign_out(session, identity.session_id)
